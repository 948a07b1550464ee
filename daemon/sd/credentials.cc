// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/credentials.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "sd/files.h"

namespace cyborg::sd {
namespace {

Expected<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(path);
  return {};
}

}  // namespace

Expected<void> Credentials::write(std::int64_t job, const std::map<std::string, std::string>& files) {
  const std::string own = directory_ + "/" + std::to_string(job);
  std::error_code ignored;  // the next call reports the error
  std::filesystem::create_directories(std::filesystem::path{directory_}.parent_path(), ignored);
  Expected<void> result = make_directory(directory_);
  if (result) result = make_directory(own);
  for (const auto& [name, content] : files) {
    if (!result) break;
    result = write_file(own + "/" + name, content, 0600);
  }
  if (!result) remove(job);
  return result;
}

void Credentials::remove(std::int64_t job) {
  auto directory = open_directory(AT_FDCWD, directory_);
  if (!directory || !*directory) return;
  const auto removed = remove_tree(directory->get(), std::to_string(job));
  if (!removed) spdlog::error("cannot remove the credentials of job {}: {}", job, removed.error().message);
}

void Credentials::remove_others(const std::function<bool(std::int64_t)>& keep) {
  for (std::int64_t job : list_numbered(directory_)) {
    if (!keep(job)) remove(job);
  }
}

}  // namespace cyborg::sd
