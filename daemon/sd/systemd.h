// SPDX-License-Identifier: GPL-3.0-or-later
// The port to systemd's manager: job units, timers, and the meaning of OnCalendar= expressions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manager/ports.h"
#include "sd/calendar_tool.h"
#include "sd/credentials.h"
#include "sd/loop.h"
#include "sd/manager_bus.h"
#include "sd/timers.h"

namespace cyborg::sd {

struct SystemdOptions {
  std::string credentials = Paths{}.credentials;
  std::string timers = "/run/systemd/system";
  std::string stamps = "/var/lib/systemd/timers";
};

class SystemdManager : public Systemd {
 public:
  // Connects to the system bus, and reconnects whenever the connection is lost. Must live as long as the loop
  // runs.
  SystemdManager(Loop& loop, const SystemdOptions& options);

  // A program that cannot be executed also counts as started, and as ended without a result: systemd does not
  // distinguish it from a program that fails at once.
  void start_job(const UnitSpec& unit, std::map<std::string, std::string> credentials,
                 Done<void> done) override;
  void stop_job(std::int64_t job, Done<void> done) override;
  void list_jobs(Done<std::vector<JobUnit>> done) override;
  void forget_job(std::int64_t job) override;
  void set_timers(std::map<std::string, std::string> timers, Done<void> done) override;
  void next_elapses(std::vector<std::string> calendar, unsigned count,
                    Done<std::vector<Microseconds>> done) override;

 private:
  struct Start {
    Done<void> done;
    std::optional<Error> failure;  // if set, the start is answered with it once the unit is gone
    bool unknown = false;          // systemd went away before it said what became of the unit
  };
  struct UnitState {
    std::string active;       // systemd's word
    std::string description;  // of the unit
  };
  using UnitStates = std::map<std::int64_t, UnitState>;  // by job

  void connected();
  void unit_removed(const std::string& unit);
  void started(std::int64_t job, std::expected<std::string, BusFailure> result);
  void answer(std::int64_t job, Expected<void> result);
  void lives(std::int64_t job);
  // Calls on_job_ended, exactly once for each job.
  void ended(std::int64_t job, bool failed);
  void get_results(std::vector<JobUnit> units, std::size_t next, Done<std::vector<JobUnit>> done);
  void list_units(std::function<void(std::expected<UnitStates, BusFailure>)> handler);
  // Checks which of the suspects are gone, in one call for any number of them.
  void suspect(std::int64_t job);
  void check_suspects();
  void judge(const std::set<std::int64_t>& suspects, const UnitStates& units);
  void judge_start(std::int64_t job, const std::string* state);

  Loop& loop_;
  Credentials credentials_;
  ManagerBus bus_;
  TimerSet timers_;
  CalendarTool calendar_;

  std::map<std::int64_t, Start> starts_;  // not answered yet
  std::set<std::int64_t> live_;           // started or adopted, their end not reported yet
  std::set<std::int64_t> suspects_;       // may be gone
  bool checking_ = false;
  bool tidied_ = false;  // credentials left by earlier daemons were removed
};

}  // namespace cyborg::sd
