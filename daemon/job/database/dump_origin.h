// Loading dumps back: what a dump says of itself, which server can take it, and what a tool's failure means.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy_type_row.h"

namespace cyborg {

// A file of an archive that a policy of this type made (layout: dump_script.h). Globals are what belongs to
// all of its databases: roles, grants.
struct DumpFile {
  enum class Kind { database, globals, other };
  Kind kind = Kind::other;
  std::string path;
  std::string database;  // its name, decoded
  std::int64_t size = 0;
};
DumpFile dump_file(PolicyType type, std::string_view path);

// What a dump says at its beginning.
struct DumpOrigin {
  std::string server;    // the version of the server that it is of, as written
  int major = 0;         // what is needed at least to read it
  int minor = 0;         // MariaDB: its second number counts, too
  bool foreign = false;  // of MySQL, which MariaDB understands for the most part
  std::string encoding;  // of a PostgreSQL database
};
// Of pg_dump's custom format; nothing if it is something else.
std::optional<DumpOrigin> postgresql_origin(std::string_view head);
std::optional<DumpOrigin> mysql_origin(std::string_view head);

// The number of a directory below /usr/lib/postgresql that is the newest; 0: none.
int newest_version(std::span<const std::string> directories);
// "mariadbd  Ver 10.11.6-MariaDB for …" as 10 and 11.
std::optional<std::pair<int, int>> mariadb_version(std::string_view text);

// A line of pg_dumpall's as a server elsewhere can follow it, or nothing: its directories are another
// machine's, psql's own commands may be newer than psql, and who granted a role may only have been allowed to
// there.
std::optional<std::string> globals_line(std::string_view line);

// Is what a tool said a matter of this server, rather than of the dump? (An extension that is not installed,
// a disk that is full.) Then what is missing; else empty.
std::string missing_here(std::string_view said);

// SQL: a name and a text, quoted.
std::string sql_name(std::string_view name, char mark);

}  // namespace cyborg
