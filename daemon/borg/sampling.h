// SPDX-License-Identifier: GPL-3.0-or-later
// Verification: the random choice of files from an archive. Pure.
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

// A file of an archive that will be verified.
struct SampledFile {
  std::string path;        // in the archive, without a leading slash
  std::string source;      // of a hard link: the path that has the content
  std::int64_t size = -1;  // -1: known only after reading the content
  std::int64_t mtime = 0;  // microseconds since 1970
  bool canary = false;
};

// Chooses files from a stream of listed files of any length: each file with content has the same chance, and
// the same seed makes the same choice. Canaries are added.
class Sampler {
 public:
  Sampler(std::string_view seed, std::int64_t files, std::int64_t bytes,
          const std::vector<std::string>& canaries);

  void add(const ListedFile& file);
  // Returns the chosen files, in the order of the listing. They fit within `bytes`, unless every file is
  // larger: then the smallest one.
  std::vector<SampledFile> take();

  std::int64_t listed() const { return listed_; }
  // Canaries that were not listed or are not regular files, as written in the policy.
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
  std::map<std::string, std::string, std::less<>> awaited_;  // canaries: path in the archive → path as given
  std::vector<std::string> odd_;
  std::vector<Slot> slots_;
  std::vector<Slot> canaries_;
  std::optional<Slot> smallest_;  // the smallest file that exceeds the limit
  std::int64_t listed_ = 0;
  std::int64_t eligible_ = 0;
};

// Whether borg can be asked for the file by this name: its listing replaces bytes that are not UTF-8.
bool can_be_named(std::string_view path);

}  // namespace cyborg
