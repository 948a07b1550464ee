#include "job/stale_lock.h"

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

// The kernel's start. In a container that is before its own, so that a lock may be kept, but none of a borg
// that runs is removed.
std::time_t boot_time() {
  timespec now{};
  timespec up{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  return now.tv_sec - up.tv_sec;
}

bool is_older(const fs::path& path, std::time_t time) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && status.st_mtime < time;
}

// As a program, or as the script of an interpreter.
bool is_borg(const std::string& process) {
  std::ifstream file{"/proc/" + process + "/cmdline"};
  std::string first;
  std::string second;
  std::getline(file, first, '\0');
  std::getline(file, second, '\0');
  return fs::path{first}.filename().string().starts_with("borg") ||
         fs::path{second}.filename().string().starts_with("borg");
}

// borg names the holder FQDN@HARDWARE.PROCESS-THREAD. A repository may lie on a file system that other
// machines write to as well, and whether those were started anew is not known here. A borg with that number
// may be the holder after all, if the clock was set meanwhile.
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

void remove_stale_lock(JobContext& job, const std::string& lock) {
  static const std::time_t boot = boot_time();
  const std::string directory = lock + ".exclusive";
  if (!is_older(directory, boot) || !holder_is_gone(directory)) return;
  std::error_code error;
  // The roster first: without the directory, it may be another borg's already.
  if (is_older(lock + ".roster", boot)) fs::remove(lock + ".roster", error);
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
    remove_stale_lock(job, server_borg_directory() + part + "/.cache/borg/" + spec.borg_id + "/lock");
  }
  if (spec.repository_host.address.empty()) remove_stale_lock(job, spec.repository_path + "/lock");
}

}  // namespace cyborg
