// SPDX-License-Identifier: GPL-3.0-or-later
// Verification: compares an archive's files with those on the client, and decides what that proves. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "borg/sampling.h"
#include "core/job_spec.h"

namespace cyborg {

// The current state of a file on the client.
struct ClientFile {
  enum class Kind { file, missing, unreadable };
  Kind kind = Kind::missing;
  std::int64_t size = 0;
  std::int64_t mtime = 0;  // microseconds
  bool exact = false;      // with a fraction; else in whole seconds
  std::string sha256;      // in hex
};
// The results of a verification that got as far as comparing.
struct Verification {
  std::vector<SampledFile> files;
  std::vector<std::string> sha256;                // of what borg extracted, in hex
  std::vector<std::optional<ClientFile>> client;  // empty: the client was not asked
  std::string not_compared;                       // why
  std::vector<std::string> missing_canaries, odd_canaries;
  std::int64_t bytes = 0;         // extracted
  std::int64_t microseconds = 0;  // the duration of the restore
};

// The result of comparing a file.
enum class Comparison { same, changed, missing, unreadable, different };
Comparison compare(const SampledFile& file, const std::string& sha256, const ClientFile& client);

// The job's result; its facts say whether the archive was proven, and how.
JobResult judge_verification(const JobSpec& spec, const Verification& verification);

// The same if there is nothing to compare with: it only proves that the data can be read.
JobResult judge_reading(const JobSpec& spec, const Verification& verification);

// Adds the facts of a verification: {"proven": "compared", …}; an empty word: it proves nothing.
void add_proof(JobResult& result, const JobSpec& spec, const char* proven, std::int64_t microseconds);

}  // namespace cyborg
