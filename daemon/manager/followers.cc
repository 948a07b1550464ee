// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/followers.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/quota.h"

namespace cyborg {
namespace {

// Lines per signal: few enough for any limit of the bus, many enough that a million lines are some thousand
// signals.
constexpr std::size_t kLinesPerSignal = 500;

}  // namespace

Followers::Followers(State& state, store::Store& store, JobFiles& files, Clock& clock, Publisher& publisher)
    : state_(state), store_(store), files_(files), clock_(clock), publisher_(publisher) {}

void Followers::set_spooled(std::int64_t job, bool spooled) {
  if (spooled) {
    spooled_.insert(job);
  } else {
    spooled_.erase(job);
  }
}

void Followers::read(std::int64_t job, std::uint64_t first, std::size_t limit, Then<LogPage> then) {
  const auto unfinished = state_.unfinished.find(job);
  if (is_spooled(job)) {
    auto lines = files_.read_output(job, first, limit);
    LogPage page;
    if (lines) page.lines = std::move(*lines);
    // A page may be short because its lines are long: only an empty page is the end.
    page.end = unfinished == state_.unfinished.end() && page.lines.empty();
    return then(lines ? Expected<LogPage>{std::move(page)} : std::unexpected(lines.error()));
  }
  if (unfinished != state_.unfinished.end()) return then(LogPage{});  // it has printed nothing yet
  store_.read_output(
      job, static_cast<std::int64_t>(first), static_cast<std::uint32_t>(limit),
      [then = std::move(then)](Expected<store::OutputPage> stored) {
        if (!stored) return then(std::unexpected(stored.error()));
        LogPage page;
        for (auto& line : stored->lines) {
          page.lines.push_back({line.time, static_cast<std::uint8_t>(line.priority), std::move(line.text)});
        }
        page.end = stored->complete || page.lines.empty();
        then(std::move(page));
      });
}

Followers::Follower* Followers::find(std::int64_t job, const std::string& name) {
  const auto followers = followers_.find(job);
  if (followers == followers_.end()) return nullptr;
  for (auto& follower : followers->second) {
    if (follower.name == name) return &follower;
  }
  return nullptr;
}

Expected<void> Followers::check_limits(const std::string& follower) const {
  std::size_t all = 1;
  std::size_t own = 1;
  for (const auto& [job, followers] : followers_) {
    all += followers.size();
    own += static_cast<std::size_t>(std::ranges::count(followers, follower, &Follower::name));
  }
  if (auto fits = check_quota(Quota::followers, all); !fits) return fits;
  return check_quota(Quota::followed_jobs, own);
}

void Followers::follow(const std::string& follower, std::int64_t job, std::uint64_t first,
                       const Then<void>& then) {
  unfollow(follower, job);
  if (auto fits = check_limits(follower); !fits) return then(fits);
  followers_[job].push_back({follower, first, false});
  then({});
  // The answer is sent in an earlier turn.
  clock_.post([this, job, follower] { pump(job, follower); });
}

void Followers::unfollow(const std::string& follower, std::int64_t job) {
  const auto followers = followers_.find(job);
  if (followers == followers_.end()) return;
  followers->second.remove_if([&](const Follower& one) { return one.name == follower; });
  if (followers->second.empty()) followers_.erase(followers);
}

void Followers::gone(const std::string& follower) {
  std::vector<std::int64_t> jobs;
  for (const auto& [job, followers] : followers_) jobs.push_back(job);
  for (const std::int64_t job : jobs) unfollow(follower, job);
}

void Followers::wake(std::int64_t job) {
  const auto followers = followers_.find(job);
  if (followers == followers_.end()) return;
  std::vector<std::string> names;
  for (const auto& follower : followers->second) names.push_back(follower.name);
  for (const auto& name : names) pump(job, name);
}

void Followers::pump(std::int64_t job, const std::string& name) {
  Follower* follower = find(job, name);
  if (!follower || follower->busy) return;
  follower->busy = true;
  read(job, follower->next, kLinesPerSignal,
       [this, job, name](Expected<LogPage> page) { deliver(job, name, page); });
}

void Followers::deliver(std::int64_t job, const std::string& name, const Expected<LogPage>& page) {
  Follower* follower = find(job, name);
  if (!follower) return;
  follower->busy = false;
  const std::string key = fmt::format("follow {} {}", job, name);
  // For example, the database is down: the follower keeps its position.
  if (!page) return clock_.after(key, std::chrono::seconds{1}, [this, job, name] { pump(job, name); });
  const std::uint64_t first = follower->next;
  follower->next += page->lines.size();
  if (!page->lines.empty() || page->end) publisher_.job_output(name, job, first, page->lines, page->end);
  if (page->end) return unfollow(name, job);
  // The next page waits for a turn of the loop, so that a long log does not delay everything else.
  if (!page->lines.empty())
    clock_.after(key, std::chrono::milliseconds{5}, [this, job, name] { pump(job, name); });
}

}  // namespace cyborg
