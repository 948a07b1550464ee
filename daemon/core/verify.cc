#include "core/verify.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/borg.h"
#include "core/quote.h"

namespace cyborg {
namespace {

// borg computes its times in floating point.
constexpr std::int64_t kTimeTolerance = 2;  // microseconds

std::mt19937_64 seeded(std::string_view seed) {
  std::seed_seq sequence(seed.begin(), seed.end());
  return std::mt19937_64{sequence};
}

// Of the words of a line the first; the rest stays.
std::string_view take_word(std::string_view& line) {
  const auto space = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

template <typename Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// "2026-01-02 03:04:05.123456789 +0000", where stat knows fractions: their microseconds.
std::optional<std::int64_t> fraction_of(std::string_view time) {
  const auto point = time.find('.');
  std::int64_t value = 0;
  if (point == std::string_view::npos || !read_number(time.substr(point + 1, 6), value)) return std::nullopt;
  return value;
}

constexpr const char* kHashStart = R"sh(
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
say started
for x in stat sha256sum; do command -v $x >/dev/null || die no-tool $x; done
h() {
  if [ -L "$2" ] || [ ! -f "$2" ]; then
    if [ -e "$2" ] || [ -L "$2" ]; then echo "$1 odd"; else echo "$1 missing"; fi
    return
  fi
  a=$(stat -c '%s %Y %y' "$2") && x=$(sha256sum <"$2") && b=$(stat -c '%s %Y %y' "$2") ||
    { echo "$1 unreadable"; return; }
  if [ "$a" = "$b" ]; then echo "$1 file ${x%% *} $a"; else echo "$1 odd"; fi
}
)sh";
constexpr const char* kWatchInput = R"sh(
exec 4<&0 0</dev/null
( while IFS= read -r x <&4; do :; done; kill -TERM $$ ) >/dev/null 2>&1 &
w=$!
exec 4<&-
)sh";
// Here, signals end it; the descriptor is where a borg would find its passphrase.
constexpr const char* kNoInput = "w=\nexec 3<&-\n";
constexpr const char* kHashEnd = "[ -z \"$w\" ] || kill $w\nexit 0\n";

std::string shown(const std::string& path) {
  return "/" + path;
}

// The first of several, and how many more.
std::string named(const std::vector<std::string>& paths) {
  return paths.size() == 1 ? paths.front() : fmt::format("{} and {} more", paths.front(), paths.size() - 1);
}

std::string files_text(std::size_t count) {
  return fmt::format("{} file{}", count, count == 1 ? "" : "s");
}

struct Tally {
  std::vector<std::string> same, changed, unreadable, different, canaries;
};

Tally tally_of(const Verification& verification, const std::string& client) {
  Tally tally;
  for (std::size_t i = 0; i < verification.files.size(); ++i) {
    const SampledFile& file = verification.files[i];
    const auto& answer = verification.client[i];
    const Comparison comparison =
        answer ? compare(file, verification.sha256[i], *answer) : Comparison::unreadable;
    const std::string path = shown(file.path);
    if (comparison == Comparison::same) tally.same.push_back(path);
    if (comparison == Comparison::different) tally.different.push_back(path);
    if (comparison == Comparison::unreadable) tally.unreadable.push_back(path);
    if (comparison == Comparison::changed || comparison == Comparison::missing) {
      tally.changed.push_back(path);
      if (!file.canary) continue;
      tally.canaries.push_back(fmt::format("canary {} {} on {} since", path,
                                           comparison == Comparison::changed ? "was changed" : "is gone",
                                           client));
    }
  }
  return tally;
}

JobResult bad(const char* code, std::string message) {
  JobResult result;
  result.state = JobState::failed;
  result.code = code;
  result.message = std::move(message);
  return result;
}

void warn(JobResult& result, const char* code, std::string message) {
  if (result.state == JobState::successful) {
    result.state = JobState::warning;
    result.code = code;
    result.message = message;
  }
  result.warnings.push_back(std::move(message));
}

}  // namespace

bool can_be_named(std::string_view path) {
  return path.find('?') == std::string_view::npos && path.find("\xEF\xBF\xBD") == std::string_view::npos;
}

Sampler::Sampler(std::string_view seed, std::int64_t files, std::int64_t bytes,
                 const std::vector<std::string>& canaries)
    : random_(seeded(seed)), most_files_(static_cast<std::size_t>(files)), most_bytes_(bytes) {
  for (const auto& canary : canaries) awaited_.emplace(archive_path(canary), canary);
}

