// SPDX-License-Identifier: GPL-3.0-or-later
// The base of tests against a real systemd: a daemon's side, which can be restarted.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "loop_runner.h"
#include "sd/child.h"
#include "sd/systemd.h"

namespace cyborg::sd {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline constexpr char kTimers[] = "/run/systemd/system";
inline constexpr char kStamps[] = "/var/lib/systemd/timers";
inline constexpr char kCredentials[] = "/run/cyborg-sd-test/credentials";

// A job's unit as core builds it, with a shell script in place of cyborg-job and without the sandbox.
inline UnitSpec shell_unit(std::int64_t job, const std::string& script) {
  const auto bytes = [](const std::string& text) {
    return std::vector<std::uint8_t>(text.begin(), text.end());
  };
  return {job_unit_name(job),
          {{"Description", std::string{"a test"}},
           {"Type", std::string{"exec"}},
           {"CollectMode", std::string{"inactive"}},
           {"ExecStart", std::vector<ExecCommand>{{"/bin/sh", {"/bin/sh", "-c", script}, false}}},
           {"LogExtraFields", ByteStrings{bytes("CYBORG_JOB=" + std::to_string(job)), bytes("CYBORG_RUN=1")}},
           {"TimeoutStopUSec", std::uint64_t{5'000'000}},
           {"NoNewPrivileges", true},
           {"SystemCallErrorNumber", std::int32_t{1}},
           {"UMask", std::uint32_t{007}},
           {"SystemCallArchitectures", std::vector<std::string>{"native"}},
           {"SystemCallFilter", FilterList{true, {"@system-service"}}},
           {"LoadCredential", StringPairs{}}}};
}

class SystemdTest : public ::testing::Test {
 protected:
  SystemdTest() { restart(); }
  ~SystemdTest() override {
    // Removes timers and units that a test left.
    if (!systemd) restart();
    Answer<void> done;
    systemd->set_timers({}, done.done());
    (void)done.wait(*loop);
    run({"systemctl", "stop", "cyborg-job-*"});
    run({"systemctl", "reset-failed", "cyborg-job-*"});
    fs::remove_all("/run/cyborg-sd-test");
  }

  // Simulates a daemon that starts after another one has gone.
  void restart() {
    systemd.reset();
    loop = std::make_unique<Loop>();
    systemd = std::make_unique<SystemdManager>(*loop, SystemdOptions{kCredentials, kTimers, kStamps});
    systemd->on_job_ended = [this](std::int64_t job, const std::string& service_result) {
      ends.push_back(job);
      results[job] = service_result;
      systemd->forget_job(job);
    };
  }

  // Runs a command and returns its output; the loop runs meanwhile.
  std::string run(const std::vector<std::string>& argv) {
    std::string output;
    bool over = false;
    Child child{*loop, argv, {"LC_ALL=C", "SYSTEMD_COLORS=0"}, 60s, [&](const ChildEnd& end) {
                  output = end.output;
                  over = true;
                }};
    EXPECT_TRUE(run_until(*loop, [&] { return over; }));
    return output.substr(0, output.find_last_not_of('\n') + 1);
  }
  std::string property(const std::string& unit, const std::string& name) {
    return run({"systemctl", "show", "--value", "-p", name, unit});
  }

  Expected<void> start(const UnitSpec& unit, std::map<std::string, std::string> credentials = {}) {
    Answer<void> answer;
    systemd->start_job(unit, std::move(credentials), answer.done());
    return answer.wait(*loop);
  }
  Expected<void> start(std::int64_t job, const std::string& script) { return start(shell_unit(job, script)); }
  Expected<void> stop(std::int64_t job) {
    Answer<void> answer;
    systemd->stop_job(job, answer.done());
    return answer.wait(*loop);
  }
  std::vector<JobUnit> units() {
    Answer<std::vector<JobUnit>> answer;
    systemd->list_jobs(answer.done());
    const auto jobs = answer.wait(*loop);
    EXPECT_TRUE(jobs);
    return jobs.value_or(std::vector<JobUnit>{});
  }
  std::vector<std::int64_t> list() {
    std::vector<std::int64_t> jobs;
    for (const auto& unit : units()) jobs.push_back(unit.job);
    return jobs;
  }
  // Timers of policies.
  Expected<void> set_timers(const std::map<std::string, std::string>& timers) {
    std::map<std::string, std::string> units;
    for (const auto& [policy, text] : timers) units.emplace(timer_unit_name("policy", policy), text);
    return set_units(std::move(units));
  }
  Expected<void> set_units(std::map<std::string, std::string> timers) {
    Answer<void> answer;
    systemd->set_timers(std::move(timers), answer.done());
    return answer.wait(*loop);
  }
  // All announcements have been delivered by then: the list is requested after all events.
  std::vector<std::int64_t> all_ends() {
    list();
    list();
    return ends;
  }

  std::unique_ptr<Loop> loop;
  std::unique_ptr<SystemdManager> systemd;
  std::vector<std::int64_t> ends;
  std::map<std::int64_t, std::string> results;
};

}  // namespace cyborg::sd
