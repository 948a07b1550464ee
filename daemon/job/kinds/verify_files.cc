// SPDX-License-Identifier: GPL-3.0-or-later
// Reading files of an archive, and getting the hashes of the client's files.
#include <fmt/format.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

#include <array>
#include <chrono>
#include <map>

#include "borg/command.h"
#include "borg/result.h"
#include "job/borg/file_listing.h"
#include "job/borg/repository_borg.h"
#include "job/kinds/verify.h"
#include "remote/file_hashes.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kProgressEvery = 1000;      // files
constexpr std::size_t kMaxArguments = 512 * 1024;  // Linux allows 2 MiB, including the environment
constexpr std::size_t kMaxScript = 100 * 1024;     // for a command line of sshd's

class Hash {
 public:
  Hash() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view data) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  }
  std::string hex() {
    std::array<unsigned char, crypto_hash_sha256_BYTES> bytes{};
    crypto_hash_sha256_final(&state_, bytes.data());
    std::array<char, 2 * bytes.size() + 1> text{};
    sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
    return text.data();
  }

 private:
  crypto_hash_sha256_state state_{};
};

// Runs a borg that reads. Throws Failure unless everything was read; `what` begins its message.
void read_repository(const Verifier& verifier, BorgVerb verb,
                     const std::function<std::vector<std::string>(const std::string&)>& command,
                     const std::function<void(std::string_view)>& take,
                     const std::function<std::string()>& what) {
  JobContext& job = verifier.job;
  const RepositoryBorg repository{job, RepositoryBorg::Where::server};
  LocalBorg borg;
  borg.command = command(repository.url());
  borg.base_dir = verifier.borg_directory;
  borg.on_output = take;
  const JobResult result = repository.judge(verb, repository.run(borg));
  job.throw_if_canceled();
  if (result.state == JobState::successful) return;
  // A warning while reading means that something differs from what was saved.
  throw Failure(result.code, what() + result.message, JobState::failed);
}

// Splits borg's output into the requested files.
class Splitter {
 public:
  Splitter(const JobSpec& spec, std::span<const SampledFile> files, std::size_t first,
           const TakeContent& take)
      : spec_(spec), files_(files), first_(first), take_(take) {}

  void feed(std::string_view data) {
    while (!data.empty()) {
      if (at_ == files_.size()) throw wrong(files_.back(), "has more content than the listing says");
      const std::int64_t size = files_[at_].size;
      const auto rest = static_cast<std::size_t>(size < 0 ? INT64_MAX : size - taken_);
      const auto piece = data.substr(0, rest);
      take_(first_ + at_, piece);
      taken_ += static_cast<std::int64_t>(piece.size());
      data.remove_prefix(piece.size());
      if (taken_ == size) next();
    }
  }

  void finish() {
    while (at_ < files_.size() && files_[at_].size == taken_) next();
    if (at_ < files_.size() && files_[at_].size >= 0)
      throw wrong(files_[at_], "has less content than the listing says");
  }

  // For the message about a borg that stopped.
  std::string place() const {
    return at_ < files_.size()
               ? fmt::format("/{} of archive {} cannot be restored: ", files_[at_].path, spec_.archive)
               : std::string{};
  }

 private:
  void next() {
    ++at_;
    taken_ = 0;
  }
  Failure wrong(const SampledFile& file, const char* how) const {
    return {ResultCode::different, fmt::format("/{} of archive {} {}", file.path, spec_.archive, how),
            JobState::failed};
  }

  const JobSpec& spec_;
  std::span<const SampledFile> files_;
  std::size_t first_;
  const TakeContent& take_;
  std::size_t at_ = 0;
  std::int64_t taken_ = 0;
};

