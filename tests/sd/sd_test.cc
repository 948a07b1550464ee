// Against a real systemd: run it as root inside a machine that may be thrown away (scripts/lab). It starts
// transient units, writes timers, reloads systemd and makes it execute itself anew.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "loop_runner.h"
#include "sd/child.h"
#include "sd/log.h"
#include "sd/systemd.h"

namespace cyborg::sd {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr char kTimers[] = "/run/systemd/system";
constexpr char kStamps[] = "/var/lib/systemd/timers";
constexpr char kCredentials[] = "/run/cyborg-sd-test/credentials";

// A job's unit as core makes it, with a shell script in place of cyborg-job and without the sandbox.
UnitSpec shell_unit(std::int64_t job, const std::string& script) {
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
    // Whatever a test left: its timers, and its units.
    if (!systemd) restart();
    Answer<void> done;
    systemd->set_timers({}, done.done());
    (void)done.wait(*loop);
    run({"systemctl", "stop", "cyborg-job-*"});
    run({"systemctl", "reset-failed", "cyborg-job-*"});
    fs::remove_all("/run/cyborg-sd-test");
  }

  // A daemon that starts, after one that is gone.
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

  // A command's output; the loop runs meanwhile.
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
  // Of policies.
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
  // Whatever would still have been told has been told: the list is asked for after all that happened.
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
  // It is gone when the call is made, and the loop has not noticed yet.
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
  // systemd itself, too, has to be back for what comes next.
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
      spec.directory = "/";
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

// --- timers

std::string timer(const std::string& calendar) {
  return "[Timer]\nOnCalendar=" + calendar + "\nPersistent=true\nAccuracySec=1us\n";
}
std::string timer_file(const std::string& policy) {
  return std::string{kTimers} + "/cyborg-policy@" + policy + ".timer";
}
std::string stamp_file(const std::string& policy) {
  return std::string{kStamps} + "/stamp-cyborg-policy@" + policy + ".timer";
}
std::string timer_unit(const std::string& policy) {
  return timer_unit_name("policy", policy);
}

// Each instance leaves a line, and how often that was is how often the timer elapsed.
class TimerTest : public SystemdTest {
 protected:
  TimerTest() {
    fs::remove("/run/sd-test-elapsed");
    std::ofstream{std::string{kTimers} + "/cyborg-policy@.service"}
        << "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo %i >> /run/sd-test-elapsed'\n";
    run({"systemctl", "daemon-reload"});
  }
  ~TimerTest() override {
    fs::remove(std::string{kTimers} + "/cyborg-policy@.service");
    for (const auto& file : fs::directory_iterator{kStamps}) {
      if (file.path().filename().string().starts_with("stamp-cyborg-policy@")) fs::remove(file);
    }
  }
  static std::string elapsed() {
    std::ifstream file{"/run/sd-test-elapsed"};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  // A stamp of long ago: the timer has missed elapses since.
  static void make_old_stamp(const std::string& policy) {
    fs::create_directories(kStamps);
    const std::ofstream made{stamp_file(policy)};
    const timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, stamp_file(policy).c_str(), times, 0), 0);
  }
  static bool is_recent(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && ::time(nullptr) - status.st_mtime < 600;
  }
};

TEST_F(TimerTest, AreWrittenStartedChangedAndRemoved) {
  ASSERT_TRUE(set_timers({{"web-db.x_1", timer("2150-01-01 UTC")}, {"b", timer("2151-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("web-db.x_1"), "ActiveState"), "active");
  EXPECT_EQ(property(timer_unit("web-db.x_1"), "Unit"), "cyborg-policy@web-db.x_1.service");
  struct stat status{};
  ASSERT_EQ(::stat(timer_file("b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);

  ASSERT_TRUE(set_timers({{"web-db.x_1", timer("2152-02-02 UTC")}, {"c", timer("2153-01-01 UTC")}}));
  EXPECT_NE(property(timer_unit("web-db.x_1"), "TimersCalendar").find("2152-02-02"), std::string::npos);
  EXPECT_NE(property(timer_unit("web-db.x_1"), "NextElapseUSecRealtime").find("2152-02-02"),
            std::string::npos);
  EXPECT_EQ(property(timer_unit("web-db.x_1"), "NeedDaemonReload"), "no");
  EXPECT_EQ(property(timer_unit("c"), "ActiveState"), "active");
  EXPECT_EQ(property(timer_unit("b"), "LoadState"), "not-found");
  EXPECT_FALSE(fs::exists(timer_file("b")));

  ASSERT_TRUE(set_timers({}));
  EXPECT_EQ(run({"systemctl", "list-units", "--all", "--no-legend", "cyborg-policy@*.timer"}), "");
  EXPECT_EQ(elapsed(), "");
}

TEST_F(TimerTest, ElapseAndStartTheirInstance) {
  ASSERT_TRUE(set_timers({}));
  ASSERT_TRUE(set_timers({{"web-db", timer("*:*:*")}}));
  ASSERT_TRUE(run_until(*loop, [&] { return elapsed().starts_with("web-db\n"); }));
}

TEST_F(TimerTest, WhatElapsedWhileTheDaemonWasDownIsCaughtUp) {
  make_old_stamp("late");
  ASSERT_TRUE(set_timers({{"late", timer("2021-01-01 UTC")}, {"fresh", timer("2021-01-01 UTC")}}));
  ASSERT_TRUE(run_until(*loop, [&] { return !elapsed().empty(); }));
  EXPECT_EQ(property("cyborg-policy@fresh.service", "ActiveState"), "inactive");
  EXPECT_EQ(elapsed(), "late\n");
}

TEST_F(TimerTest, NewAndChangedOnesCatchUpOnNothing) {
  ASSERT_TRUE(set_timers({{"changed", timer("2150-01-01 UTC")}, {"same", timer("2150-01-01 UTC")}}));
  for (const char* policy : {"changed", "new", "same"}) make_old_stamp(policy);
  const std::string past = timer("2021-01-01 UTC\nOnCalendar=2150-01-01 UTC");
  ASSERT_TRUE(set_timers({{"changed", past}, {"new", past}, {"same", timer("2150-01-01 UTC")}}));
  EXPECT_NE(property(timer_unit("new"), "NextElapseUSecRealtime").find("2150"), std::string::npos);
  EXPECT_NE(property(timer_unit("changed"), "NextElapseUSecRealtime").find("2150"), std::string::npos);
  EXPECT_TRUE(is_recent(stamp_file("changed")));
  EXPECT_TRUE(is_recent(stamp_file("new")));
  EXPECT_FALSE(is_recent(stamp_file("same"))) << "not touched";
  EXPECT_EQ(elapsed(), "");
}

TEST_F(TimerTest, ARestartReconcilesAndReloadsOnlyIfNeeded) {
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}, {"old", timer("2150-01-01 UTC")}}));
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  std::ofstream{timer_file("foreign")} << timer("2150-01-01 UTC");
  run({"systemctl", "start", timer_unit("foreign")});
  const std::string since = property(timer_unit("kept"), "ActiveEnterTimestampMonotonic");
  restart();
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("kept"), "ActiveEnterTimestampMonotonic"), since) << "left alone";
  EXPECT_EQ(property(timer_unit("foreign"), "LoadState"), "not-found");

  run({"systemctl", "stop", timer_unit("kept")});
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("kept"), "ActiveState"), "inactive") << "the administrator's will";
  restart();
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("kept"), "ActiveState"), "active");
}

