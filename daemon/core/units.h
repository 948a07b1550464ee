// SPDX-License-Identifier: GPL-3.0-or-later
// Names of units, the properties of a job's transient unit, and the text of timers. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

// An open file of the caller, closed with the last copy of this object.
using Descriptor = std::shared_ptr<const int>;

// A property for StartTransientUnit; the alternative determines its D-Bus signature.
struct ExecCommand {  // a(sasb)
  std::string path;
  std::vector<std::string> argv;  // argv[0] included
  bool ignore_failure = false;
};
using ByteStrings = std::vector<std::vector<std::uint8_t>>;            // aay
using StringPairs = std::vector<std::pair<std::string, std::string>>;  // a(ss)
struct FilterList {                                                    // (bas)
  bool allow = true;
  std::vector<std::string> names;
};
struct IntegerList {  // ai, e.g. SuccessExitStatus
  std::vector<std::int32_t> values;
};
using UnitValue =
    std::variant<std::string, bool, std::int32_t, std::uint32_t, std::uint64_t, std::vector<std::string>,
                 std::vector<ExecCommand>, ByteStrings, StringPairs, FilterList, Descriptor>;
struct UnitProperty {
  std::string name;
  UnitValue value;
};
struct UnitSpec {
  std::string name;
  std::vector<UnitProperty> properties;
};

// Locations on this server; tests and packages override them.
struct Paths {
  std::string runner = "/usr/libexec/cyborg/cyborg-job";
  std::string credentials = "/run/cyborg/credentials";  // contains a directory for each job
  std::string jobs = "/var/lib/cyborg/jobs";
  std::string borg = "/var/lib/cyborg/borg";  // borg's cache and security directory on the server
  std::string database = "";                  // libpq's connection string, for the jobs that need one
  bool database_remote = false;
  std::string repositories = "/var/lib/cyborg/repositories";  // where the package lets the user cyborg write
};

std::string job_unit_name(std::int64_t job);
// The job of a unit name, or 0.
std::int64_t job_of_unit(std::string_view unit);
// The token in the description of a job's unit, or empty.
std::string attempt_of_unit(std::string_view description);
// cyborg-WHAT@NAME.timer: "policy" for a policy's runs, otherwise a kind of maintenance of a
// repository.
std::string timer_unit_name(std::string_view what, std::string_view name);
bool is_timer_unit(std::string_view unit);
// Patterns that match all generated timers.
std::vector<std::string> timer_unit_patterns();

struct JobUnitOptions {
  Paths paths;
  std::chrono::seconds timeout{0};       // 0: none
  Descriptor input;                      // of a restore to a caller: what it writes to
  std::vector<std::string> credentials;  // names of the files in the job's credential directory
};

// The transient unit of a job: unprivileged and sandboxed, with exceptions only for the kinds that need
// them.
UnitSpec job_unit(const JobSpec& spec, const JobUnitOptions& options);

// The same as unit-file text, for systemd-analyze.
std::string render_unit_file(const UnitSpec& unit);

// The text of /run/systemd/system/cyborg-WHAT@NAME.timer.
std::string timer_unit_file(std::string_view what, std::string_view name, const Schedule& schedule);

}  // namespace cyborg
