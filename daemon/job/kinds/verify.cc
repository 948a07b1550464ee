// SPDX-License-Identifier: GPL-3.0-or-later
// Kind verify: proves that an archive can be restored. Files are compared with the client's own, dumps are
// loaded into a temporary server; of everything else, it proves that it can be read.
#include "job/kinds/verify.h"

#include <fmt/format.h>

#include <cstdint>

#include "job/borg/borg_run.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

Verification sample(const Verifier& verifier, std::int64_t bytes) {
  const JobSpec& spec = verifier.job.spec();
  Sampler sampler{spec.seed, spec.sample_files, bytes, spec.canaries};
  list_archive(verifier, [&](const ListedFile& file) { sampler.add(file); });
  Verification verification;
  verification.missing_canaries = sampler.missing_canaries();
  verification.odd_canaries = sampler.odd_canaries();
  verification.files = sampler.take();
  verifier.job.output().line(
      6, fmt::format("{} of {} files are tried", verification.files.size(), sampler.listed()));
  return verification;
}

JobResult verify_files(const Verifier& verifier) {
  Verification verification = sample(verifier, verifier.job.spec().sample_bytes);
  hash_extracted(verifier, verification);
  if (!verification.files.empty()) hash_on_client(verifier.job, verification);
  return judge_verification(verifier.job.spec(), verification);
}

// There is nothing to compare a stream with: it was made for the backup only. The chosen streams are
// therefore read completely, however long they are: a few small files beside a disk image would prove little.
JobResult verify_streams(const Verifier& verifier) {
  Verification verification = sample(verifier, INT64_MAX);
  hash_extracted(verifier, verification);
  return judge_reading(verifier.job.spec(), verification);
}

}  // namespace

JobResult verify(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("verification of archive {} in {}", spec.archive, repository_name(spec)));
  if (spec.repository_host.address.empty()) check_local_repository(spec);
  const TemporaryDirectory directory;
  const Verifier verifier{job, directory.make("borg")};
  if (spec.verify == "compare") return verify_files(verifier);
  if (verified_type(spec)) return verify_databases(verifier, directory);
  return verify_streams(verifier);
}

}  // namespace cyborg
