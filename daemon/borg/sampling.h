// Verification: which files of an archive are tried. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "borg/listing.h"

namespace cyborg {

// A file of an archive that is to be tried.
struct SampledFile {
  std::string path;        // in the archive, without a leading slash
  std::string source;      // of a hard link: the path that has the content
  std::int64_t size = -1;  // -1: only its content tells
  std::int64_t mtime = 0;  // microseconds since 1970
  bool canary = false;
};

// Chooses files while the listing goes by, however long it is: each file with content has the same chance,
// and the same seed makes the same choice. Canaries come in addition.
class Sampler {
 public:
  Sampler(std::string_view seed, std::int64_t files, std::int64_t bytes,
          const std::vector<std::string>& canaries);

  void add(const ListedFile& file);
  // Those chosen, in the order of the listing. Within `bytes`, unless every file is larger: then the
  // smallest.
  std::vector<SampledFile> take();

  std::int64_t listed() const { return listed_; }
  // As they are in the policy: canaries that were not listed, and those that are no regular files.
  std::vector<std::string> missing_canaries() const;
  std::vector<std::string> odd_canaries() const;

 private:
  struct Slot {
    std::int64_t order = 0;
    SampledFile file;
  };
  bool take_canary(const ListedFile& file);

  std::mt19937_64 random_;
  std::size_t most_files_;
  std::int64_t most_bytes_;
  std::map<std::string, std::string, std::less<>> awaited_;  // canaries: path in the archive → as given
  std::vector<std::string> odd_;
  std::vector<Slot> slots_;
  std::vector<Slot> canaries_;
  std::optional<Slot> smallest_;  // of those that are too large
  std::int64_t listed_ = 0;
  std::int64_t eligible_ = 0;
};

// Can borg be asked for a file by this name? What is no UTF-8 was replaced in its listing.
bool can_be_named(std::string_view path);

}  // namespace cyborg
