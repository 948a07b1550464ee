// SPDX-License-Identifier: GPL-3.0-or-later
// Against a real systemd: run it as root inside a disposable machine (scripts/lab). It starts transient
// units, writes timers, reloads systemd and makes it re-execute itself.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "sd/log.h"
#include "systemd_fixture.h"

namespace cyborg::sd {
namespace {

using Jobs = std::vector<std::int64_t>;

TEST_F(SystemdTest, AJobStartsRunsAndEndsOnce) {
  ASSERT_EQ(::mkfifo("/run/sd-test-go", 0600), 0);
  ASSERT_TRUE(start(101, "read line < /run/sd-test-go"));
  EXPECT_EQ(property("cyborg-job-101.service", "ActiveState"), "active");
  EXPECT_EQ(list(), Jobs{101});
  EXPECT_TRUE(ends.empty());
  std::ofstream{"/run/sd-test-go"} << "go\n";
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  EXPECT_EQ(all_ends(), Jobs{101});
  EXPECT_EQ(list(), Jobs{});
  EXPECT_EQ(property("cyborg-job-101.service", "LoadState"), "not-found");
  EXPECT_EQ(all_ends(), Jobs{101}) << "asking for its unit loads and removes it again";
  ::unlink("/run/sd-test-go");
}

TEST_F(SystemdTest, JobsThatEndAtOnceAreStartedAndEnded) {
  Jobs jobs;
  std::vector<Answer<void>> answers(40);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    jobs.push_back(200 + static_cast<std::int64_t>(i));
    systemd->start_job(shell_unit(jobs.back(), i % 2 == 0 ? "exit 0" : "exit 7"), {}, answers[i].done());
  }
  for (auto& answer : answers) {
    const auto started = answer.wait(*loop);
    EXPECT_TRUE(started) << started.error().message;
  }
  ASSERT_TRUE(run_until(*loop, [&] { return ends.size() == jobs.size(); }));
  Jobs sorted = all_ends();
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, jobs);
  EXPECT_EQ(run({"systemctl", "list-units", "--all", "--no-legend", "cyborg-job-*"}), "");
}

TEST_F(SystemdTest, AReloadEndsNothing) {
  ASSERT_TRUE(start(102, "exec sleep infinity"));
  run({"systemctl", "daemon-reload"});
  run({"systemctl", "daemon-reload"});
  EXPECT_EQ(all_ends(), Jobs{});
  ASSERT_TRUE(stop(102));
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  run({"systemctl", "daemon-reload"});
  EXPECT_EQ(all_ends(), Jobs{102});
}

TEST_F(SystemdTest, StopIsToldAndRepeatable) {
  ASSERT_TRUE(start(103, "exec sleep infinity"));
  ASSERT_TRUE(stop(103));
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  EXPECT_TRUE(stop(103)) << "what has ended needs no stopping";
  EXPECT_EQ(all_ends(), Jobs{103});
}

TEST_F(SystemdTest, SystemctlStopAndKillAreEndsToo) {
  ASSERT_TRUE(start(104, "exec sleep infinity"));
  ASSERT_TRUE(start(105, "exec sleep infinity"));
  run({"systemctl", "stop", "cyborg-job-104"});
  run({"systemctl", "kill", "-s", "KILL", "cyborg-job-105"});
  ASSERT_TRUE(run_until(*loop, [&] { return ends.size() == 2; }));
  EXPECT_EQ(all_ends(), (Jobs{104, 105}));
  EXPECT_EQ(results[105], "signal");
}

TEST_F(SystemdTest, WhyAUnitFailedIsToldAlsoToALaterDaemonUntilItIsForgotten) {
  UnitSpec unit = shell_unit(117, "exec sleep infinity");
  unit.properties.push_back({"RuntimeMaxUSec", std::uint64_t{200'000}});
  systemd->on_job_ended = [this](std::int64_t job, const std::string& result) {
    ends.push_back(job);
    results[job] = result;
  };
  ASSERT_TRUE(start(unit));
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  EXPECT_EQ(results[117], "timeout");
  restart();
  auto found = units();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].ended);
  EXPECT_EQ(found[0].service_result, "timeout");
  systemd->forget_job(117);
  EXPECT_EQ(list(), Jobs{});
  EXPECT_EQ(all_ends(), Jobs{117}) << "its end is told once";
}

TEST_F(SystemdTest, AUnitOfThatNameIsNotStartedTwice) {
  ASSERT_TRUE(start(106, "exec sleep infinity"));
  EXPECT_FALSE(start(106, "exec sleep infinity"));
  restart();
  const auto again = start(106, "exec sleep infinity");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::failed);
  EXPECT_EQ(property("cyborg-job-106.service", "ActiveState"), "active");
  EXPECT_EQ(ends, Jobs{});
}

