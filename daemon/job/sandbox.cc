// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "core/fd.h"

namespace cyborg {
namespace {

// As in newer kernels; a kernel is given as much of it as it knows.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};

constexpr std::uint64_t kRead =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kWriteFile = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;

// The file rights of version `abi`: 13 in the first, then REFER, TRUNCATE and IOCTL_DEV.
constexpr std::uint64_t all_file_rights(int abi) {
  const int count = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
  return (std::uint64_t{1} << count) - 1;
}

int landlock_abi() {
  return static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

Fd make_ruleset(int abi) {
  RulesetAttributes attributes;
  attributes.files = all_file_rights(abi);
  attributes.network = 3;  // bind and connect TCP sockets
  attributes.scopes = 3;   // signals to others, and their abstract sockets
  const std::size_t size = abi >= 6   ? sizeof attributes
                           : abi >= 4 ? offsetof(RulesetAttributes, scopes)
                                      : offsetof(RulesetAttributes, network);
  return Fd{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0))};
}

// A missing path needs no rule.
bool allow(const Fd& ruleset, const char* path, std::uint64_t rights) {
  const Fd file{::open(path, O_PATH | O_CLOEXEC)};
  if (!file) return errno == ENOENT;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = file.get();
  return ::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool shut_files(const char* directory) {
  const int abi = landlock_abi();
  if (abi < 1) return false;
  const Fd ruleset = make_ruleset(abi);
  if (!ruleset) return false;
  bool good = allow(ruleset, directory, all_file_rights(abi));
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives"}) {
    good = good && allow(ruleset, path, kRead);
  }
  for (const char* path : {"/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
                           "/etc/localtime", "/etc/ssl/openssl.cnf", "/dev/urandom", "/dev/zero"}) {
    good = good && allow(ruleset, path, kReadFile);
  }
  good = good && allow(ruleset, "/dev/null", kWriteFile);
  return good && ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

// Allows only local sockets. The job's unit forbids system calls of foreign architectures.
bool shut_network() {
  constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  constexpr auto kFirst = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
  constexpr std::uint32_t kLow = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? kFirst : kFirst + 4;
  const auto load = [](std::uint32_t at) { return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, at}; };
  const auto jump = [](std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
    return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, yes, no, value};
  };
  const auto end = [](std::uint32_t value) { return sock_filter{BPF_RET | BPF_K, 0, 0, value}; };
  std::array filter{load(kNumber),
                    jump(SYS_io_uring_setup, 4, 0),  // io_uring can create sockets, too
                    jump(SYS_socket, 0, 2),
                    load(kLow),
                    jump(AF_UNIX, 0, 1),
                    end(SECCOMP_RET_ALLOW),
                    end(SECCOMP_RET_ERRNO | EACCES)};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

bool can_enclose() {
  return landlock_abi() >= 1;
}

std::vector<std::string> enclosed(const std::string& directory, const std::vector<std::string>& command) {
  std::vector<std::string> words{std::filesystem::read_symlink("/proc/self/exe").string(), "--enclose",
                                 directory};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

int enclose(char** arguments) {
  const char* directory = arguments[0];
  char** command = arguments + 1;
  if (::chdir(directory) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !shut_files(directory) ||
      !shut_network()) {
    fmt::print(stderr, "the inner sandbox cannot be made: {}\n", std::strerror(errno));
    return 126;
  }
  ::execvp(command[0], command);
  fmt::print(stderr, "{}: {}\n", command[0], std::strerror(errno));
  return 127;
}

}  // namespace cyborg
