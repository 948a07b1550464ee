#include "core/policy_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/fields.h"

namespace cyborg {
namespace {

struct Variables {
  std::vector<std::string> folders;
  std::vector<std::string> exclude;
  bool one_file_system = false;
};

// What is useless in a backup of a whole system: kernel interfaces, scratch space, other media, and caches
// that borg and the package managers fill again by themselves.
const std::vector<std::string> kRootfsExclude{"/dev",
                                              "/proc",
                                              "/sys",
                                              "/run",
                                              "/var/run",
                                              "/tmp",
                                              "/mnt",
                                              "/media",
                                              "/lost+found",
                                              "/var/lib/lxcfs",
                                              "/root/.cache/borg",
                                              "/home/*/.cache/borg",
                                              "/var/lib/cyborg-client",
                                              "/var/lib/cyborg",
                                              "/var/cache/apt/archives",
                                              "/var/cache/dnf",
                                              "/var/cache/yum",
                                              "/var/cache/zypp",
                                              "/var/cache/apk",
                                              "/var/cache/pacman/pkg"};

struct PolicyType {
  const char* name;
  bool takes_folders;
  bool takes_one_file_system;
  bool any_root;
  std::vector<std::string> roots;
  std::vector<std::string> exclude;
};

const std::array<PolicyType, 4>& types() {
  static const std::array<PolicyType, 4> table{{
      {"rootfs", false, true, false, {"/"}, kRootfsExclude},
      {"config", false, false, false, {"/etc"}, {}},
      {"mail", false, false, true, {"/var/mail", "/var/lib/mail"}, {}},
      {"folders", true, false, false, {}, {}},
  }};
  return table;
}

const PolicyType* find_type(const std::string& name) {
  const auto row = std::ranges::find_if(types(), [&](const PolicyType& type) { return type.name == name; });
  return row != types().end() ? &*row : nullptr;
}

std::string_view check_folder(const std::string& path) {
  if (!path.starts_with('/')) return "an absolute path";
  if (path.find("/../") != std::string::npos || path.ends_with("/..")) return "a path without \"..\"";
  return {};
}

Expected<Variables> read_variables(const PolicyType& type, const Json::Value& json) {
  Variables variables;
  Fields fields{json};
  fields.list("exclude", variables.exclude);
  if (type.takes_folders) fields.list("folders", variables.folders, check_folder);
  if (type.takes_one_file_system) fields.flag("one_file_system", variables.one_file_system);
  if (auto checked = fields.finish(); !checked) return std::unexpected(checked.error());
  if (type.takes_folders && variables.folders.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("policy type \"{}\": variable \"folders\" is missing", type.name),
                "give it as --var folders=/srv/data, once for each folder");
  }
  return variables;
}

}  // namespace

std::vector<std::string> policy_type_names() {
  std::vector<std::string> names;
  for (const auto& type : types()) names.emplace_back(type.name);
  return names;
}

Expected<void> check_policy_variables(const Policy& policy) {
  const PolicyType* type = find_type(policy.type);
  if (!type) {
    return fail(ErrorCode::invalid_argument, fmt::format("type \"{}\": expected one of {}", policy.type,
                                                         fmt::join(policy_type_names(), ", ")));
  }
  if (auto variables = read_variables(*type, policy.variables); !variables)
    return std::unexpected(variables.error());
  return {};
}

BackupSource backup_source(const Policy& policy) {
  const PolicyType* type = find_type(policy.type);
  if (!type) return {};
  const Variables variables = read_variables(*type, policy.variables).value_or(Variables{});
  BackupSource source;
  source.roots = type->takes_folders ? variables.folders : type->roots;
  source.any_root = type->any_root;
  source.exclude = type->exclude;
  source.exclude.insert(source.exclude.end(), variables.exclude.begin(), variables.exclude.end());
  source.exclude.insert(source.exclude.end(), policy.exclude.begin(), policy.exclude.end());
  source.one_file_system = variables.one_file_system;
  return source;
}

}  // namespace cyborg
