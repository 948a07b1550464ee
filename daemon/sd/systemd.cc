// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/systemd.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "sd/unit_message.h"

namespace cyborg::sd {
namespace {

constexpr char kRetry[] = "sd.check-jobs.";
constexpr char kJobUnits[] = "cyborg-job-*.service";
constexpr char kFailed[] = "failed";  // has ended, too, but systemd keeps it until forget_job()

std::string journal_hint(std::int64_t job) {
  return "see: journalctl -u " + job_unit_name(job);
}

// A unit that fails at once also has the start result "failed", and one that is stopped by then "canceled";
// it may have left a result file. These count as starts, and the handler of the unit's end finds out more.
bool was_executed(const std::string& result) {
  return result == "done" || result == "failed" || result == "canceled" || result == "timeout";
}

}  // namespace

SystemdManager::SystemdManager(Loop& loop, const SystemdOptions& options)
    : loop_(loop),
      credentials_(options.credentials),
      bus_(loop),
      timers_(loop, bus_, options.timers, options.stamps),
      calendar_(loop) {
  bus_.on_connected = [this] { connected(); };
  bus_.on_unit_removed = [this](const std::string& unit) { unit_removed(unit); };
  bus_.on_unit_failed = [this](const std::string& unit) { unit_removed(unit); };
  // While systemd reloaded, removed units were not announced one by one.
  bus_.on_reloaded = [this] {
    suspects_.insert(live_.begin(), live_.end());
    check_suspects();
  };
  bus_.connect();
}

void SystemdManager::connected() {
  suspects_.insert(live_.begin(), live_.end());
  for (const auto& [job, start] : starts_) {
    if (start.failure) suspects_.insert(job);
  }
  if (!tidied_) {
    tidied_ = true;
    list_units([this](std::expected<UnitStates, BusFailure> units) {
      // A unit that is being executed may be about to read its credentials.
      if (units)
        credentials_.remove_others([&](std::int64_t job) {
          const auto unit = units->find(job);
          return starts_.contains(job) || (unit != units->end() && unit->second.active == "activating");
        });
    });
  }
  check_suspects();
}

void SystemdManager::start_job(const UnitSpec& unit, std::map<std::string, std::string> credentials,
                               Done<void> done) {
  const std::int64_t job = job_of_unit(unit.name);
  Expected<void> ready;
  if (job <= 0) {
    ready = fail(ErrorCode::failed, "'" + unit.name + "' is not the name of a job's unit");
  } else if (starts_.contains(job) || live_.contains(job)) {
    ready = fail(ErrorCode::failed, unit.name + " was started already");
  } else {
    ready = credentials_.write(job, credentials);
  }
  if (!ready) {
    loop_.post([done = std::move(done), ready = std::move(ready)] { done(ready); });
    return;
  }
  starts_[job].done = std::move(done);
  bus_.watch_unit(unit.name);
  bus_.run_job(
      "StartTransientUnit", [unit](sd_bus_message* message) { append_transient_unit(message, unit); },
      [this, job](std::expected<std::string, BusFailure> result) { started(job, std::move(result)); });
}

void SystemdManager::started(std::int64_t job, std::expected<std::string, BusFailure> result) {
  const std::string what = "cannot start " + job_unit_name(job);
  if (result && was_executed(*result)) {
    lives(job);
    answer(job, {});
    if (*result != "done") suspect(job);
  } else if (result) {
    starts_[job].failure =
        Error{ErrorCode::failed, what + ": the result of its start was '" + *result + "'", journal_hint(job)};
    suspect(job);
  } else if (result.error().lost) {
    starts_[job].failure = to_error(result.error(), what);
    starts_[job].unknown = true;
    suspect(job);
  } else {
    answer(job, std::unexpected(to_error(result.error(), what)));
  }
}

void SystemdManager::answer(std::int64_t job, Expected<void> result) {
  credentials_.remove(job);  // they were read when the unit was executed
  auto start = starts_.extract(job);
  if (start && start.mapped().done) start.mapped().done(std::move(result));
}

void SystemdManager::stop_job(std::int64_t job, Done<void> done) {
  bus_.call(
      "StopUnit",
      [job](sd_bus_message* message) {
        check(sd_bus_message_append(message, "ss", job_unit_name(job).c_str(), "replace"), "StopUnit");
      },
      [this, job, done = std::move(done)](std::expected<sd_bus_message*, BusFailure> reply) {
        if (reply) return done({});
        // The unit ended by itself meanwhile.
        if (reply.error().name == "org.freedesktop.systemd1.NoSuchUnit") {
          suspect(job);
          return done({});
        }
        done(std::unexpected(to_error(reply.error(), "cannot stop " + job_unit_name(job))));
      });
}

void SystemdManager::list_jobs(Done<std::vector<JobUnit>> done) {
  list_units([this, done = std::move(done)](std::expected<UnitStates, BusFailure> units) {
    if (!units) return done(std::unexpected(to_error(units.error(), "cannot list the units of jobs")));
    std::vector<JobUnit> jobs;
    for (const auto& [job, state] : *units) {
      jobs.push_back({job, state.active == kFailed, "", attempt_of_unit(state.description)});
      if (state.active != kFailed && !starts_.contains(job)) lives(job);
    }
    get_results(std::move(jobs), 0, done);
  });
}

void SystemdManager::get_results(std::vector<JobUnit> units, std::size_t next,
                                 Done<std::vector<JobUnit>> done) {
  while (next < units.size() && !units[next].ended) ++next;
  if (next == units.size()) return done(std::move(units));
  const std::string unit = job_unit_name(units[next].job);
  bus_.get_service_property(unit, "Result", [=, this](std::expected<std::string, BusFailure> result) mutable {
    if (result) units[next].service_result = *result;
    get_results(std::move(units), next + 1, std::move(done));
  });
}

void SystemdManager::forget_job(std::int64_t job) {
  bus_.call(
      "ResetFailedUnit",
      [job](sd_bus_message* message) {
        check(sd_bus_message_append(message, "s", job_unit_name(job).c_str()), "ResetFailedUnit");
      },
      // Most are gone already, and a remaining one is found at the next start.
      [](std::expected<sd_bus_message*, BusFailure>) {});
}

void SystemdManager::list_units(std::function<void(std::expected<UnitStates, BusFailure>)> handler) {
  // By pattern even for one unit: a request by name would load the unit, and announce its removal again.
  bus_.call(
      "ListUnitsByPatterns",
      [](sd_bus_message* message) {
        check(sd_bus_message_append(message, "asas", 5, "active", "activating", "deactivating", "reloading",
                                    kFailed, 1, kJobUnits),
              "ListUnitsByPatterns");
      },
      [handler = std::move(handler)](std::expected<sd_bus_message*, BusFailure> reply) {
        if (!reply) return handler(std::unexpected(reply.error()));
        UnitStates units;
        check(sd_bus_message_enter_container(*reply, 'a', "(ssssssouso)"), "ListUnitsByPatterns");
        const char *name = nullptr, *description = nullptr, *state = nullptr, *skip = nullptr;
        std::uint32_t id = 0;
        while (check(sd_bus_message_read(*reply, "(ssssssouso)", &name, &description, &skip, &state, &skip,
                                         &skip, &skip, &id, &skip, &skip),
                     "ListUnitsByPatterns") > 0) {
          if (const std::int64_t job = job_of_unit(name); job > 0) units[job] = {state, description};
        }
        handler(std::move(units));
      });
}

// systemd also announces units as removed when it merely reloads them.
void SystemdManager::unit_removed(const std::string& unit) {
  const std::int64_t job = job_of_unit(unit);
  if (job <= 0) return;
  const auto start = starts_.find(job);
  if (live_.contains(job) || (start != starts_.end() && start->second.failure)) suspect(job);
}

void SystemdManager::suspect(std::int64_t job) {
  suspects_.insert(job);
  check_suspects();
}

void SystemdManager::check_suspects() {
  if (checking_ || suspects_.empty()) return;
  checking_ = true;
  // Sent in the loop's next turn, so that units announced together are checked together.
  loop_.post([this] {
    list_units([this, suspects = std::exchange(suspects_, {})](std::expected<UnitStates, BusFailure> units) {
      checking_ = false;
      if (units) {
        judge(suspects, *units);
        return check_suspects();
      }
      suspects_.insert(suspects.begin(), suspects.end());
      loop_.after(kRetry, std::chrono::seconds{1}, [this] { check_suspects(); });
    });
  });
}

void SystemdManager::judge(const std::set<std::int64_t>& suspects, const UnitStates& units) {
  for (std::int64_t job : suspects) {
    const auto unit = units.find(job);
    const bool failed = unit != units.end() && unit->second.active == kFailed;
    const std::string* state = unit == units.end() || failed ? nullptr : &unit->second.active;
    guarded("at the end of a job", [&] {
      if (starts_.contains(job)) {
        judge_start(job, state);
      } else if (!state) {
        ended(job, failed);
      }
    });
  }
}

void SystemdManager::judge_start(std::int64_t job, const std::string* state) {
  const Start& start = starts_[job];
  if (!start.failure) return;  // its answer is still to come
  if (!state) {
    bus_.unwatch_unit(job_unit_name(job));
    forget_job(job);
    return answer(job, std::unexpected(*start.failure));
  }
  if (!start.unknown) return;  // its end will be announced
  if (*state == "activating") {
    // The unit's end will not be announced, since the answer that named systemd's job was lost.
    loop_.after(kRetry + std::to_string(job), std::chrono::seconds{1}, [this, job] { suspect(job); });
    return;
  }
  lives(job);
  answer(job, {});
}

void SystemdManager::lives(std::int64_t job) {
  live_.insert(job);
  bus_.watch_unit(job_unit_name(job));
}

void SystemdManager::ended(std::int64_t job, bool failed) {
  if (live_.erase(job) == 0) return;
  credentials_.remove(job);
  const std::string unit = job_unit_name(job);
  bus_.unwatch_unit(unit);
  if (!failed) return on_job_ended(job, "");
  bus_.get_service_property(unit, "Result", [this, job](std::expected<std::string, BusFailure> result) {
    on_job_ended(job, result ? *result : "");
  });
}

void SystemdManager::set_timers(std::map<std::string, std::string> timers, Done<void> done) {
  timers_.set(std::move(timers), std::move(done));
}

void SystemdManager::next_elapses(std::vector<std::string> calendar, unsigned count,
                                  Done<std::vector<Microseconds>> done) {
  calendar_.next_elapses(std::move(calendar), count, std::move(done));
}

}  // namespace cyborg::sd
