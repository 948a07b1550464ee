// What `borg list --format …` prints of an archive: files. Pure, and fast, since there are millions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cyborg {

// Bits of ListedFile::mode beside those of stat(2).
constexpr std::int32_t kHardLink = 1 << 20;  // link is the path that has the content
constexpr std::int32_t kImplied = 1 << 21;  // a directory above what was backed up, itself not in the archive

// Each field ends with a NUL, which is in no path. borg takes a third less time for this than for JSON.
constexpr const char* kListingFormat =
    "{mode}{NUL}{user}{NUL}{group}{NUL}{size}{NUL}{isomtime}{NUL}{health}{NUL}{source}{NUL}{path}{NUL}";

struct ListedFile {
  std::string path;  // without slashes at its beginning and end; valid UTF-8, as all texts here
  std::string user, group;
  std::string link;  // target of a symbolic link, source of a hard link
  std::int32_t mode = 0;
  std::int64_t size = 0;
  std::int64_t mtime = 0;  // microseconds since 1970
  bool healthy = true;     // no repair of the repository has put zeros in place of what was lost
};

// Reads a listing that comes in pieces.
class ListingReader {
 public:
  // The file's buffers are used again.
  explicit ListingReader(std::function<void(const ListedFile&)> take) : take_(std::move(take)) {}

  // False if it is not what borg prints; wrong() is what was no file then.
  bool feed(std::string_view piece);
  // False if the listing ended within a file.
  bool finish();
  const std::string& wrong() const { return wrong_; }

 private:
  bool read(std::string_view& listing);

  std::function<void(const ListedFile&)> take_;
  ListedFile file_;
  std::string rest_;  // the beginning of a file that is not all there yet
  std::string wrong_;
};

// "-rw-r--r--" as stat's bits and back; the type is -, d, l, c, b, p, s or h.
std::int32_t parse_mode(std::string_view text);
std::string mode_text(std::int32_t mode);

// "2026-01-31T23:59:59.123456", which borg prints as UTC if TZ says so; the fraction may be missing.
bool parse_borg_time(std::string_view text, std::int64_t& microseconds);

}  // namespace cyborg
