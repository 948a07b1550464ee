// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <system_error>

namespace cyborg::sd {
namespace {

using Directory = std::unique_ptr<DIR, Release<closedir>>;

// Nothing of ours creates deeper trees.
constexpr int kMaxDepth = 64;

std::vector<std::string> read_names(DIR* directory) {
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  return names;
}

Expected<void> remove_below(int parent, const std::string& name, int depth) {
  if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  // Linux returns EISDIR for a directory, POSIX specifies EPERM.
  if (errno != EISDIR && errno != EPERM) return fail_errno(name);
  if (depth == kMaxDepth) return fail(ErrorCode::failed, name + ": too many directories in each other");
  auto fd = open_directory(parent, name);
  if (!fd) return std::unexpected(fd.error());
  if (!*fd) return {};
  Directory directory{fdopendir(fd->get())};
  if (!directory) return fail_errno(name);
  const int self = fd->release();
  for (const auto& entry : read_names(directory.get())) {
    if (auto removed = remove_below(self, entry, depth + 1); !removed) return removed;
  }
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return fail_errno(name);
  return {};
}

}  // namespace

std::unexpected<Error> fail_errno(const std::string& what) {
  const int number = errno;
  return fail(ErrorCode::failed, fmt::format("{}: {}", what, std::generic_category().message(number)));
}

Expected<Fd> open_directory(int parent, const std::string& name) {
  Fd fd{openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd && errno != ENOENT) return fail_errno(name);
  return fd;
}

Expected<Fd> open_regular(int directory, const std::string& name) {
  // O_NONBLOCK: opening a FIFO would wait for its writer.
  Fd fd{openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return fd;
  if (!fd && errno == ELOOP) return fail(ErrorCode::failed, name + ": is a symbolic link");
  if (!fd) return fail_errno(name);
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return fail_errno(name);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::failed, name + ": is not a regular file");
  // Another link to it may be a file that its creator cannot read.
  if (status.st_nlink > 1) return fail(ErrorCode::failed, name + ": has several hard links");
  return fd;
}

Expected<std::optional<std::string>> read_file(int directory, const std::string& name, std::size_t limit) {
  auto fd = open_regular(directory, name);
  if (!fd) return std::unexpected(fd.error());
  if (!*fd) return std::nullopt;
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t size = ::read(fd->get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(name);
    if (size == 0) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    if (content.size() > limit)
      return fail(ErrorCode::failed, fmt::format("{}: is larger than {} bytes", name, limit));
  }
}

Expected<void> write_file(const std::string& path, std::string_view content, mode_t mode) {
  const auto slash = path.rfind('/') + 1;
  const std::string temporary = path.substr(0, slash) + "." + path.substr(slash) + ".tmp";
  (void)::unlink(temporary.c_str());
  Fd fd{open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)};
  if (!fd || fchmod(fd.get(), mode) != 0) return fail_errno(temporary);
  if (!write_all(fd.get(), content)) {
    auto failed = fail_errno(temporary);
    (void)::unlink(temporary.c_str());
    return failed;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno(path);
  return {};
}

Expected<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(path);
  return {};
}

Expected<void> remove_tree(int parent, const std::string& name) {
  return remove_below(parent, name, 0);
}

std::vector<std::string> list_directory(const std::string& path) {
  Directory directory{opendir(path.c_str())};
  return directory ? read_names(directory.get()) : std::vector<std::string>{};
}

std::vector<std::int64_t> list_numbered(const std::string& path) {
  std::vector<std::int64_t> numbers;
  for (const auto& name : list_directory(path)) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || end != name.data() + name.size() || number <= 0 || name[0] == '0') continue;
    struct stat status{};
    if (lstat((path + "/" + name).c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace cyborg::sd
