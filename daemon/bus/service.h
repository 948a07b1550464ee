// SPDX-License-Identifier: GPL-3.0-or-later
// The objects on the bus, kept in sync with the manager's state.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "manager/ports.h"

struct sd_event;

namespace cyborg {
class Manager;
}

namespace cyborg::bus {

class BusService : public Publisher {
 public:
  // Connects to the system bus, or to that of DBUS_SYSTEM_BUS_ADDRESS. Throws if there is none.
  BusService(sd_event* loop, EventLog& log);
  ~BusService() override;

  // Exports the manager and acquires the bus name; from then on calls are served.
  void serve(Manager& manager);

  void object_changed(ObjectKind kind, const std::string& name) override;
  void job_changed(std::int64_t job) override;
  void job_progress(std::int64_t job) override;
  void job_ended(std::int64_t job) override;
  void job_forgotten(std::int64_t job) override;
  void job_output(const std::string& follower, std::int64_t job, std::uint64_t first,
                  const std::vector<OutputLine>& lines, bool end) override;
  void manager_changed() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cyborg::bus
