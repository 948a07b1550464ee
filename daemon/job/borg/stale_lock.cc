// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/stale_lock.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

namespace cyborg {
namespace {

namespace fs = std::filesystem;

// When the kernel started. In a container, that is before the container's own start, so that a stale lock may
// be kept, but no lock of a running borg is removed.
std::time_t boot_time() {
  static const std::time_t boot = [] {
    timespec now{};
    timespec up{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::clock_gettime(CLOCK_BOOTTIME, &up);
    return now.tv_sec - up.tv_sec;
  }();
  return boot;
}

bool is_older(const fs::path& path, std::time_t time) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && status.st_mtime < time;
}

// Either the program itself, or the script of an interpreter.
bool is_borg(const std::string& process) {
  std::ifstream file{"/proc/" + process + "/cmdline"};
  std::string first;
  std::string second;
  std::getline(file, first, '\0');
  std::getline(file, second, '\0');
  return fs::path{first}.filename().string().starts_with("borg") ||
         fs::path{second}.filename().string().starts_with("borg");
}

// borg names the holder FQDN@HARDWARE.PROCESS-THREAD. A repository may be on a file system to which other
// machines write as well, and it is unknown here whether those were restarted. A borg with that process id
// may be the holder after all, if the clock was changed meanwhile.
bool holder_is_gone(const fs::path& directory) {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return false;
  const std::string host = buffer.data();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory, error}) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(host + "@") && !name.starts_with(host + ".")) return false;
    const std::string process = name.substr(name.rfind('.') + 1);
    if (is_borg(process.substr(0, process.find('-')))) return false;
  }
  return !error;
}

bool is_stale(const std::string& lock) {
  const std::string directory = lock + ".exclusive";
  return is_older(directory, boot_time()) && holder_is_gone(directory);
}

// A cache that was in use during a power loss is removed together with its lock, in one step: borg does not
// sync its writes there, and with an empty index no job would work any more. The next borg rebuilds it.
void remove_stale_cache(JobContext& job, const fs::path& cache) {
  if (!is_stale(cache / "lock")) return;
  const fs::path lost = cache.native() + ".lost";
  std::error_code error;
  fs::remove_all(lost, error);
  fs::rename(cache, lost, error);
  if (error) return;
  for (const auto& what : {cache / "lock.exclusive", cache}) {
    job.output().line(5, stale_lock_removed(what.native()));
  }
  fs::remove_all(lost, error);
}

void remove_stale_lock(JobContext& job, const std::string& lock) {
  if (!is_stale(lock)) return;
  const std::string directory = lock + ".exclusive";
  std::error_code error;
  // The roster first: once the directory is gone, the roster may already belong to another borg.
  if (is_older(lock + ".roster", boot_time())) fs::remove(lock + ".roster", error);
  fs::remove_all(directory, error);
  if (!error) job.output().line(5, stale_lock_removed(directory));
}

}  // namespace

std::string stale_lock_removed(std::string_view lock) {
  return fmt::format("{} was left by a borg from before that machine was started: it was removed", lock);
}

void remove_stale_locks(JobContext& job) {
  const JobSpec& spec = job.spec();
  if (spec.borg_id.empty()) return;
  for (const char* part : {"", "/restore", "/catalog"}) {
    remove_stale_cache(job, server_borg_directory() + part + "/.cache/borg/" + spec.borg_id);
  }
  if (spec.repository_host.address.empty()) remove_stale_lock(job, spec.repository_path + "/lock");
}

}  // namespace cyborg
