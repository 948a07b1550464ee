// SPDX-License-Identifier: GPL-3.0-or-later
// The generated timers, such as cyborg-policy@NAME.timer: writes them as files to /run/systemd/system, and
// has systemd start them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manager/ports.h"
#include "sd/loop.h"
#include "sd/manager_bus.h"

namespace cyborg::sd {

class TimerSet {
 public:
  // Directories of unit files, and of systemd's time stamps of persistent timers.
  TimerSet(Loop& loop, ManagerBus& bus, std::string directory, std::string stamps);

  // Calls are served one after the other; of the waiting calls only the latest is carried out, and its
  // outcome answers all of them.
  void set(std::map<std::string, std::string> timers, Done<void> done);

 private:
  using Timers = std::map<std::string, std::string>;  // unit → text

  // The change from the current state to the desired one; names of units.
  struct Change {
    Timers wanted;
    std::vector<Done<void>> done;
    std::set<std::string> loaded, active;  // in systemd
    std::set<std::string> removed, written, started;
    bool first = false;  // the first since the daemon started: missed elapses are caught up
    bool reload = false;
    std::optional<Error> error;  // the first error; the remaining steps are carried out nevertheless
  };

  // The steps, in order; each calls the next.
  void begin();
  void list_loaded();
  void plan();
  void stop_removed();
  void write_files();
  void reload();
  void start_changed();
  void finish();

  // Runs the systemd job for each of the timers, then continues with the next step.
  void for_each(const std::set<std::string>& units, const char* method, void (TimerSet::*next)());
  Timers read_directory();
  void note(Expected<void> result);
  std::string file_path(const std::string& unit) const;
  std::string stamp_path(const std::string& unit) const;
  std::string marker_path() const;

  Loop& loop_;
  ManagerBus& bus_;
  std::string directory_, stamps_;
  std::optional<Change> current_, next_;
  bool first_ = true;
};

}  // namespace cyborg::sd
