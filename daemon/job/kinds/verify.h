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

// What all parts share: the job, and where its borg keeps its cache.
struct Verifier {
  JobContext& job;
  std::string borg_directory;
};

// Lists the archive, and gives each file to `take`. Throws Failure, also if borg knows of damaged files.
void list_archive(const Verifier& verifier, const std::function<void(const ListedFile&)>& take);

// Has borg read files of the archive, in the order of the archive, and gives their contents away: piece by
// piece, with the number of the file. Throws Failure if one cannot be read as it was listed.
using TakeContent = std::function<void(std::size_t file, std::string_view piece)>;
void extract_contents(const Verifier& verifier, std::span<const SampledFile> files, const TakeContent& take);

// Extracts files, and fills in their hashes and sizes.
void hash_extracted(const Verifier& verifier, Verification& verification);

// Asks the client for its own. Leaves in `not_compared` why that was not possible.
void hash_on_client(JobContext& job, Verification& verification);

// Loads the dumps of the archive into a server that is made for it.
JobResult verify_databases(const Verifier& verifier, const TemporaryDirectory& directory);

}  // namespace cyborg
