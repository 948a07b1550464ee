// Verification: which files of an archive are tried, what the client is asked about them, and what the
// answers mean. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/borg_listing.h"
#include "core/job_spec.h"

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

// Scripts that print, for each file, its number, what stat says of it and the hash of its content. None is
// longer than `limit`. The end of their standard input ends them, unless they run here.
std::vector<std::string> hash_scripts(const std::vector<SampledFile>& files, std::size_t limit, bool local);

// How a file is on the client now.
struct ClientFile {
  enum class Kind { file, missing, unreadable };
  Kind kind = Kind::missing;
  std::int64_t size = 0;
  std::int64_t mtime = 0;  // microseconds
  bool exact = false;      // with a fraction; else in whole seconds
  std::string sha256;      // in hex
};
// Takes what a hash script printed into `files`, by number. False if it is not that.
bool parse_hashes(std::string_view text, std::vector<std::optional<ClientFile>>& files);

// What came of a verification that got as far as comparing.
struct Verification {
  std::vector<SampledFile> files;
  std::vector<std::string> sha256;                // of what borg extracted, in hex
  std::vector<std::optional<ClientFile>> client;  // empty: it was not asked
  std::string not_compared;                       // why
  std::vector<std::string> missing_canaries, odd_canaries;
  std::int64_t bytes = 0;         // extracted
  std::int64_t microseconds = 0;  // that the restore took
};

// How a file compares.
enum class Comparison { same, changed, missing, unreadable, different };
Comparison compare(const SampledFile& file, const std::string& sha256, const ClientFile& client);

// The job's result; facts say whether the archive was proven, and how.
JobResult judge_verification(const JobSpec& spec, const Verification& verification);

// The same where nothing is to be compared: that it could be read is all.
JobResult judge_reading(const JobSpec& spec, const Verification& verification);

// facts of a verification: {"proven": "compared", …}; an empty word: it proves nothing.
void add_proof(JobResult& result, const JobSpec& spec, const char* proven, std::int64_t microseconds);

}  // namespace cyborg
