// SPDX-License-Identifier: GPL-3.0-or-later
// Loading dumps back: the information in a dump, which server can load it, and the meaning of a tool's
// failure. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy_type_row.h"

namespace cyborg {

// A file of an archive of a policy of this type (layout: dump_script.h). Globals are common to all of its
// databases: roles, grants.
struct DumpFile {
  enum class Kind { database, globals, other };
  Kind kind = Kind::other;
  std::string path;
  std::string database;  // its name, decoded
  std::int64_t size = 0;
};
DumpFile dump_file(PolicyType type, std::string_view path);

// The information at the beginning of a dump.
struct DumpOrigin {
  std::string server;    // the version of the server that it is of, as written
  int major = 0;         // what is needed at least to read it
  int minor = 0;         // MariaDB: its second number counts, too
  bool foreign = false;  // made by MySQL, which MariaDB mostly understands
  std::string encoding;  // for a PostgreSQL database
};
// For pg_dump's custom format; nullopt for other formats.
std::optional<DumpOrigin> postgresql_origin(std::string_view head);
std::optional<DumpOrigin> mysql_origin(std::string_view head);

// The newest version among the directories in /usr/lib/postgresql; 0: none.
int newest_version(std::span<const std::string> directories);
// Parses "mariadbd  Ver 10.11.6-MariaDB for …" to 10 and 11.
std::optional<std::pair<int, int>> mariadb_version(std::string_view text);

// Adapts a line of pg_dumpall for another server, or returns nullopt: its directories belong to another
// machine, psql commands may be newer than psql, and the grantor of a role may only have been permitted to
// grant there.
std::optional<std::string> globals_line(std::string_view line);

// If a tool's messages mean that this server lacks something (an extension that is not installed, disk space)
// rather than that the dump is bad, returns what is missing; otherwise empty.
std::string missing_here(std::string_view said);

// Quotes a name and a text for SQL.
std::string sql_name(std::string_view name, char mark);

}  // namespace cyborg