TEST_F(SystemdTest, WhatCannotBeExecutedEndsAtOnce) {
  UnitSpec unit = shell_unit(107, "");
  unit.properties[3].value = std::vector<ExecCommand>{{"/nowhere/program", {"/nowhere/program"}, false}};
  ASSERT_TRUE(start(unit, {{"spec", "x"}}));
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  EXPECT_EQ(all_ends(), Jobs{107});
  EXPECT_TRUE(fs::is_empty(kCredentials));
}

TEST_F(SystemdTest, WhatSystemdRefusesIsAnErrorAndNoEnd) {
  UnitSpec unit = shell_unit(108, "true");
  unit.properties.push_back({"NoSuchProperty", std::string{"x"}});
  auto started = start(unit, {{"spec", "x"}});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("NoSuchProperty"), std::string::npos) << started.error().message;
  EXPECT_TRUE(fs::is_empty(kCredentials));
  EXPECT_FALSE(start(UnitSpec{"ssh.service", {}})) << "only units of jobs";

  unit.properties.back() = {"Requires", std::vector<std::string>{"sd-test-missing.service"}};
  unit.properties.push_back({"After", std::vector<std::string>{"sd-test-missing.service"}});
  EXPECT_FALSE(start(unit)) << "a dependency that is missing";
  EXPECT_EQ(all_ends(), Jobs{});
  EXPECT_TRUE(start(108, "true")) << "may be tried again";
}

TEST_F(SystemdTest, TheBusMayGoAndComeBack) {
  ASSERT_TRUE(start(114, "exec sleep infinity"));
  ASSERT_TRUE(start(115, "exec sleep infinity"));
  // The bus is gone when the call is made, and the loop has not noticed yet.
  ASSERT_EQ(std::system("p=$(systemctl show -P MainPID dbus.service); systemctl kill -s KILL dbus.service;"
                        " while [ -e /proc/$p ]; do sleep 0.01; done"),
            0);
  Answer<void> answer;
  systemd->start_job(shell_unit(116, "true"), {}, answer.done());
  run({"systemctl", "stop", "cyborg-job-114"});  // by systemd's own socket
  ASSERT_TRUE(run_until(*loop, [&] { return ends == Jobs{114}; }));
  const auto started = answer.wait(*loop);
  EXPECT_TRUE(started || started.error().code == ErrorCode::unavailable);
  ASSERT_TRUE(stop(115));
  ASSERT_TRUE(run_until(*loop, [&] { return ends.size() >= 2; }));
  // systemd itself must be back, too, for the next test.
  run({"timeout", "60", "sh", "-c", "until busctl status org.freedesktop.systemd1; do sleep 0.1; done"});
}

TEST_F(SystemdTest, WhatCoreMakesOfAJobIsTaken) {
  run({"useradd", "--system", "cyborg"});
  std::int64_t job = 300;
  for (const bool local : {false, true}) {
    for (JobKind kind :
         {JobKind::prepare_client, JobKind::prepare_repository, JobKind::backup, JobKind::restore}) {
      JobSpec spec;
      spec.job = ++job;
      spec.kind = kind;
      spec.local = local;
      spec.policy = spec.client = spec.repository = "a";
      spec.repository_path = "/var/lib/sd-test-repository";
      spec.restore.directory = "/";
      JobUnitOptions options{{"/bin/sleep", kCredentials, "/var/lib/cyborg/jobs", "/var/lib/cyborg/borg"},
                             std::chrono::seconds{60},
                             {},
                             {"spec"}};
      const auto started = start(job_unit(spec, options), {{"spec", "{}"}});
      EXPECT_TRUE(started) << to_string(kind) << ": " << started.error().message;
    }
  }
  EXPECT_TRUE(run_until(*loop, [&] { return ends.size() == 8; }));
  run({"journalctl", "--sync"});
  // It ran, and complained about its missing argument, in spite of sandbox and credentials.
  EXPECT_NE(run({"journalctl", "-q", "-b", "-o", "cat", "CYBORG_JOB=303"}).find("sleep: missing operand"),
            std::string::npos);
}