bool Sampler::take_canary(const ListedFile& file) {
  const auto canary = awaited_.find(file.path);
  if (canary == awaited_.end()) return false;
  const bool link = (file.mode & kHardLink) != 0;
  if (!link && !S_ISREG(static_cast<mode_t>(file.mode))) {
    odd_.push_back(canary->second);
  } else {
    SampledFile taken{file.path, link ? file.link : std::string{}, link ? -1 : file.size, file.mtime, true};
    canaries_.push_back({listed_, std::move(taken)});
  }
  awaited_.erase(canary);
  return true;
}

void Sampler::add(const ListedFile& file) {
  ++listed_;
  if (take_canary(file)) return;
  const bool regular = (file.mode & kHardLink) == 0 && S_ISREG(static_cast<mode_t>(file.mode));
  if (!regular || file.size <= 0 || !can_be_named(file.path)) return;
  Slot slot{listed_, {file.path, {}, file.size, file.mtime, false}};
  if (file.size > most_bytes_) {
    if (!smallest_ || file.size < smallest_->file.size) smallest_ = std::move(slot);
    return;
  }
  ++eligible_;
  if (slots_.size() < most_files_) {
    slots_.push_back(std::move(slot));
    return;
  }
  const auto place = random_() % static_cast<std::uint64_t>(eligible_);
  if (place < slots_.size()) slots_[place] = std::move(slot);
}

std::vector<SampledFile> Sampler::take() {
  // Whoever does not fit any more is left out by chance, too, and not because it was listed late.
  for (std::size_t i = slots_.size(); i > 1; --i) std::swap(slots_[i - 1], slots_[random_() % i]);
  std::vector<Slot> chosen;
  std::int64_t bytes = 0;
  for (auto& slot : slots_) {
    if (slot.file.size > most_bytes_ - bytes) continue;
    bytes += slot.file.size;
    chosen.push_back(std::move(slot));
  }
  if (chosen.empty() && smallest_) chosen.push_back(*std::move(smallest_));
  std::ranges::move(canaries_, std::back_inserter(chosen));
  std::ranges::sort(chosen, {}, &Slot::order);
  std::vector<SampledFile> files;
  for (auto& slot : chosen) files.push_back(std::move(slot.file));
  return files;
}

std::vector<std::string> Sampler::missing_canaries() const {
  std::vector<std::string> missing;
  for (const auto& [path, given] : awaited_) missing.push_back(given);
  return missing;
}

std::vector<std::string> Sampler::odd_canaries() const {
  return odd_;
}

std::vector<std::string> hash_scripts(const std::vector<SampledFile>& files, std::size_t limit, bool local) {
  // Once more the whole script is quoted on its way: a quote becomes four characters.
  const auto length = [](std::string_view text) {
    return text.size() + 3 * static_cast<std::size_t>(std::ranges::count(text, '\''));
  };
  const std::string start = std::string{kHashStart} + (local ? kNoInput : kWatchInput);
  std::vector<std::string> scripts;
  std::size_t used = limit;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string line = fmt::format("h {} {}\n", i, quote(shown(files[i].path)));
    if (used + length(line) > limit) {
      if (!scripts.empty()) scripts.back() += kHashEnd;
      scripts.push_back(start);
      used = length(start) + length(kHashEnd);
    }
    used += length(line);
    scripts.back() += line;
  }
  if (!scripts.empty()) scripts.back() += kHashEnd;
  return scripts;
}

bool parse_hashes(std::string_view text, std::vector<std::optional<ClientFile>>& files) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t number = 0;
    if (!read_number(take_word(line), number) || number >= files.size()) return false;
    const std::string_view kind = take_word(line);
    ClientFile file;
    if (kind == "odd") {
      // No file any more, or one that is being written: it cannot be as it was.
      file.kind = ClientFile::Kind::file;
      file.size = -1;
    } else if (kind == "unreadable") {
      file.kind = ClientFile::Kind::unreadable;
    } else if (kind == "file") {
      file.kind = ClientFile::Kind::file;
      file.sha256 = take_word(line);
      std::int64_t seconds = 0;
      if (file.sha256.size() != 64 || !read_number(take_word(line), file.size) ||
          !read_number(take_word(line), seconds)) {
        return false;
      }
      const auto fraction = fraction_of(line);
      file.exact = fraction.has_value();
      file.mtime = seconds * 1'000'000 + fraction.value_or(0);
    } else if (kind != "missing") {
      return false;
    }
    files[number] = std::move(file);
  }
  return true;
}

