// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/units.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/policy_types.h"
#include "job_unit_cases.h"
#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;
using test::job_unit_cases;

TEST(UnitNames, OfJobsAreReadBack) {
  EXPECT_EQ(job_unit_name(42), "cyborg-job-42.service");
  for (const std::int64_t job : {std::int64_t{1}, std::int64_t{42}, INT64_MAX}) {
    EXPECT_EQ(job_of_unit(job_unit_name(job)), job);
  }
  for (const char* name :
       {"", "cyborg-job-.service", "cyborg-job-0.service", "cyborg-job--1.service", "cyborg-job-1x.service",
        "cyborg-job-1", "cyborg-job-1.scope", "job-1.service", "cyborg-job-99999999999999999999.service",
        "cyborg-job-1.service.service", "cyborg-job-service", "cyborg-job- 1.service"}) {
    EXPECT_EQ(job_of_unit(name), 0) << name;
  }
}

// systemd tells the descriptions of units with their names, so whose unit it is costs no further call.
TEST(UnitNames, DescriptionsOfJobsHaveTheTokenOfTheAttempt) {
  JobSpec spec;
  spec.job = 42;
  spec.policy = "etc";
  const auto described = [&] {
    for (const auto& property : job_unit(spec, {}).properties) {
      if (property.name == "Description") return std::get<std::string>(property.value);
    }
    return std::string{};
  };
  EXPECT_EQ(described(), "cyborg backup of policy etc");
  EXPECT_EQ(attempt_of_unit(described()), "");
  spec.attempt = "3f9c01d2a7b4-8c1e22f0";
  EXPECT_EQ(described(), "cyborg backup of policy etc (attempt 3f9c01d2a7b4-8c1e22f0)");
  EXPECT_EQ(attempt_of_unit(described()), spec.attempt);
  for (const char* other : {"", "(attempt x)", "cyborg-job-7.service", "cyborg backup (attempt x"}) {
    EXPECT_EQ(attempt_of_unit(other), "") << other;
  }
}

TEST(UnitNames, OfTimersHaveTheObjectAsTheirInstance) {
  EXPECT_EQ(timer_unit_name("policy", "etc"), "cyborg-policy@etc.timer");
  EXPECT_EQ(timer_unit_name("check", "vault"), "cyborg-check@vault.timer");
}

TEST(UnitNames, OfTimersAreToldFromOthers) {
  for (const char* unit :
       {"cyborg-policy@etc.timer", "cyborg-check@vault.timer", "cyborg-compact@a-b.c.timer"}) {
    EXPECT_TRUE(is_timer_unit(unit)) << unit;
  }
  for (const char* unit :
       {"", "cyborg-policy@.timer", "cyborg-policy@etc.service", "cyborg-restore@etc.timer",
        "cyborg-policy.timer", "policy@etc.timer", "cyborg-policy@etc.timer.d"}) {
    EXPECT_FALSE(is_timer_unit(unit)) << unit;
  }
}

TEST(TimerText, HasTheCalendarAndTheDelay) {
  Schedule schedule;
  schedule.name = "nightly";
  schedule.crontab = "30 2 * * *";
  schedule.calendar = {"*-*-* 02:30:00", "Mon *-*-* 04:00:00"};
  const std::string text = timer_unit_file("policy", "etc", schedule);
  for (const char* line : {"OnCalendar=*-*-* 02:30:00\n", "OnCalendar=Mon *-*-* 04:00:00\n",
                           "Persistent=true\n", "AccuracySec=1s\n", "# crontab: 30 2 * * *\n", "[Timer]\n"}) {
    EXPECT_TRUE(contains(text, line)) << line << text;
  }
  EXPECT_FALSE(contains(text, "RandomizedDelaySec"));
  schedule.random_delay_seconds = std::chrono::seconds{600};
  const std::string maintenance = timer_unit_file("check", "vault", schedule);
  EXPECT_TRUE(contains(maintenance, "RandomizedDelaySec=600s\nFixedRandomDelay=true\n"));
  EXPECT_TRUE(
      contains(maintenance, "Description=Start a check of cyborg repository vault (schedule nightly)\n"));
}

const UnitProperty* find(const UnitSpec& unit, const std::string& name) {
  for (const auto& property : unit.properties) {
    if (property.name == name) return &property;
  }
  return nullptr;
}

TEST(JobUnit, IsUnprivilegedAndHasALimitOfTime) {
  for (const auto& one : job_unit_cases()) {
    const std::string text = render_unit_file(one.unit);
    for (const char* line :
         {"\nUser=cyborg\n", "\nGroup=cyborg\n", "\nNoNewPrivileges=yes\n", "\nSlice=cyborg-jobs.slice\n",
          "\nLogRateLimitIntervalSec=1000000us\nLogRateLimitBurst=10000000\n",
          "\nRuntimeMaxSec=", "\nUMask=0007\n", "\nPrivateDevices=yes\n"}) {
      EXPECT_TRUE(contains(text, line)) << one.name << ": " << line;
    }
  }
}

