// SPDX-License-Identifier: GPL-3.0-or-later
// The policy types: an enumerator and a row of the table for each, which both programs read. All differences
// between types are in their rows: a new type is a row here and, if it reads more than folders, the scripts
// in daemon/remote/ that its row names.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/policy_checks.h"
#include "core/policy_type_row.h"

namespace cyborg {

enum class PolicyType : int { rootfs, config, mail, folders, mysql, postgresql, piped, vm, proxmox, sqlite };

namespace policy_type {

using Form = VariableForm;

// The variables of all types that read files.
inline constexpr std::array kFileVariables{
    PolicyVariable{.name = "exclude",
                   .form = Form::list,
                   .description = "what is left out: borg patterns",
                   .check = check_pattern},
    PolicyVariable{
        .name = "patterns",
        .form = Form::list,
        .description =
            "what is taken (\"+ PATTERN\") and left out (\"- PATTERN\"), the first that fits: before exclude",
        .check = check_pattern_rule},
    PolicyVariable{.name = "exclude_if_present",
                   .form = Form::list,
                   .description = "file names: folders that hold one are left out",
                   .check = check_tag_name},
    PolicyVariable{.name = "exclude_caches",
                   .form = Form::flag,
                   .description = "leave out folders that a CACHEDIR.TAG marks as caches"},
    PolicyVariable{.name = "one_file_system",
                   .form = Form::flag,
                   .description = "stay on the file system of each folder"},
    PolicyVariable{
        .name = "snapshot",
        .form = Form::text,
        .description = "auto: read what lies on btrfs, LVM or ZFS from a snapshot; none (default): as it is",
        .check = check_snapshot},
    PolicyVariable{
        .name = "snapshot_size",
        .form = Form::number,
        .description = "of an LVM snapshot, in percent of its volume (default: 10; a thin one needs none)",
        .most = 100},
};

template <std::size_t First>
constexpr auto file_variables(const std::array<PolicyVariable, First>& first) {
  std::array<PolicyVariable, First + kFileVariables.size()> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i < First ? first[i] : kFileVariables[i - First];
  return all;
}

// Paths without use in a backup of the whole system: kernel interfaces, scratch space, other media, and
// caches that borg and the package managers fill again.
inline constexpr std::array kRootfsExclude{"/dev",
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
inline constexpr std::array kRootfsRoots{"/"};
inline constexpr FileSource kRootfsFiles{.roots = kRootfsRoots, .exclude = kRootfsExclude};
inline constexpr PolicyTypeRow kRootfs{
    .type = PolicyType::rootfs,
    .name = "rootfs",
    .description = "the whole system, without what is useless in a backup",
    .variables = kFileVariables,
    .files = &kRootfsFiles,
};

inline constexpr std::array kConfigRoots{"/etc"};
inline constexpr FileSource kConfigFiles{.roots = kConfigRoots};
inline constexpr PolicyTypeRow kConfig{
    .type = PolicyType::config,
    .name = "config",
    .description = "/etc",
    .variables = kFileVariables,
    .files = &kConfigFiles,
};

inline constexpr std::array kMailRoots{"/var/mail", "/var/lib/mail"};
inline constexpr FileSource kMailFiles{.roots = kMailRoots, .any_root = true};
inline constexpr PolicyTypeRow kMail{
    .type = PolicyType::mail,
    .name = "mail",
    .description = "/var/mail and /var/lib/mail, those that exist",
    .variables = kFileVariables,
    .files = &kMailFiles,
};

inline constexpr auto kFoldersVariables = file_variables(std::array{PolicyVariable{
    .name = "folders",
    .form = Form::list,
    .description = "absolute paths",
    .required = true,
    .check = check_folder,
}});
inline constexpr FileSource kFoldersFiles{.roots_variable = "folders"};
inline constexpr PolicyTypeRow kFolders{
    .type = PolicyType::folders,
    .name = "folders",
    .description = "some folders",
    .variables = kFoldersVariables,
    .main = "folders",
    .files = &kFoldersFiles,
};

// For a server's databases: its tools' variables for user, host and port, and the default user.
struct ServerWords {
  const char *user, *host, *port;
  const char *user_text, *host_text;
};
constexpr auto database_variables(const ServerWords& words) {
  return std::array{
      PolicyVariable{.name = "databases",
                     .form = Form::list,
                     .description = "which (default: all)",
                     .check = check_database,
                     .shell = "NAMES"},
      PolicyVariable{.name = "database",
                     .form = Form::list,
                     .description = "the same, for one",
                     .check = check_database,
                     .same_as = "databases"},
      PolicyVariable{.name = "user",
                     .form = Form::text,
                     .description = words.user_text,
                     .check = check_database_user,
                     .shell = words.user},
      PolicyVariable{.name = "password",
                     .form = Form::secret,
                     .description = "of the user: given with --password-file, never shown"},
      PolicyVariable{.name = "host",
                     .form = Form::text,
                     .description = words.host_text,
                     .check = check_database_host,
                     .shell = words.host},
      PolicyVariable{.name = "port",
                     .form = Form::number,
                     .description = "of the server (default: its usual one)",
                     .shell = words.port},
  };
}
inline constexpr const char* kDatabaseItem = "database \"{0}\"";

inline constexpr auto kMysqlVariables =
    database_variables({"DBUSER", "DBHOST", "DBPORT", "who connects (default: root, by the socket)",
                        "where (default: the client's socket)"});
inline constexpr std::array kMysqlOwn{"mysql", "sys", "information_schema", "performance_schema"};
inline constexpr std::array kMysqlDatabasesScripts{"access_mysql", "load_mysql"};
inline constexpr DatabaseDumps kMysqlDatabases{
    .scripts = kMysqlDatabasesScripts,

    .suffix = ".sql",
    .globals_file = "grants.sql",
    .loaded_with = LoadedWith::mariadb,
    .refers_to_others = true,
    .of_the_server = kMysqlOwn,
    .not_with_all =
        "mysql",  // a running server's own tables are not replaced: its users are among the grants
};
inline constexpr std::array kMysqlParts{DumpPart{"", "the grants"}};
// An option file for the tools.
inline constexpr SecretForm kMysqlSecret{"[client]\\n%s\\n", "password=\"", "\"", "\\\""};
inline constexpr std::array kMysqlDumpScripts{"access_mysql", "dump_mysql"};
inline constexpr DumpSource kMysqlDump{
    .scripts = kMysqlDumpScripts,

    .item = kDatabaseItem,
    .parts = kMysqlParts,
    .secret = &kMysqlSecret,
    .databases = &kMysqlDatabases,
    .discovered = true,
};
inline constexpr PolicyTypeRow kMysql{
    .type = PolicyType::mysql,
    .name = "mysql",
    .description = "databases of MariaDB or MySQL, a dump of each, and the grants",
    .variables = kMysqlVariables,
    .main = "databases",
    .dump = &kMysqlDump,
};

inline constexpr auto kPostgresqlVariables = database_variables(
    {"PGUSER", "PGHOST", "PGPORT",
     "who connects (default: postgres, by the socket, or with a host its user of that name)",
     "where (default: the client's socket)"});
inline constexpr std::array kPostgresqlDatabasesScripts{"access_postgresql", "load_postgresql"};
inline constexpr DatabaseDumps kPostgresqlDatabases{
    .scripts = kPostgresqlDatabasesScripts,

    .suffix = ".dump",
    .globals_file = "globals.sql",
    .loaded_with = LoadedWith::postgresql,
};
inline constexpr std::array kPostgresqlParts{DumpPart{"", "the roles"}};
// A line of libpq's password file.
inline constexpr SecretForm kPostgresqlSecret{"%s\\n", "*:*:*:*:", "", "\\:"};
inline constexpr std::array kPostgresqlDumpScripts{"access_postgresql", "dump_postgresql"};
inline constexpr DumpSource kPostgresqlDump{
    .scripts = kPostgresqlDumpScripts,

    .item = kDatabaseItem,
    .parts = kPostgresqlParts,
    .secret = &kPostgresqlSecret,
    .databases = &kPostgresqlDatabases,
    .discovered = true,
};
inline constexpr PolicyTypeRow kPostgresql{
    .type = PolicyType::postgresql,
    .name = "postgresql",
    .description = "databases of PostgreSQL, a dump of each in custom format, and the roles",
    .variables = kPostgresqlVariables,
    .main = "databases",
    .dump = &kPostgresqlDump,
};

inline constexpr std::array kPipedVariables{
    PolicyVariable{.name = "command",
                   .form = Form::text,
                   .description = "what the client's shell runs",
                   .required = true,
                   .shell = "COMMAND"},
    PolicyVariable{.name = "filename",
                   .form = Form::text,
                   .description = "of the file in the archive (default: output)",
                   .check = check_filename,
                   .shell = "FILENAME",
                   .preset = "output"},
};
inline constexpr std::array kPipedDumpScripts{"dump_piped"};
inline constexpr DumpSource kPipedDump{.scripts = kPipedDumpScripts, .item = "the output of the command"};
inline constexpr PolicyTypeRow kPiped{
    .type = PolicyType::piped,
    .name = "piped",
    .description = "the output of a command",
    .variables = kPipedVariables,
    .dump = &kPipedDump,
};

inline constexpr std::array kVmVariables{
    PolicyVariable{.name = "guests",
                   .form = Form::list,
                   .description = "which (default: all that are defined)",
                   .check = check_guest_name,
                   .shell = "NAMES"},
    PolicyVariable{
        .name = "quiesce",
        .form = Form::flag,
        .description =
            "have the guest's agent put its file systems in order first; it is a warning if it cannot",
        .shell = "QUIESCE"},
};
inline constexpr std::array kVmGuestsScripts{"vm", "guest_libvirt"};
inline constexpr GuestDumps kVmGuests{
    .scripts = kVmGuestsScripts, .path = "vm/{}", .definition = "/domain.xml"};
inline constexpr std::array kVmParts{
    DumpPart{"-", "the definition of guest \"{2}\""},
    DumpPart{"nvram", "the firmware's variables of guest \"{2}\""},
};
inline constexpr std::array kVmDumpScripts{"vm", "dump_vm"};
inline constexpr DumpSource kVmDump{
    .scripts = kVmDumpScripts,

    .things = "guests",
    .item = "disk {1} of guest \"{2}\"",
    .parts = kVmParts,
    .holds = true,
    .guests = &kVmGuests,
    .discovered = true,
};
inline constexpr PolicyTypeRow kVm{
    .type = PolicyType::vm,
    .name = "vm",
    .description = "guests of libvirt: the definition of each, and its disks as they are at one moment",
    .variables = kVmVariables,
    .main = "guests",
    .dump = &kVmDump,
};

inline constexpr std::array kProxmoxVariables{
    PolicyVariable{.name = "guests",
                   .form = Form::ids,
                   .description = "which, by their number (default: all of this host)",
                   .check = check_guest_id,
                   .shell = "NAMES"},
    PolicyVariable{.name = "mode",
                   .form = Form::text,
                   .description = "snapshot, suspend or stop (default: snapshot)",
                   .check = check_guest_mode,
                   .shell = "MODE",
                   .preset = "snapshot"},
};
inline constexpr std::array kProxmoxGuestsScripts{"guest_proxmox"};
inline constexpr GuestDumps kProxmoxGuests{
    .scripts = kProxmoxGuestsScripts, .path = "sh:proxmox/vzdump-*-{}.*", .numbered = true};
inline constexpr std::array kProxmoxDumpScripts{"dump_proxmox"};
inline constexpr DumpSource kProxmoxDump{.scripts = kProxmoxDumpScripts,

                                         .things = "guests",
                                         .item = "guest {2}",
                                         .guests = &kProxmoxGuests,
                                         .discovered = true};
inline constexpr PolicyTypeRow kProxmox{
    .type = PolicyType::proxmox,
    .name = "proxmox",
    .description = "virtual machines and containers of a Proxmox host, as its vzdump saves them",
    .variables = kProxmoxVariables,
    .main = "guests",
    .dump = &kProxmoxDump,
};

inline constexpr std::array kSqliteVariables{
    PolicyVariable{.name = "databases",
                   .form = Form::list,
                   .description = "files: absolute paths, or patterns as a shell has them",
                   .required = true,
                   .check = check_file_path,
                   .shell = "NAMES"},
    PolicyVariable{.name = "copy_folder",
                   .form = Form::text,
                   .description = "where the copies are made, one at a time (default: /var/tmp)",
                   .check = check_file_path,
                   .shell = "FOLDER",
                   .preset = "/var/tmp"},
};
inline constexpr std::array kSqliteDatabasesScripts{"load_sqlite"};
inline constexpr DatabaseDumps kSqliteDatabases{
    .scripts = kSqliteDatabasesScripts,
    .paths = true,
    .loaded_with = LoadedWith::script,
    .loader = "SQLite",
    .tool = "sqlite3",
};
inline constexpr std::array kSqliteDumpScripts{"dump_sqlite"};
inline constexpr DumpSource kSqliteDump{
    .scripts = kSqliteDumpScripts,
    .item = kDatabaseItem,
    .databases = &kSqliteDatabases,
};
inline constexpr PolicyTypeRow kSqlite{
    .type = PolicyType::sqlite,
    .name = "sqlite",
    .description = "databases of SQLite, a copy of each as it is at one moment",
    .variables = kSqliteVariables,
    .main = "databases",
    .dump = &kSqliteDump,
};

}  // namespace policy_type

constexpr const PolicyTypeRow& policy_type_row(PolicyType type) {
  switch (type) {
    case PolicyType::rootfs:
      return policy_type::kRootfs;
    case PolicyType::config:
      return policy_type::kConfig;
    case PolicyType::mail:
      return policy_type::kMail;
    case PolicyType::folders:
      return policy_type::kFolders;
    case PolicyType::mysql:
      return policy_type::kMysql;
    case PolicyType::postgresql:
      return policy_type::kPostgresql;
    case PolicyType::piped:
      return policy_type::kPiped;
    case PolicyType::vm:
      return policy_type::kVm;
    case PolicyType::proxmox:
      return policy_type::kProxmox;
    case PolicyType::sqlite:
      break;
  }
  return policy_type::kSqlite;
}

// In the order in which they are listed, as in README.
inline constexpr std::array kPolicyTypes{
    PolicyType::rootfs,     PolicyType::config, PolicyType::mail, PolicyType::folders, PolicyType::mysql,
    PolicyType::postgresql, PolicyType::piped,  PolicyType::vm,   PolicyType::proxmox, PolicyType::sqlite,
};
static_assert(std::size(kPolicyTypes) == static_cast<std::size_t>(PolicyType::sqlite) + 1);

constexpr const char* to_string(PolicyType type) {
  return policy_type_row(type).name;
}
constexpr std::optional<PolicyType> parse_policy_type(std::string_view name) {
  for (const PolicyType type : kPolicyTypes) {
    if (name == to_string(type)) return type;
  }
  return std::nullopt;
}
// For people: the meaning of a name that a script uses when it dumps or loads; empty: the part common to all
// databases.
std::string dump_part_name(PolicyType type, std::string_view name);

static_assert([] {
  for (const PolicyType type : kPolicyTypes) {
    const PolicyTypeRow& row = policy_type_row(type);
    if (row.type != type || (row.files == nullptr) == (row.dump == nullptr)) return false;
    if (row.main && !row.variable(row.main)) return false;
  }
  return true;
}());

}  // namespace cyborg
