// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cyborg {
namespace {

struct Row {
  Quota quota;
  std::size_t most;
  std::string_view what;
  std::string_view hint;
};

constexpr std::array kTable{
    Row{Quota::objects, 20'000, "schedules, repositories, clients and policies",
        "remove those that nothing needs"},
    Row{Quota::unfinished_jobs, 100'000, "jobs that have not ended",
        "wait for them, or cyborgctl job cancel some"},
    Row{Quota::followers, 20'000, "followers of jobs", "cyborgctl job log shows it without following"},
    Row{Quota::followed_jobs, 10'000, "jobs that one caller follows", "unfollow some"},
    Row{Quota::hooks, 100, "hooks", "have one of them call a script"},
    Row{Quota::variables, 256 * 1024, "bytes of variables", "make several policies of it"},
    Row{Quota::text, 16 * 1024, "bytes", "of a command, make a script on the machine where it runs"},
    Row{Quota::list, 20'000, "entries", "make several of it"},
};

const Row& row_of(Quota quota) {
  return *std::ranges::find(kTable, quota, &Row::quota);
}

}  // namespace

Expected<void> check_quota(Quota quota, std::size_t wanted, std::string_view field) {
  const Row& row = row_of(quota);
  if (wanted <= row.most) return {};
  return fail(
      ErrorCode::limits_exceeded,
      fmt::format("{}{}{} {} are more than {}", field, field.empty() ? "" : ": ", wanted, row.what, row.most),
      std::string{row.hint});
}

std::size_t quota_of(Quota quota) {
  return row_of(quota).most;
}

}  // namespace cyborg