Comparison compare(const SampledFile& file, const std::string& sha256, const ClientFile& client) {
  if (client.kind == ClientFile::Kind::missing) return Comparison::missing;
  if (client.kind == ClientFile::Kind::unreadable) return Comparison::unreadable;
  if (client.sha256 == sha256) return Comparison::same;
  const auto floor = [](std::int64_t time) { return time - ((time % 1'000'000) + 1'000'000) % 1'000'000; };
  const std::int64_t archived = client.exact ? file.mtime : floor(file.mtime + kTimeTolerance);
  const bool other_time = std::abs(archived - client.mtime) > kTimeTolerance;
  // The size of a hard link is not in the listing; its time is.
  const bool other_size = client.size < 0 || (file.size >= 0 && file.size != client.size);
  return other_time || other_size ? Comparison::changed : Comparison::different;
}

void add_proof(JobResult& result, const JobSpec& spec, const char* proven, std::int64_t microseconds) {
  result.facts["archive"] = spec.archive;
  result.facts["proven"] = proven;
  result.facts["restore_duration"] = Json::Int64{microseconds};
}

JobResult judge_reading(const JobSpec& spec, const Verification& verification) {
  JobResult result;
  result.state = JobState::successful;
  result.code = "ok";
  result.facts["files"] = Json::UInt64{verification.files.size()};
  result.facts["bytes"] = Json::Int64{verification.bytes};
  add_proof(result, spec, verification.files.empty() ? "" : "readable", verification.microseconds);
  result.message = fmt::format(
      "{} of archive {} ({} bytes) could be read as it was saved: readable, which is all that can be proven "
      "of it",
      files_text(verification.files.size()), spec.archive, verification.bytes);
  if (verification.files.empty()) {
    warn(result, "nothing-compared",
         fmt::format("archive {} has no file with content: nothing was proven", spec.archive));
  }
  return result;
}

JobResult judge_verification(const JobSpec& spec, const Verification& verification) {
  if (!verification.missing_canaries.empty()) {
    return bad("canary-missing", fmt::format("canary {} is not in archive {}",
                                             named(verification.missing_canaries), spec.archive));
  }
  if (!verification.odd_canaries.empty()) {
    return bad("canary-missing", fmt::format("canary {} is not a regular file in archive {}: name a file",
                                             named(verification.odd_canaries), spec.archive));
  }
  const std::size_t count = verification.files.size();
  JobResult result;
  result.state = JobState::successful;
  result.code = "ok";
  result.facts["files"] = Json::UInt64{count};
  result.facts["bytes"] = Json::Int64{verification.bytes};
  add_proof(result, spec, "", verification.microseconds);
  const std::string read = fmt::format("{} of archive {} ({} bytes) could be read from the repository",
                                       files_text(count), spec.archive, verification.bytes);
  if (count == 0) {
    warn(result, "nothing-compared",
         fmt::format("archive {} has no file with content: nothing was proven", spec.archive));
    return result;
  }
  if (!verification.not_compared.empty()) {
    warn(result, "not-compared",
         fmt::format("{}; the comparison with {} was not made: {}", read, spec.client,
                     verification.not_compared));
    return result;
  }
  const Tally tally = tally_of(verification, spec.client);
  result.facts["same"] = Json::UInt64{tally.same.size()};
  result.facts["changed"] = Json::UInt64{tally.changed.size()};
  result.facts["unreadable"] = Json::UInt64{tally.unreadable.size()};
  result.facts["different"] = Json::UInt64{tally.different.size()};
  if (!tally.different.empty()) {
    JobResult failure = bad("different", fmt::format("{}: what archive {} holds is not what {} has",
                                                     named(tally.different), spec.archive, spec.client));
    failure.facts = result.facts;
    for (const auto& path : tally.different) failure.warnings.push_back(path + " differs");
    return failure;
  }
  if (!tally.same.empty()) result.facts["proven"] = "compared";
  result.message = fmt::format("{}: {} the same as on {}, {} changed since", read, tally.same.size(),
                               spec.client, tally.changed.size());
  if (tally.same.empty()) {
    warn(result, "nothing-compared",
         fmt::format("{}, but nothing could be compared: all of them have changed on {} since", read,
                     spec.client));
  }
  for (const auto& canary : tally.canaries) warn(result, "canary-changed", canary);
  if (!tally.unreadable.empty()) {
    warn(result, "unreadable",
         fmt::format("{} could not be read on {}", named(tally.unreadable), spec.client));
  }
  return result;
}

}  // namespace cyborg
