// SPDX-License-Identifier: GPL-3.0-or-later
// The followers of jobs' output, and the position of each. The output file is the buffer: a slow follower, or
// a job that prints a million lines, costs no memory here.
#pragma once

#include <list>
#include <map>
#include <set>
#include <string>

#include "manager/state.h"
#include "store/store.h"

namespace cyborg {

struct LogPage {
  std::vector<OutputLine> lines;
  bool end = false;  // the job has ended and these are its last lines
};

class Followers {
 public:
  Followers(State& state, store::Store& store, JobFiles& files, Clock& clock, Publisher& publisher);

  void read(std::int64_t job, std::uint64_t first, std::size_t limit, Then<LogPage> then);
  // Answered before the first line is sent.
  void follow(const std::string& follower, std::int64_t job, std::uint64_t first, const Then<void>& then);
  void unfollow(const std::string& follower, std::int64_t job);
  void gone(const std::string& follower);  // the follower left the bus

  // The job printed a line, or ended.
  void wake(std::int64_t job);

  // Marks jobs whose output is in their state directory rather than in the database.
  void set_spooled(std::int64_t job, bool spooled);
  bool is_spooled(std::int64_t job) const { return spooled_.contains(job); }

 private:
  struct Follower {
    std::string name;
    std::uint64_t next = 0;
    bool busy = false;  // a page is being read for this follower
  };

  Expected<void> check_limits(const std::string& follower) const;
  void pump(std::int64_t job, const std::string& name);
  void deliver(std::int64_t job, const std::string& name, const Expected<LogPage>& page);
  Follower* find(std::int64_t job, const std::string& name);

  State& state_;
  store::Store& store_;
  JobFiles& files_;
  Clock& clock_;
  Publisher& publisher_;
  std::map<std::int64_t, std::list<Follower>> followers_;
  std::set<std::int64_t> spooled_;
};

}  // namespace cyborg
