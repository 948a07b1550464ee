// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/units.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "core/repository_url.h"

namespace cyborg {
namespace {

constexpr std::string_view kJobPrefix = "cyborg-job-";
constexpr std::string_view kServiceSuffix = ".service";
constexpr std::string_view kTimerSuffix = ".timer";
constexpr std::string_view kAttempt = " (attempt ";

// The units that timers start, and their descriptions.
struct Timer {
  std::string_view what;
  std::string_view of;           // the kind of the object
  std::string_view description;  // {} stands for the object's name
};
constexpr std::array kTimers{
    Timer{"policy", "policy", "Start a run of cyborg policy {}"},
    Timer{"check", "repository", "Start a check of cyborg repository {}"},
    Timer{"verify", "repository", "Start a verification of cyborg repository {}"},
    Timer{"compact", "repository", "Start a compaction of cyborg repository {}"},
};

// Capability bits of linux/capability.h.
constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}
constexpr std::uint64_t kChown = bit(0), kDacOverride = bit(1), kDacReadSearch = bit(2), kFowner = bit(3),
                        kFsetid = bit(4), kSetfcap = bit(31);

ByteStrings log_fields(const JobSpec& spec) {
  const auto field = [](std::string_view name, std::string_view value) {
    const std::string text = fmt::format("{}={}", name, value);
    return std::vector<std::uint8_t>(text.begin(), text.end());
  };
  ByteStrings fields{field("CYBORG_JOB", fmt::to_string(spec.job)),
                     field("CYBORG_RUN", fmt::to_string(spec.run)),
                     field("CYBORG_KIND", to_string(spec.kind))};
  if (!spec.policy.empty()) fields.push_back(field("CYBORG_POLICY", spec.policy));
  if (!spec.client.empty()) fields.push_back(field("CYBORG_CLIENT", spec.client));
  if (!spec.repository.empty()) fields.push_back(field("CYBORG_REPOSITORY", spec.repository));
  return fields;
}

std::string description(const JobSpec& spec) {
  std::string text = fmt::format("cyborg {}", to_string(spec.kind));
  if (!spec.policy.empty()) text += fmt::format(" of policy {}", spec.policy);
  if (!spec.client.empty()) text += fmt::format(" on {}", spec.client);
  if (!spec.repository.empty()) text += fmt::format(" with repository {}", spec.repository);
  if (!spec.attempt.empty()) text += fmt::format("{}{})", kAttempt, spec.attempt);
  return text;
}

std::string parent_directory(std::string_view path) {
  const std::size_t slash = path.find_last_not_of('/');
  const std::size_t cut = path.rfind('/', slash);
  return cut == 0 || cut == std::string_view::npos ? "/" : std::string{path.substr(0, cut)};
}

// The sandbox of every job. systemd/SANDBOX.md gives the reasons for its holes.
void add_sandbox(std::vector<UnitProperty>& properties) {
  const auto add = [&](const char* name, UnitValue value) { properties.push_back({name, std::move(value)}); };
  add("NoNewPrivileges", true);
  add("LockPersonality", true);
  add("MemoryDenyWriteExecute", true);
  add("PrivateDevices", true);
  add("PrivateTmp", true);
  add("ProtectClock", true);
  add("ProtectControlGroups", true);
  add("ProtectHostname", true);
  add("ProtectKernelLogs", true);
  add("ProtectKernelModules", true);
  add("ProtectKernelTunables", true);
  add("ProtectProc", std::string{"invisible"});
  add("ProcSubset", std::string{"pid"});
  add("RemoveIPC", true);
  add("RestrictNamespaces", std::uint64_t{0});
  add("RestrictRealtime", true);
  add("RestrictSUIDSGID", true);
  add("SystemCallArchitectures", std::vector<std::string>{"native"});
  add("SystemCallErrorNumber", std::int32_t{1});  // EPERM
  add("DevicePolicy", std::string{"closed"});
  add("KeyringMode", std::string{"private"});
  add("LimitCORE", std::uint64_t{0});
}

// A job that does not use ssh gets no network at all.
void add_network(std::vector<UnitProperty>& properties, const JobSpec& spec) {
  const bool asks_client = spec.kind == JobKind::verify &&
                           (spec.verify == "compare" || std::ranges::any_of(spec.hooks, [](const Hook& hook) {
                              return hook.where == "client";
                            }));
  const bool of_client = (works_on_client(spec) || asks_client) && !spec.local;
  // A hook on the server may need to notify another host.
  const bool hook_here =
      std::ranges::any_of(spec.hooks, [&](const Hook& hook) { return hook.where == "server" || spec.local; });
  // The server's own databases may be at a network address, and a command may need network access as on any
  // client.
  const bool dumps_here = spec.local && spec.dump;
  if (of_client || hook_here || dumps_here || spec.database_remote || !spec.repository_host.address.empty()) {
    properties.push_back({"RestrictAddressFamilies", FilterList{true, {"AF_UNIX", "AF_INET", "AF_INET6"}}});
    return;
  }
  properties.push_back({"RestrictAddressFamilies", FilterList{true, {"AF_UNIX", "AF_NETLINK"}}});
  // Its preparation asks the kernel for the addresses of this machine.
  properties.push_back({"PrivateNetwork", spec.kind != JobKind::prepare_client});
}

// Only jobs whose client is the server itself need more than an unprivileged user has.
void add_privileges(std::vector<UnitProperty>& properties, const JobSpec& spec) {
  const bool by_server = loads_databases(spec) && !(spec.dump.databases() && spec.dump.databases()->paths);
  const bool restores_here = spec.local && spec.kind == JobKind::restore && !by_server;
  const bool reads_here = spec.local && (spec.kind == JobKind::backup ||
                                         (spec.kind == JobKind::verify && spec.verify == "compare"));
  std::uint64_t capabilities = 0;
  if (reads_here) capabilities = kDacReadSearch;
  if (restores_here) capabilities = kChown | kDacOverride | kDacReadSearch | kFowner | kFsetid | kSetfcap;
  properties.push_back({"CapabilityBoundingSet", capabilities});
  properties.push_back({"AmbientCapabilities", capabilities});
  properties.push_back({"ProtectSystem", std::string{restores_here ? "no" : "strict"}});
  properties.push_back({"ProtectHome", std::string{spec.local ? "no" : "yes"}});
  if (restores_here) {
    // A restore must restore owners and set-uid files.
    for (auto& property : properties) {
      if (property.name == "RestrictSUIDSGID" || property.name == "PrivateTmp") {
        property.value = false;
      }
    }
  }
  FilterList calls{true, {"@system-service"}};
  properties.push_back({"SystemCallFilter", calls});
  FilterList denied{false, {"@resources"}};
  if (!restores_here) denied.names.emplace_back("@privileged");
  properties.push_back({"SystemCallFilter", denied});
}

// Database servers load dumps, which run commands from a client: an inner sandbox limits them to their
// directory, and this one blocks the sockets of other services, which the inner one cannot. See
// job/sandbox.h.
void add_database_server(std::vector<UnitProperty>& properties, const JobSpec& spec) {
  if (!verified_type(spec)) return;
  properties.push_back(
      {"InaccessiblePaths", std::vector<std::string>{"-/run/dbus", "-/run/postgresql", "-/run/mysqld"}});
  properties.push_back(
      {"SystemCallFilter",
       FilterList{true, {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}}});
}

}  // namespace

