// SPDX-License-Identifier: GPL-3.0-or-later
// Builds a plan job by job; a preparation that several jobs need is added once.
#pragma once

#include <string>

#include "plan/plan.h"

namespace cyborg {

class Planner {
 public:
  Planner(const Fleet& fleet, const Jobs& active) : fleet_(fleet), active_(active) {}

  Plan take() { return std::move(plan_); }
  Plan& plan() { return plan_; }

  // The borg repository of a client; the plan creates one that does not exist.
  std::string borg_url(const Repository& repository, const std::string& client);

  // Adds the preparation that a job needs, unless it was done.
  void need_client(NewJob& job, const Client& client);
  void need_repository(NewJob& job, const Repository& repository, const std::string& url);

  // With direct access, the preparation runs on the client, too.
  NewJob repository_preparation(const Repository& repository, const std::string& owner,
                                const std::string& url);
  static NewJob preparation(JobKind kind, std::string client, std::string repository, std::string url);

  std::size_t add(NewJob job);

 private:
  bool needs_way(const Repository& repository, const BorgRepository& one, const std::string& name) const;
  void need(NewJob& job, NewJob wanted);

  const Fleet& fleet_;
  const Jobs& active_;
  Plan plan_;
};

}  // namespace cyborg
