// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/state_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <json/writer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/fd.h"
#include "job/output.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{500};

std::string compact(const Json::Value& json) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  return Json::writeString(builder, json) + "\n";
}

[[noreturn]] void give_up(const std::string& path) {
  throw Failure(ResultCode::state_directory,
                fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
}

}  // namespace

void write_durably(const std::string& directory, const std::string& name, const std::string& content) {
  const std::string path = directory + "/" + name;
  const std::string temporary = path + ".new";
  // Not truncated first, since its blocks may be the last free ones: see reserve_result().
  const Fd file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0660)};
  if (!file || !write_all(file.get(), content) ||
      ::ftruncate(file.get(), static_cast<off_t>(content.size())) != 0 || ::fsync(file.get()) != 0) {
    give_up(temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up(path);
  const Fd folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder || ::fsync(folder.get()) != 0) give_up(directory);
}

void reserve_result(const std::string& directory) {
  constexpr off_t kRoom = 64 * 1024;  // more than almost any result
  const std::string path = directory + "/result.json.new";
  const Fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0660)};
  if (!file) give_up(path);
  // It returns the error; if the file system cannot reserve space, continue without.
  errno = ::posix_fallocate(file.get(), 0, kRoom);
  if (errno == ENOSPC || errno == EDQUOT) give_up(path);
}

void write_result(const std::string& directory, const JobResult& result) {
  write_durably(directory, "result.json", compact(to_json(result)));
}

void ProgressFile::set(const BorgProgress& progress) {
  progress_ = progress;
  changed_ = true;
}

void ProgressFile::tick() {
  const auto now = std::chrono::steady_clock::now();
  if (!changed_ || now - written_ < kProgressInterval) return;
  written_ = now;
  changed_ = false;
  Json::Value json{Json::objectValue};
  json["files"] = Json::Int64{progress_.files};
  json["bytes"] = Json::Int64{progress_.bytes};
  json["path"] = to_valid_utf8(progress_.path);
  const std::string path = directory_ + "/progress.json";
  const std::string temporary = path + ".new";
  const Fd file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660)};
  // Not durable, and not worth a failure: the next one follows soon.
  if (file && write_all(file.get(), compact(json))) (void)::rename(temporary.c_str(), path.c_str());
}

}  // namespace cyborg