std::string job_unit_name(std::int64_t job) {
  return fmt::format("{}{}{}", kJobPrefix, job, kServiceSuffix);
}

std::int64_t job_of_unit(std::string_view unit) {
  if (!unit.starts_with(kJobPrefix) || !unit.ends_with(kServiceSuffix)) return 0;
  const std::string_view digits =
      unit.substr(kJobPrefix.size(), unit.size() - kJobPrefix.size() - kServiceSuffix.size());
  std::int64_t job = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), job);
  return error == std::errc{} && end == digits.data() + digits.size() && job > 0 ? job : 0;
}

std::string attempt_of_unit(std::string_view description) {
  const std::size_t begin = description.rfind(kAttempt);
  if (begin == std::string_view::npos || !description.ends_with(')')) return {};
  description.remove_prefix(begin + kAttempt.size());
  return std::string{description.substr(0, description.size() - 1)};
}

std::string timer_unit_name(std::string_view what, std::string_view name) {
  return fmt::format("cyborg-{}@{}{}", what, name, kTimerSuffix);
}

bool is_timer_unit(std::string_view unit) {
  return unit.ends_with(kTimerSuffix) && std::ranges::any_of(kTimers, [&](const Timer& timer) {
           const std::string beginning = fmt::format("cyborg-{}@", timer.what);
           return unit.starts_with(beginning) && unit.size() > beginning.size() + kTimerSuffix.size();
         });
}

