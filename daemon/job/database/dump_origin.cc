// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/database/dump_origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "borg/archive_items.h"

namespace cyborg {
namespace {

std::optional<int> leading_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

// Reads the numbers and texts of pg_dump's custom format: a sign, and as many bytes as the file declares,
// lowest first.
class ArchiveReader {
 public:
  explicit ArchiveReader(std::string_view text) : text_(text) {}

  int byte() { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_++]) : -1; }
  std::int64_t integer() {
    const int sign = byte();
    std::int64_t value = 0;
    for (int i = 0; i < integer_size; ++i) value |= static_cast<std::int64_t>(std::max(byte(), 0)) << (8 * i);
    return sign > 0 ? -value : value;
  }
  std::string text() {
    const std::int64_t size = integer();
    if (size < 0 || static_cast<std::size_t>(size) > text_.size() - at_) return {};
    const auto begin = at_;
    at_ += static_cast<std::size_t>(size);
    return std::string{text_.substr(begin, static_cast<std::size_t>(size))};
  }

  int integer_size = 4;

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// The rest of the line after `key`.
std::string_view after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  text = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

bool read_pair(std::string_view text, int& major, int& minor) {
  const auto first = leading_number(text);
  const auto point = text.find('.');
  if (!first || point == std::string_view::npos) return false;
  major = *first;
  minor = leading_number(text.substr(point + 1)).value_or(0);
  return true;
}

}  // namespace

DumpFile dump_file(PolicyType type, std::string_view path) {
  DumpFile file;
  file.path = path;
  file.database = database_of_path(path, type);
  if (!file.database.empty()) {
    file.kind = DumpFile::Kind::database;
  } else if (!path.empty() && path == path_of_database("", type)) {
    file.kind = DumpFile::Kind::globals;
  }
  return file;
}

std::optional<DumpOrigin> postgresql_origin(std::string_view head) {
  constexpr std::string_view kMagic = "PGDMP";
  if (!head.starts_with(kMagic)) return std::nullopt;
  ArchiveReader reader{head.substr(kMagic.size())};
  const int major = reader.byte();
  const int minor = reader.byte();
  reader.byte();
  reader.integer_size = reader.byte();
  if (major != 1 || reader.integer_size < 1 || reader.integer_size > 8) return std::nullopt;
  reader.byte();  // size of offsets
  reader.byte();  // format
  if (minor >= 15) {
    reader.byte();  // newer versions have a name for the compression
  } else {
    reader.integer();
  }
  constexpr int kTimeFields = 7;
  for (int i = 0; i < kTimeFields; ++i) reader.integer();
  reader.text();  // name of the database
  DumpOrigin origin;
  origin.server = reader.text();
  const std::string tool = reader.text();
  const auto of_server = leading_number(origin.server);
  const auto of_tool = leading_number(tool);
  if (!of_server || !of_tool) return std::nullopt;
  origin.major = std::max(*of_server, *of_tool);
  const std::string_view encoding = after(head, "SET client_encoding = '");
  origin.encoding = encoding.substr(0, encoding.find('\''));
  return origin;
}

std::optional<DumpOrigin> mysql_origin(std::string_view head) {
  DumpOrigin origin;
  origin.server = after(head, "-- Server version");
  if (!read_pair(origin.server, origin.major, origin.minor)) return std::nullopt;
  origin.foreign = origin.server.find("MariaDB") == std::string::npos;
  return origin;
}

int newest_version(std::span<const std::string> directories) {
  int newest = 0;
  for (const auto& directory : directories) {
    const bool digits = directory.find_first_not_of("0123456789") == std::string::npos;
    if (digits) newest = std::max(newest, leading_number(directory).value_or(0));
  }
  return newest;
}

std::optional<std::pair<int, int>> mariadb_version(std::string_view text) {
  std::pair<int, int> version;
  if (!read_pair(after(text, "Ver "), version.first, version.second)) return std::nullopt;
  return version;
}

std::optional<std::string> globals_line(std::string_view line) {
  if (line.starts_with('\\')) return std::nullopt;
  for (const std::string_view begin :
       {"CREATE TABLESPACE ", "ALTER TABLESPACE ", "COMMENT ON TABLESPACE ", "GRANT ALL ON TABLESPACE ",
        "GRANT CREATE ON TABLESPACE ", "REVOKE ALL ON TABLESPACE ", "SECURITY LABEL "}) {
    if (line.starts_with(begin)) return std::nullopt;
  }
  // The tablespace of a role or database.
  if (line.starts_with("ALTER ") && (line.find(" SET default_tablespace ") != std::string_view::npos ||
                                     line.find(" SET temp_tablespaces ") != std::string_view::npos)) {
    return std::nullopt;
  }
  const auto grantor = line.rfind(" GRANTED BY ");
  if (line.starts_with("GRANT ") && line.ends_with(';') && grantor != std::string_view::npos) {
    return std::string{line.substr(0, grantor)} + ";";
  }
  return std::string{line};
}

std::string missing_here(std::string_view said) {
  struct Row {
    std::string_view words;
    const char* meaning;
  };
  constexpr std::array kRows{
      Row{"No space left on device", "the disk of this server's /var/tmp is full"},
      Row{"could not open extension control file", "an extension is not installed on this server"},
      Row{"is not available", "an extension is not installed on this server"},
      Row{"could not access file \"", "a library is not installed on this server"},
      Row{"Unknown storage engine", "a storage engine is not installed on this server"},
      Row{"unrecognized configuration parameter", "a parameter is not known to this server"},
      Row{"could not create locale", "a locale is not installed on this server"},
      Row{"collation \"", "a collation is not known to this server"},
      Row{"Unknown collation", "a collation is not known to this server"},
      Row{"is not loaded", "a plugin is not installed on this server"},
      Row{"unsupported version (", "the dump is of a newer PostgreSQL than this server's"},
  };
  for (const auto& row : kRows) {
    if (said.find(row.words) != std::string_view::npos) return row.meaning;
  }
  return {};
}

std::string sql_name(std::string_view name, char mark) {
  std::string quoted{mark};
  for (const char c : name) {
    if (c == mark) quoted += c;
    quoted += c;
  }
  return quoted + mark;
}

}  // namespace cyborg
