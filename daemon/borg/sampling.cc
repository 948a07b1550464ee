// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/sampling.h"

#include <sys/stat.h>

#include <algorithm>

#include "borg/command.h"

namespace cyborg {
namespace {

std::mt19937_64 seeded(std::string_view seed) {
  std::seed_seq sequence(seed.begin(), seed.end());
  return std::mt19937_64{sequence};
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
  // Files that are dropped for lack of room are chosen at random, too, and not by their position in the
  // listing.
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

}  // namespace cyborg