TEST_F(TimerTest, ACrashBeforeTheReloadIsMadeUpFor) {
  ASSERT_TRUE(set_timers({{"a", timer("2150-01-01 UTC")}}));
  // What a daemon leaves that dies after writing.
  const std::ofstream left{std::string{kTimers} + "/.cyborg-timers-changing"};
  std::ofstream{timer_file("a")} << timer("2160-01-01 UTC");
  restart();
  ASSERT_TRUE(set_timers({{"a", timer("2160-01-01 UTC")}}));
  EXPECT_NE(property(timer_unit("a"), "NextElapseUSecRealtime").find("2160"), std::string::npos);
  EXPECT_FALSE(fs::exists(std::string{kTimers} + "/.cyborg-timers-changing"));
}

TEST_F(TimerTest, OfSeveralAtOnceTheLatestWins) {
  std::vector<Answer<void>> answers(5);
  for (std::size_t i = 0; i < answers.size(); ++i)
    systemd->set_timers({{timer_unit("p" + std::to_string(i)), timer("2150-01-01 UTC")}}, answers[i].done());
  for (auto& answer : answers) ASSERT_TRUE(run_until(*loop, [&] { return answer.answered(); }));
  EXPECT_EQ(run({"systemctl", "list-units", "--all", "--plain", "--no-legend", "cyborg-policy@*.timer"})
                .substr(0, 22),
            "cyborg-policy@p4.timer");
}

TEST_F(TimerTest, ABadOneIsAnErrorAndTheOthersRun) {
  const auto set = set_timers({{"bad", "[Timer]\nOnCalendar=nonsense\n"}, {"good", timer("2150-01-01 UTC")}});
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("cyborg-policy@bad.timer"), std::string::npos) << set.error().message;
  EXPECT_EQ(property(timer_unit("good"), "ActiveState"), "active");
  EXPECT_TRUE(set_timers({{"good", timer("2150-01-01 UTC")}}));
}

TEST_F(TimerTest, OfSeveralKindsAreOneSet) {
  const std::string check = timer_unit_name("check", "vault"), compact = timer_unit_name("compact", "vault");
  const std::string policy = timer_unit("vault");
  ASSERT_TRUE(set_units({{check, timer("2150-01-01 UTC")}, {policy, timer("2151-01-01 UTC")}}));
  EXPECT_EQ(property(check, "ActiveState"), "active");
  EXPECT_EQ(property(policy, "ActiveState"), "active");
  ASSERT_TRUE(set_units({{compact, timer("2150-01-01 UTC")}, {policy, timer("2151-01-01 UTC")}}));
  EXPECT_EQ(property(check, "ActiveState"), "inactive");
  EXPECT_FALSE(fs::exists(std::string{kTimers} + "/" + check));
  EXPECT_EQ(property(compact, "ActiveState"), "active");
  ASSERT_TRUE(set_units({}));
  EXPECT_EQ(property(compact, "ActiveState"), "inactive");
}

TEST_F(TimerTest, HundredsAreNoMatter) {
  std::map<std::string, std::string> timers;
  for (int i = 0; i < 300; ++i) timers["many-" + std::to_string(i)] = timer("2150-01-01 UTC");
  ASSERT_TRUE(set_timers(timers));
  EXPECT_EQ(property(timer_unit("many-299"), "ActiveState"), "active");
  EXPECT_TRUE(set_timers({}));
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
