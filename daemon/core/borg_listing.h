// A line of `borg list --json-lines REPOSITORY::ARCHIVE`: one file. Pure, and fast, since there are millions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cyborg {

// Bits of ListedFile::mode beside those of stat(2).
constexpr std::int32_t kHardLink = 1 << 20;  // link is the path that has the content
constexpr std::int32_t kImplied = 1 << 21;  // a directory above what was backed up, itself not in the archive

struct ListedFile {
  std::string path;  // without a leading slash
  std::string user, group;
  std::string link;  // target of a symbolic link, source of a hard link
  std::int32_t mode = 0;
  std::int64_t size = 0;
  std::int64_t mtime = 0;  // microseconds since 1970
};

// False if the line is not what borg prints. The file's buffers are used again.
bool parse_listing_line(std::string_view line, ListedFile& file);

// "-rw-r--r--" as stat's bits and back; the type is -, d, l, c, b, p, s or h.
std::int32_t parse_mode(std::string_view text);
std::string mode_text(std::int32_t mode);

// "2026-01-31T23:59:59.123456", which borg prints as UTC if TZ says so; the fraction may be missing.
bool parse_borg_time(std::string_view text, std::int64_t& microseconds);

}  // namespace cyborg
