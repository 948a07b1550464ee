#include "sd/timers.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/units.h"
#include "sd/files.h"

namespace cyborg::sd {
namespace {

constexpr std::string_view kSuffix = ".timer";
constexpr std::size_t kMaxTimerFile = 1 << 20;

// The policy of a timer's name, or an empty string.
std::string policy_of(std::string_view unit) {
  const std::string empty = timer_unit_name("");
  const std::string_view prefix = std::string_view{empty}.substr(0, empty.size() - kSuffix.size());
  if (!unit.starts_with(prefix) || !unit.ends_with(kSuffix) || unit.size() <= prefix.size() + kSuffix.size())
    return {};
  return std::string{unit.substr(prefix.size(), unit.size() - prefix.size() - kSuffix.size())};
}

// Sets the time of systemd's stamp to now: "this timer elapsed just now, there is nothing to catch up on".
Expected<void> touch(const std::string& path) {
  std::error_code ignored;  // opening says it
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), ignored);
  const UniqueFd fd{open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644)};
  if (!fd || futimens(fd.get(), nullptr) != 0) return fail_errno(path);
  return {};
}

}  // namespace

TimerSet::TimerSet(Loop& loop, ManagerBus& bus, std::string directory, std::string stamps)
    : loop_(loop), bus_(bus), directory_(std::move(directory)), stamps_(std::move(stamps)) {}

void TimerSet::set(std::map<std::string, std::string> timers, Done<void> done) {
  if (!next_) next_ = Change{};
  next_->wanted = std::move(timers);
  next_->done.push_back(std::move(done));
  if (!current_) begin();
}

void TimerSet::begin() {
  current_ = std::exchange(next_, std::nullopt);
  current_->first = first_;
  list_loaded();
}

void TimerSet::list_loaded() {
  auto fill = [](sd_bus_message* message) {
    const std::string pattern = timer_unit_name("*");
    check(sd_bus_message_append(message, "asas", 0, 1, pattern.c_str()), "ListUnitsByPatterns");
  };
  bus_.call("ListUnitsByPatterns", fill, [this](std::expected<sd_bus_message*, BusFailure> reply) {
    if (!reply) {
      note(std::unexpected(to_error(reply.error(), "cannot list the timers")));
      return finish();
    }
    check(sd_bus_message_enter_container(*reply, 'a', "(ssssssouso)"), "ListUnitsByPatterns");
    const char *name = nullptr, *state = nullptr, *skip = nullptr;
    std::uint32_t id = 0;
    while (check(sd_bus_message_read(*reply, "(ssssssouso)", &name, &skip, &skip, &state, &skip, &skip, &skip,
                                     &id, &skip, &skip),
                 "ListUnitsByPatterns") > 0) {
      current_->loaded.insert(policy_of(name));
      if (std::string_view{state} == "active") current_->active.insert(policy_of(name));
    }
    plan();
  });
}

void TimerSet::plan() {
  const Timers found = read_directory();
  for (const auto& [policy, text] : found) {
    if (!current_->wanted.contains(policy)) current_->removed.insert(policy);
  }
  // An earlier daemon may have written files and died before systemd read them.
  const bool interrupted = access(marker_path().c_str(), F_OK) == 0;
  for (const auto& [policy, text] : current_->wanted) {
    const auto file = found.find(policy);
    if (file == found.end() || file->second != text) {
      current_->written.insert(policy);
    } else if (interrupted || (current_->first && !current_->active.contains(policy))) {
      // While the daemon runs, a timer that the administrator stopped remains so.
      current_->started.insert(policy);
    }
  }
  const auto is_loaded = [this](const std::string& policy) { return current_->loaded.contains(policy); };
  current_->reload = interrupted || std::ranges::any_of(current_->removed, is_loaded) ||
                     std::ranges::any_of(current_->written, is_loaded);
  if (!current_->removed.empty() || !current_->written.empty()) note(write_file(marker_path(), "", 0644));
  stop_removed();
}

