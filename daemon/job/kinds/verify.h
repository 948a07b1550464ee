// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a job of kind verify.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "borg/verification.h"
#include "job/borg/tool.h"
#include "job/job.h"

namespace cyborg {

// Shared by all parts: the job, and the cache directory of its borg.
struct Verifier {
  JobContext& job;
  std::string borg_directory;
};

// Lists the archive, and passes each file to `take`. Throws Failure, also if borg reports damaged files.
void list_archive(const Verifier& verifier, const std::function<void(const ListedFile&)>& take);

// Reads files of the archive with borg, in the order of the archive, and passes on their contents piece by
// piece, with the number of the file. Throws Failure if one cannot be read as it was listed.
using TakeContent = std::function<void(std::size_t file, std::string_view piece)>;
void extract_contents(const Verifier& verifier, std::span<const SampledFile> files, const TakeContent& take);

// Extracts files, and fills in their hashes and sizes.
void hash_extracted(const Verifier& verifier, Verification& verification);

// Gets the hashes of the client's own files. If that is not possible, stores the reason in `not_compared`.
void hash_on_client(JobContext& job, Verification& verification);

// Loads the dumps of the archive into a temporary server.
JobResult verify_databases(const Verifier& verifier, const TemporaryDirectory& directory);

}  // namespace cyborg