std::vector<std::string> timer_unit_patterns() {
  std::vector<std::string> patterns;
  for (const auto& timer : kTimers) patterns.push_back(timer_unit_name(timer.what, "*"));
  return patterns;
}

UnitSpec job_unit(const JobSpec& spec, const JobUnitOptions& options) {
  UnitSpec unit{job_unit_name(spec.job), {}};
  const auto add = [&](const char* name, UnitValue value) {
    unit.properties.push_back({name, std::move(value)});
  };
  add("Description", description(spec));
  add("Type", std::string{"exec"});
  add("ExecStart", std::vector<ExecCommand>{{options.paths.runner, {options.paths.runner}, false}});
  add("Slice", std::string{"cyborg-jobs.slice"});
  // A failed unit stays until cyborgd has recorded the reason.
  add("CollectMode", std::string{"inactive"});
  add("User", std::string{"cyborg"});
  add("Group", std::string{"cyborg"});
  add("UMask", std::uint32_t{0007});
  add("SyslogIdentifier", std::string{"cyborg-job"});
  add("LogExtraFields", log_fields(spec));
  // systemd takes a 0 for "as in journald.conf"; only a burst that is never reached disables the limit.
  add("LogRateLimitIntervalUSec", std::uint64_t{1'000'000});
  add("LogRateLimitBurst", std::uint32_t{10'000'000});
  add("StateDirectory", std::vector<std::string>{fmt::format("cyborg/jobs/{}", spec.job)});
  add("StateDirectoryMode", std::uint32_t{0770});
  StringPairs credentials;
  for (const auto& name : options.credentials) {
    credentials.emplace_back(name, fmt::format("{}/{}/{}", options.paths.credentials, spec.job, name));
  }
  add("LoadCredential", credentials);
  // As standard input, since standard output goes to the journal.
  if (options.input) add("StandardInputFileDescriptor", options.input);
  add("Environment", std::vector<std::string>{"CYBORG_BORG_DIR=" + options.paths.borg});
  // borg writes its checkpoint on the first signal; the job stops it and waits until it is gone.
  add("KillMode", std::string{"mixed"});
  add("TimeoutStopUSec", std::uint64_t{90'000'000});
  if (options.timeout.count() > 0) {
    add("RuntimeMaxUSec", static_cast<std::uint64_t>(options.timeout.count()) * 1'000'000);
  }
  std::vector<std::string> writable{"-" + options.paths.borg};
  if (spec.repository_host.address.empty() && !spec.repository_path.empty()) {
    // borg init creates the last directory itself, so the one above must be writable.
    writable.push_back("-" + parent_directory(spec.repository_path));
    // The directories in between, too, where the job may create them.
    if (spec.kind == JobKind::prepare_repository &&
        spec.repository_path.starts_with(options.paths.repositories + "/")) {
      writable.push_back("-" + options.paths.repositories);
    }
  }
  add("ReadWritePaths", writable);
  add_sandbox(unit.properties);
  add_network(unit.properties, spec);
  add_privileges(unit.properties, spec);
  add_database_server(unit.properties, spec);
  return unit;
}