void extract_batch(const Verifier& verifier, std::span<const SampledFile> files, std::size_t first,
                   const TakeContent& take) {
  const JobSpec& spec = verifier.job.spec();
  std::vector<std::string> paths;
  for (const auto& file : files) paths.push_back(file.source.empty() ? file.path : file.source);
  Splitter splitter{spec, files, first, take};
  read_repository(
      verifier, BorgVerb::extract,
      [&](const std::string& repository) { return borg_extract_contents(spec, repository, paths); },
      [&](std::string_view piece) { splitter.feed(piece); }, [&] { return splitter.place(); });
  splitter.finish();
}

// How many of the files one borg can take: files of known size whose names fit.
std::size_t batch_size(std::span<const SampledFile> files) {
  std::size_t count = 0;
  std::size_t length = 0;
  for (const auto& file : files) {
    length += file.path.size() + 16;
    if (count > 0 && (file.size < 0 || length > kMaxArguments)) break;
    ++count;
    if (file.size < 0) break;
  }
  return count;
}

BorgEnd run_script(JobContext& job, const std::string& script) {
  const JobSpec& spec = job.spec();
  if (!spec.local) {
    ssh::Session session{spec.target, job.credentials()};
    job.throw_if_canceled();
    return run_remote(job, session, spec.target.user, {script, {}, {}, nullptr});
  }
  LocalBorg shell;
  shell.command = {"sh", "-c", script};
  return run_local(job, shell);
}

void ask_client(JobContext& job, Verification& verification) {
  const JobSpec& spec = job.spec();
  for (const auto& script : hash_scripts(verification.files, kMaxScript, spec.local)) {
    const BorgEnd end = run_script(job, script);
    job.throw_if_canceled();
    check_script(end, spec, spec.target.user);
    if (end.status != 0 || !parse_hashes(end.output, verification.client)) {
      throw Failure(ResultCode::client_answer,
                    fmt::format("{} did not report the state of its files", spec.client));
    }
  }
}

}  // namespace

void list_archive(const Verifier& verifier, const std::function<void(const ListedFile&)>& take) {
  JobContext& job = verifier.job;
  std::string damaged;
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  FileListing listing{[&](const ListedFile& file) {
    if (damaged.empty() && !file.healthy) damaged = file.path;
    take(file);
    bytes += file.size;
    if (++count % kProgressEvery == 0) job.progress().set({count, bytes, file.path});
  }};
  read_repository(
      verifier, BorgVerb::list,
      [&](const std::string& repository) { return borg_list_files(job.spec(), repository); },
      [&](std::string_view piece) { listing.feed(piece); }, [] { return std::string{}; });
  listing.finish();
  if (!damaged.empty()) {
    // The repository itself is intact again.
    throw Failure(
        ResultCode::archive_damaged,
        fmt::format(
            "/{} of archive {} was damaged: a repair of the repository has put zeros in place of what "
            "was lost",
            damaged, job.spec().archive));
  }
}

void extract_contents(const Verifier& verifier, std::span<const SampledFile> files, const TakeContent& take) {
  for (std::size_t first = 0; first < files.size();) {
    const std::size_t count = batch_size(files.subspan(first));
    extract_batch(verifier, files.subspan(first, count), first, take);
    first += count;
  }
}

void hash_extracted(const Verifier& verifier, Verification& verification) {
  const auto begin = Clock::now();
  std::vector<Hash> hashes(verification.files.size());
  extract_contents(verifier, verification.files, [&](std::size_t file, std::string_view piece) {
    hashes[file].add(piece);
    verification.bytes += static_cast<std::int64_t>(piece.size());
    verifier.job.progress().set(
        {static_cast<std::int64_t>(file), verification.bytes, verification.files[file].path});
  });
  for (auto& hash : hashes) verification.sha256.push_back(hash.hex());
  verification.microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
}

void hash_on_client(JobContext& job, Verification& verification) {
  verification.client.resize(verification.files.size());
  verification.not_compared = job.spec().client_away;
  if (!verification.not_compared.empty()) return;
  try {
    ask_client(job, verification);
  } catch (const Failure& failure) {
    job.throw_if_canceled();
    verification.not_compared = failure.what();
  }
}

}  // namespace cyborg
