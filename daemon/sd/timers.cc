// SPDX-License-Identifier: GPL-3.0-or-later
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

constexpr std::size_t kMaxTimerFile = 1 << 20;

// Sets systemd's time stamp of the timer to now, as if the timer had just elapsed, so that it has nothing to
// catch up on.
Expected<void> touch(const std::string& path) {
  std::error_code ignored;  // opening the file reports the error
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), ignored);
  const Fd fd{open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644)};
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
    check(sd_bus_message_append(message, "as", 0), "ListUnitsByPatterns");
    check(sd_bus_message_open_container(message, 'a', "s"), "ListUnitsByPatterns");
    for (const auto& pattern : timer_unit_patterns()) {
      check(sd_bus_message_append(message, "s", pattern.c_str()), "ListUnitsByPatterns");
    }
    check(sd_bus_message_close_container(message), "ListUnitsByPatterns");
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
      current_->loaded.insert(name);
      if (std::string_view{state} == "active") current_->active.insert(name);
    }
    plan();
  });
}

void TimerSet::plan() {
  const Timers found = read_directory();
  for (const auto& [unit, text] : found) {
    if (!current_->wanted.contains(unit)) current_->removed.insert(unit);
  }
  // An earlier daemon may have written files and died before systemd loaded them.
  const bool interrupted = access(marker_path().c_str(), F_OK) == 0;
  for (const auto& [unit, text] : current_->wanted) {
    const auto file = found.find(unit);
    if (file == found.end() || file->second != text) {
      current_->written.insert(unit);
    } else if (interrupted || (current_->first && !current_->active.contains(unit))) {
      // While the daemon runs, a timer that the administrator stopped stays stopped.
      current_->started.insert(unit);
    }
  }
  const auto is_loaded = [this](const std::string& unit) { return current_->loaded.contains(unit); };
  current_->reload = interrupted || std::ranges::any_of(current_->removed, is_loaded) ||
                     std::ranges::any_of(current_->written, is_loaded);
  if (!current_->removed.empty() || !current_->written.empty()) note(write_file(marker_path(), "", 0644));
  stop_removed();
}

// Before their files are removed: after a crash in between, the file shows that there is a timer to stop.
void TimerSet::stop_removed() {
  for_each(current_->removed, "StopUnit", &TimerSet::write_files);
}

void TimerSet::write_files() {
  for (const auto& unit : current_->removed) {
    note(remove_file(file_path(unit)));
    note(remove_file(stamp_path(unit)));
  }
  for (const auto& unit : current_->written) {
    note(write_file(file_path(unit), current_->wanted[unit], 0644));
    if (!current_->first) note(touch(stamp_path(unit)));
    current_->started.insert(unit);
  }
  // From now on, texts differ only because of changes by administrators.
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
  // After a failure the marker stays, so that the next call retries everything.
  if (!current_->error) note(remove_file(marker_path()));
  const Change ended = std::move(*current_);
  current_.reset();
  if (next_) begin();
  for (const auto& done : ended.done) {
    guarded("after setting timers",
            [&] { done(ended.error ? Expected<void>{std::unexpected(*ended.error)} : Expected<void>{}); });
  }
}

void TimerSet::for_each(const std::set<std::string>& units, const char* method, void (TimerSet::*next)()) {
  if (units.empty()) return (this->*next)();
  auto left = std::make_shared<std::size_t>(units.size());
  for (const auto& unit : units) {
    auto fill = [unit](sd_bus_message* message) {
      check(sd_bus_message_append(message, "ss", unit.c_str(), "replace"), "timer");
    };
    bus_.run_job(method, fill,
                 [this, unit, method, next, left](std::expected<std::string, BusFailure> result) {
                   const std::string what = std::string{method} + " of " + unit;
                   if (!result && result.error().name == "org.freedesktop.systemd1.UnitMasked") {
                     spdlog::warn("{} is masked, what it would start does not run by itself", unit);
                   } else if (!result && result.error().name != "org.freedesktop.systemd1.NoSuchUnit") {
                     note(std::unexpected(to_error(result.error(), what)));
                   } else if (!result && std::string_view{method} != "StopUnit") {
                     note(std::unexpected(to_error(result.error(), what)));
                   } else if (result && *result != "done") {
                     note(fail(ErrorCode::failed, what + ": the result was '" + *result + "'",
                               "see: journalctl -u " + unit));
                   }
                   if (--*left == 0) (this->*next)();
                 });
  }
}

TimerSet::Timers TimerSet::read_directory() {
  Timers timers;
  for (const auto& name : list_directory(directory_)) {
    if (!is_timer_unit(name)) continue;
    // An unreadable file counts as a different text.
    const auto text = read_file(AT_FDCWD, directory_ + "/" + name, kMaxTimerFile);
    timers[name] = text && *text ? **text : std::string{};
  }
  return timers;
}

void TimerSet::note(Expected<void> result) {
  if (result) return;
  spdlog::error("timers: {}", result.error().message);
  if (!current_->error) current_->error = std::move(result.error());
}

std::string TimerSet::file_path(const std::string& unit) const {
  return directory_ + "/" + unit;
}

std::string TimerSet::stamp_path(const std::string& unit) const {
  return stamps_ + "/stamp-" + unit;
}

std::string TimerSet::marker_path() const {
  return directory_ + "/.cyborg-timers-changing";
}

}  // namespace cyborg::sd