namespace {

std::string render_exec(const ExecCommand& command) {
  std::string text = command.ignore_failure ? "-" : "";
  for (const auto& word : command.argv) text += (text.size() > 1 ? " " : "") + word;
  return text;
}

// The name of a property in unit files, where it differs from that on the bus.
std::string file_name_of(std::string_view name) {
  if (name == "LogRateLimitIntervalUSec") return "LogRateLimitIntervalSec";
  if (name.ends_with("USec")) return std::string{name.substr(0, name.size() - 4)} + "Sec";
  return std::string{name};
}

std::string capability_names(std::uint64_t set) {
  static const std::pair<std::uint64_t, const char*> names[] = {{kChown, "CAP_CHOWN"},
                                                                {kDacOverride, "CAP_DAC_OVERRIDE"},
                                                                {kDacReadSearch, "CAP_DAC_READ_SEARCH"},
                                                                {kFowner, "CAP_FOWNER"},
                                                                {kFsetid, "CAP_FSETID"},
                                                                {kSetfcap, "CAP_SETFCAP"}};
  std::vector<std::string_view> found;
  for (const auto& [mask, name] : names) {
    if (set & mask) found.emplace_back(name);
  }
  return fmt::format("{}", fmt::join(found, " "));
}

struct Renderer {
  std::string_view name;
  std::vector<std::string> lines;

  void line(std::string_view value) { lines.push_back(fmt::format("{}={}\n", file_name_of(name), value)); }
  void operator()(const std::string& value) { line(value); }
  void operator()(bool value) { line(value ? "yes" : "no"); }
  void operator()(std::int32_t value) {
    line(name == "SystemCallErrorNumber" ? "EPERM" : fmt::to_string(value));
  }
  void operator()(std::uint32_t value) {
    line(name == "LogRateLimitBurst" ? fmt::to_string(value) : fmt::format("{:04o}", value));
  }
  void operator()(std::uint64_t value) {
    if (name.ends_with("USec")) return line(fmt::format("{}us", value));
    if (name.starts_with("Capability") || name.starts_with("Ambient")) return line(capability_names(value));
    line(name == "RestrictNamespaces" ? "yes" : fmt::to_string(value));
  }
  void operator()(const std::vector<std::string>& values) { line(fmt::format("{}", fmt::join(values, " "))); }
  void operator()(const std::vector<ExecCommand>& commands) {
    for (const auto& command : commands) line(render_exec(command));
  }
  void operator()(const ByteStrings& values) {
    for (const auto& value : values) line(std::string{value.begin(), value.end()});
  }
  void operator()(const StringPairs& pairs) {
    for (const auto& [key, value] : pairs) line(fmt::format("{}:{}", key, value));
  }
  void operator()(const Descriptor&) const {}  // cannot occur in a unit file
  void operator()(const FilterList& filter) {
    line(fmt::format("{}{}", filter.allow ? "" : "~", fmt::join(filter.names, " ")));
  }
};

}  // namespace

std::string render_unit_file(const UnitSpec& unit) {
  std::string head = "[Unit]\n";
  std::string service = "\n[Service]\n";
  for (const auto& property : unit.properties) {
    Renderer renderer{property.name, {}};
    std::visit(renderer, property.value);
    const bool of_unit = property.name == "Description" || property.name == "CollectMode";
    for (const auto& line : renderer.lines) (of_unit ? head : service) += line;
  }
  return head + service;
}

std::string timer_unit_file(std::string_view what, std::string_view name, const Schedule& schedule) {
  const Timer& timer = *std::ranges::find(kTimers, what, &Timer::what);
  std::string text = fmt::format("# Generated by cyborgd from {} {}, schedule {}; drop-ins in /etc apply.\n",
                                 timer.of, name, schedule.name);
  if (!schedule.crontab.empty()) text += fmt::format("# crontab: {}\n", schedule.crontab);
  text += fmt::format("[Unit]\nDescription={} (schedule {})\n\n[Timer]\n",
                      fmt::format(fmt::runtime(timer.description), name), schedule.name);
  for (const auto& expression : schedule.calendar) text += fmt::format("OnCalendar={}\n", expression);
  text += "Persistent=true\nAccuracySec=1s\n";
  if (schedule.random_delay_seconds.count() > 0) {
    text +=
        fmt::format("RandomizedDelaySec={}s\nFixedRandomDelay=true\n", schedule.random_delay_seconds.count());
  }
  return text;
}

}  // namespace cyborg
