// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/job_files.h"

#include <fcntl.h>
#include <json/reader.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <chrono>
#include <utility>

#include "core/utf8.h"
#include "sd/files.h"

namespace cyborg::sd {
namespace {

constexpr std::size_t kMaxResult = 4 << 20;
constexpr std::size_t kMaxSmall = 64 << 10;
// However fast a job prints, the daemon reads its files at most ten times a second.
constexpr std::chrono::milliseconds kQuiet{100};
// The interval of polling if the kernel grants no inotify watch, and until the directory exists.
constexpr std::chrono::milliseconds kPoll{500};

// Makes all strings, including keys, acceptable to D-Bus and PostgreSQL.
Json::Value clean(const Json::Value& json) {
  if (json.isString()) return to_clean_utf8(json.asString());
  if (!json.isArray() && !json.isObject()) return json;
  Json::Value copy{json.type()};
  for (auto item = json.begin(); item != json.end(); ++item) {
    if (json.isArray()) {
      copy.append(clean(*item));
    } else {
      copy[to_clean_utf8(item.name())] = clean(*item);
    }
  }
  return copy;
}

// The file's JSON object; nullopt if the file does not exist.
Expected<std::optional<Json::Value>> read_json(int directory, const std::string& name, std::size_t limit) {
  auto text = read_file(directory, name, limit);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  Json::CharReaderBuilder builder;
  builder["failIfExtra"] = true;
  builder["stackLimit"] = 100;
  const std::unique_ptr<Json::CharReader> reader{builder.newCharReader()};
  Json::Value json;
  std::string errors;
  const char* begin = (*text)->data();
  try {
    if (!reader->parse(begin, begin + (*text)->size(), &json, &errors) || !json.isObject())
      return fail(ErrorCode::failed, name + ": is not a JSON object");
  } catch (const std::exception& error) {  // too deep
    return fail(ErrorCode::failed, name + ": " + error.what());
  }
  return clean(json);
}

Progress progress_of(const Json::Value& json) {
  const auto number = [&](const char* key) { return json[key].isUInt64() ? json[key].asUInt64() : 0; };
  const Json::Value& path = json["path"];
  return {number("files"), number("bytes"), path.isString() ? path.asString() : ""};
}

// Distinguishes one version of a file from the next.
struct Version {
  ino_t inode = 0;
  off_t size = 0;
  time_t seconds = 0;
  long nanoseconds = 0;
  bool operator==(const Version&) const = default;
};

Version version_of(int directory, const char* name) {
  struct stat status{};
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

}  // namespace

struct StateJobFiles::Watch {
  StateJobFiles* owner;
  std::int64_t job;
  Version output, progress;
  EventSource source;
};

StateJobFiles::StateJobFiles(Loop& loop, std::string directory)
    : loop_(loop), directory_(std::move(directory)) {}

StateJobFiles::~StateJobFiles() {
  for (const auto& [job, watch] : watches_) loop_.cancel(timer_key(job));
}

std::string StateJobFiles::timer_key(std::int64_t job) const {
  return "sd.job-files." + std::to_string(job);
}

std::string StateJobFiles::output_path(std::int64_t job) {
  return directory_ + "/" + std::to_string(job) + "/output";
}

Expected<Fd> StateJobFiles::open(std::int64_t job) const {
  auto parent = open_directory(AT_FDCWD, directory_);
  if (!parent || !*parent) return parent;
  return open_directory(parent->get(), std::to_string(job));
}

void StateJobFiles::watch(std::int64_t job) {
  auto& watch = watches_[job];
  if (watch) return;
  watch = std::make_unique<Watch>(Watch{this, job, {}, {}, nullptr});
  loop_.after(timer_key(job), std::chrono::milliseconds{0}, [this, job] { tick(job); });
}

void StateJobFiles::unwatch(std::int64_t job) {
  watches_.erase(job);
  loop_.cancel(timer_key(job));
}

int StateJobFiles::on_inotify(sd_event_source*, const struct inotify_event*, void* data) {
  guarded("on a job's files", [&] {
    const auto* watch = static_cast<Watch*>(data);
    watch->owner->tick(watch->job);
  });
  return 0;
}

// After each change, events are ignored for a while: for a job that prints a million lines, the kernel would
// otherwise queue, and the loop read, about as many events.
void StateJobFiles::tick(std::int64_t job) {
  const auto found = watches_.find(job);
  if (found == watches_.end()) return;
  const bool listening = found->second->source || listen(*found->second);
  const bool changed = look(*found->second);
  // The callbacks may have called unwatch().
  const auto still = watches_.find(job);
  if (still == watches_.end() || (listening && !changed)) return;
  still->second->source.reset();
  loop_.after(timer_key(job), listening ? kQuiet : kPoll, [this, job] { tick(job); });
}

bool StateJobFiles::listen(Watch& watch) {
  sd_event_source* source = nullptr;
  const std::string path = directory_ + "/" + std::to_string(watch.job);
  constexpr std::uint32_t kMask = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW;
  if (sd_event_add_inotify(loop_.handle(), &source, path.c_str(), kMask, on_inotify, &watch) < 0)
    return false;
  watch.source.reset(source);
  return true;
}

// Reports news; returns whether there was any.
bool StateJobFiles::look(Watch& watch) {
  const auto directory = open(watch.job);
  if (!directory || !*directory) return false;
  const std::int64_t job = watch.job;
  const Version output = version_of(directory->get(), "output");
  const Version progress = version_of(directory->get(), "progress.json");
  const bool new_output = output != std::exchange(watch.output, output) && output.size > 0;
  const bool new_progress = progress != std::exchange(watch.progress, progress) && progress.inode != 0;
  if (new_progress && on_progress) {
    const auto json = read_json(directory->get(), "progress.json", kMaxSmall);
    if (json && *json) on_progress(job, progress_of(**json));
  }
  if (new_output && on_output && watches_.contains(job)) on_output(job);
  return new_output || new_progress;
}

Expected<std::optional<JobResult>> StateJobFiles::read_result(std::int64_t job) {
  outputs_[job].ended = true;
  const auto directory = open(job);
  if (!directory) return std::unexpected(directory.error());
  if (!*directory) return std::nullopt;
  auto json = read_json(directory->get(), "result.json", kMaxResult);
  if (!json) return std::unexpected(json.error());
  if (!*json) return std::nullopt;
  auto result = job_result_from_json(**json);
  if (!result) return std::unexpected(result.error());
  if (!is_ended(result->state) || result->state == JobState::skipped)
    return fail(ErrorCode::failed,
                std::string{"result.json: a job cannot end as "} + to_string(result->state));
  return std::move(*result);
}

void StateJobFiles::clear_result(std::int64_t job) {
  unwatch(job);
  outputs_[job].ended = false;
  const auto directory = open(job);
  if (!directory || !*directory) return;
  if (unlinkat(directory->get(), "result.json", 0) != 0 && errno != ENOENT)
    spdlog::error("cannot remove the result of job {}: {}", job, strerror(errno));
}

std::vector<std::int64_t> StateJobFiles::list() {
  return list_numbered(directory_);
}

std::string StateJobFiles::full_directory() const {
  constexpr std::uint64_t kEnough = 256 * 1024;  // for the first files of a job
  struct statvfs status{};
  if (statvfs(directory_.c_str(), &status) != 0) return {};
  const bool full =
      status.f_bavail * status.f_frsize < kEnough || (status.f_files > 0 && status.f_favail == 0);
  return full ? directory_ : std::string{};
}

void StateJobFiles::remove(std::int64_t job) {
  unwatch(job);
  outputs_.erase(job);
  const auto parent = open_directory(AT_FDCWD, directory_);
  if (!parent || !*parent) return;
  const auto removed = remove_tree(parent->get(), std::to_string(job));
  if (!removed) spdlog::error("cannot remove the files of job {}: {}", job, removed.error().message);
}

// Uses the name N.lost, which list() does not take for a job's; or N.lost.2 and so on.
std::string StateJobFiles::set_aside(std::int64_t job) {
  unwatch(job);
  outputs_.erase(job);
  const auto parent = open_directory(AT_FDCWD, directory_);
  if (!parent || !*parent) return {};
  const std::string name = std::to_string(job);
  std::string kept = name + ".lost";
  for (int i = 2; faccessat(parent->get(), kept.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0; ++i) {
    kept = name + ".lost." + std::to_string(i);
  }
  if (renameat(parent->get(), name.c_str(), parent->get(), kept.c_str()) == 0) return directory_ + "/" + kept;
  if (errno != ENOENT) spdlog::error("cannot set the files of job {} aside: {}", job, strerror(errno));
  return {};
}

Expected<std::vector<OutputLine>> StateJobFiles::read_output(std::int64_t job, std::uint64_t first,
                                                             std::size_t limit) {
  const auto directory = open(job);
  if (!directory) return std::unexpected(directory.error());
  if (!*directory) return std::vector<OutputLine>{};
  const auto output = open_regular(directory->get(), "output");
  if (!output) return std::unexpected(output.error());
  if (!*output) return std::vector<OutputLine>{};
  Output& known = outputs_[job];
  if (!known.ended) known.ended = faccessat(directory->get(), "result.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  return known.file.read(output->get(), first, limit, known.ended);
}

}  // namespace cyborg::sd