TEST(JobUnit, OfNoTimeLimitHasNone) {
  EXPECT_EQ(find(job_unit(JobSpec{}, JobUnitOptions{}), "RuntimeMaxUSec"), nullptr);
}

TEST(JobUnit, HasCapabilitiesOnlyForTheServerItself) {
  for (const auto& one : job_unit_cases()) {
    const auto* bounding = find(one.unit, "CapabilityBoundingSet");
    ASSERT_NE(bounding, nullptr);
    const auto set = std::get<std::uint64_t>(bounding->value);
    const bool reads = one.spec.local && (one.spec.kind == JobKind::backup || one.spec.verify == "compare");
    const bool restores = one.spec.local && one.spec.kind == JobKind::restore;
    if (reads) {
      EXPECT_EQ(set, std::uint64_t{1} << 2) << one.name;  // CAP_DAC_READ_SEARCH
    } else if (restores) {
      EXPECT_NE(set, 0U) << one.name;
    } else {
      EXPECT_EQ(set, 0U) << one.name;
    }
    EXPECT_EQ(std::get<std::uint64_t>(find(one.unit, "AmbientCapabilities")->value), set);
    EXPECT_EQ(std::get<std::string>(find(one.unit, "ProtectSystem")->value), restores ? "no" : "strict");
  }
}

// A server of the machine's loads what is its own; a file has to be written by the job.
TEST(JobUnit, WritesFilesOfTheServerOnlyIfNoServerDoes) {
  for (const PolicyType type : {PolicyType::mysql, PolicyType::sqlite}) {
    JobSpec spec;
    spec.kind = JobKind::restore;
    spec.local = true;
    spec.dump.type = type;
    const auto protect = std::get<std::string>(find(job_unit(spec, {}), "ProtectSystem")->value);
    EXPECT_EQ(protect, type == PolicyType::sqlite ? "no" : "strict");
  }
}

TEST(JobUnit, WithoutSshHasNoInternet) {
  for (const auto& one : job_unit_cases()) {
    const bool asks_nobody = one.spec.kind == JobKind::prepare_repository || one.spec.verify == "postgresql";
    const bool ssh = (!asks_nobody && !one.spec.local) || !one.spec.repository_host.address.empty();
    const std::string text = render_unit_file(one.unit);
    EXPECT_EQ(contains(text, "AF_INET"), ssh) << one.name << text;
  }
}

// Everybody can read a unit's properties, and learns only names.
TEST(JobUnit, HoldsSecretsOnlyAsNamesOfFiles) {
  for (const auto& one : job_unit_cases()) {
    EXPECT_EQ(find(one.unit, "SetCredential"), nullptr);
    EXPECT_EQ(find(one.unit, "PassEnvironment"), nullptr);
    const auto& environment = std::get<std::vector<std::string>>(find(one.unit, "Environment")->value);
    ASSERT_EQ(environment.size(), 1U);
    EXPECT_TRUE(environment.front().starts_with("CYBORG_BORG_DIR="));
    const std::string directory = "/run/cyborg/credentials/" + std::to_string(one.spec.job) + "/";
    for (const auto& [name, source] : std::get<StringPairs>(find(one.unit, "LoadCredential")->value)) {
      EXPECT_EQ(source, directory + name);
    }
    for (const auto& property : one.unit.properties) {
      const auto* commands = std::get_if<std::vector<ExecCommand>>(&property.value);
      for (const auto& command : commands ? *commands : std::vector<ExecCommand>{}) {
        EXPECT_LE(command.argv.size(), 2U);
        EXPECT_EQ(command.path, "/usr/libexec/cyborg/cyborg-job");
      }
    }
  }
}

// A restore on the server itself is as powerful as root: systemd/SANDBOX.md says why.
bool is_as_root(const JobSpec& spec) {
  return spec.local && spec.kind == JobKind::restore;
}

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "cyborg-units-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(JobUnit, SystemdFindsTheSandboxTight) {
  ASSERT_EQ(std::system("systemd-analyze --version >/dev/null 2>&1"), 0)
      << "this needs systemd-analyze, of the package systemd";
  const Directory directory;
  for (const auto& one : job_unit_cases()) {
    if (is_as_root(one.spec)) continue;
    const std::string path = directory.path() + "/" + one.name + ".service";
    std::ofstream{path} << render_unit_file(one.unit);
    const std::string command = "systemd-analyze security --no-pager --offline=true --threshold=20 " + path +
                                " >" + path + ".log 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << one.name << ": the exposure is more than 2.0";
  }
}

}  // namespace
}  // namespace cyborg