// Before their files go: after a crash in between, the file is what tells that there is something to remove.
void TimerSet::stop_removed() {
  for_each(current_->removed, "StopUnit", &TimerSet::write_files);
}

void TimerSet::write_files() {
  for (const auto& policy : current_->removed) {
    note(remove_file(file_path(policy)));
    note(remove_file(stamp_path(policy)));
  }
  for (const auto& policy : current_->written) {
    note(write_file(file_path(policy), current_->wanted[policy], 0644));
    if (!current_->first) note(touch(stamp_path(policy)));
    current_->started.insert(policy);
  }
  // From now on the administrators' changes are what makes texts differ.
  first_ = false;
  reload();
}

void TimerSet::reload() {
  if (!current_->reload) return start_changed();
  bus_.call("Reload", nullptr, [this](std::expected<sd_bus_message*, BusFailure> reply) {
    if (!reply) note(std::unexpected(to_error(reply.error(), "cannot reload systemd's units")));
    start_changed();
  });
}

void TimerSet::start_changed() {
  for_each(current_->started, "RestartUnit", &TimerSet::finish);
}

void TimerSet::finish() {
  // After a failure the marker stays, so that the next call tries everything again.
  if (!current_->error) note(remove_file(marker_path()));
  const Change ended = std::move(*current_);
  current_.reset();
  if (next_) begin();
  for (const auto& done : ended.done) {
    guarded("after setting timers",
            [&] { done(ended.error ? Expected<void>{std::unexpected(*ended.error)} : Expected<void>{}); });
  }
}

void TimerSet::for_each(const std::set<std::string>& policies, const char* method, void (TimerSet::*next)()) {
  if (policies.empty()) return (this->*next)();
  auto left = std::make_shared<std::size_t>(policies.size());
  for (const auto& policy : policies) {
    auto fill = [policy](sd_bus_message* message) {
      check(sd_bus_message_append(message, "ss", timer_unit_name(policy).c_str(), "replace"), "timer");
    };
    bus_.run_job(
        method, fill, [this, policy, method, next, left](std::expected<std::string, BusFailure> result) {
          const std::string what = std::string{method} + " of " + timer_unit_name(policy);
          if (!result && result.error().name == "org.freedesktop.systemd1.UnitMasked") {
            spdlog::warn("{} is masked, policy {} does not run by itself", timer_unit_name(policy), policy);
          } else if (!result && result.error().name != "org.freedesktop.systemd1.NoSuchUnit") {
            note(std::unexpected(to_error(result.error(), what)));
          } else if (!result && std::string_view{method} != "StopUnit") {
            note(std::unexpected(to_error(result.error(), what)));
          } else if (result && *result != "done") {
            note(fail(ErrorCode::failed, what + ": the result was '" + *result + "'",
                      "see: journalctl -u " + timer_unit_name(policy)));
          }
          if (--*left == 0) (this->*next)();
        });
  }
}

TimerSet::Timers TimerSet::read_directory() {
  Timers timers;
  for (const auto& name : list_directory(directory_)) {
    const std::string policy = policy_of(name);
    if (policy.empty()) continue;
    // One that cannot be read is as good as another text.
    const auto text = read_file(AT_FDCWD, directory_ + "/" + name, kMaxTimerFile);
    timers[policy] = text && *text ? **text : std::string{};
  }
  return timers;
}

void TimerSet::note(Expected<void> result) {
  if (result) return;
  spdlog::error("timers: {}", result.error().message);
  if (!current_->error) current_->error = std::move(result.error());
}

std::string TimerSet::file_path(const std::string& policy) const {
  return directory_ + "/" + timer_unit_name(policy);
}

std::string TimerSet::stamp_path(const std::string& policy) const {
  return stamps_ + "/stamp-" + timer_unit_name(policy);
}

std::string TimerSet::marker_path() const {
  return directory_ + "/.cyborg-timers-changing";
}

}  // namespace cyborg::sd