TEST_F(SystemdTest, CredentialsReachTheUnitAndAreGoneAfterwards) {
  const std::string got = "/run/sd-test-got";
  ::unlink(got.c_str());
  UnitSpec unit = shell_unit(109, "cat $CREDENTIALS_DIRECTORY/secret > " + got);
  unit.properties.back().value = StringPairs{{"secret", std::string{kCredentials} + "/109/secret"}};
  ASSERT_TRUE(start(unit, {{"secret", "s3\ncret"}}));
  EXPECT_TRUE(fs::is_empty(kCredentials)) << "as soon as it was executed";
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  std::ifstream file{got};
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>{file}, {}), "s3\ncret");
}

TEST_F(SystemdTest, CredentialsOfAnEarlierDaemonAreRemoved) {
  fs::create_directories(std::string{kCredentials} + "/77");
  std::ofstream{std::string{kCredentials} + "/77/secret"} << "x";
  restart();
  EXPECT_TRUE(run_until(*loop, [&] { return fs::is_empty(kCredentials); }));
}

TEST_F(SystemdTest, AfterARestartJobsAreAdopted) {
  ASSERT_TRUE(start(110, "exec sleep infinity"));
  restart();
  EXPECT_EQ(list(), Jobs{110});
  ASSERT_TRUE(stop(110));
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  EXPECT_EQ(all_ends(), Jobs{110});
}

TEST_F(SystemdTest, SystemdMayExecuteItselfAnew) {
  ASSERT_TRUE(start(111, "exec sleep infinity"));
  run({"systemctl", "daemon-reexec"});
  ASSERT_TRUE(start(112, "exec sleep infinity"));
  EXPECT_EQ(all_ends(), Jobs{});
  run({"systemctl", "stop", "cyborg-job-111", "cyborg-job-112"});
  ASSERT_TRUE(run_until(*loop, [&] { return ends.size() == 2; }));
  EXPECT_EQ(all_ends().size(), 2U);
}

TEST_F(SystemdTest, LinesOfAJobCarryItsFields) {
  const std::string mark = "line-" + std::to_string(loop->now());
  ASSERT_TRUE(start(113, "echo " + mark));
  ASSERT_TRUE(run_until(*loop, [&] { return !ends.empty(); }));
  run({"journalctl", "--sync"});
  EXPECT_EQ(run({"journalctl", "-q", "-b", "-o", "cat", "-g", mark, "CYBORG_JOB=113", "CYBORG_RUN=1",
                 "_SYSTEMD_UNIT=cyborg-job-113.service"}),
            mark);
}

TEST_F(SystemdTest, EventsOfTheDaemonAreFound) {
  const std::string self = fs::read_symlink("/proc/self/exe");
  const std::string mark = "event-" + std::to_string(loop->now());
  run({"systemd-run", "--wait", "-q", self, "--log-event", mark});
  run({"journalctl", "--sync"});
  const std::string entry = run({"journalctl", "-q", "-b", "-o", "export", "CYBORG_POLICY=" + mark});
  EXPECT_NE(entry.find("\nMESSAGE_ID=5a1c0d7e9b3f4f0e8a52c1d0b7e64a01\n"), std::string::npos) << entry;
  EXPECT_NE(entry.find("\nPRIORITY=4\n"), std::string::npos) << entry;
  // plain lines have the priority of their level
  EXPECT_EQ(run({"journalctl", "-q", "-b", "-o", "cat", "-p", "err..err", "-g", "plain: " + mark}),
            "plain: " + mark);
}

}  // namespace
}  // namespace cyborg::sd

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  cyborg::sd::init_log();
  // The part of EventsOfTheDaemonAreFound that runs as a unit.
  if (argc == 3 && std::string{argv[1]} == "--log-event") {
    using namespace cyborg::sd;
    log_event("5a1c0d7e9b3f4f0e8a52c1d0b7e64a01", Priority::warning, "an event",
              {{"CYBORG_POLICY", argv[2]}});
    log_exception("plain", argv[2]);
    return 0;
  }
  return RUN_ALL_TESTS();
}
