// SPDX-License-Identifier: GPL-3.0-or-later
// When retention will remove an archive. Computed here and not in the daemon's loop, since it may take
// thousands of steps, and the calendar of time zones is PostgreSQL's.
#include <algorithm>

#include "store/operations.h"

namespace cyborg::store {
namespace {

constexpr std::size_t kAtOnce = 500;  // elapses

// The archives that future elapses will create, with the periods that they fall into.
Expected<std::vector<RetentionArchive>> future_archives(Connection& db,
                                                        const std::vector<Microseconds>& elapses,
                                                        const std::string& zone) {
  auto result = db.run(
      "select e.at, to_char(l.at, 'YYYY-MM-DD HH24'), to_char(l.at, 'YYYY-MM-DD'), to_char(l.at, 'IYYY-IW'),"
      " to_char(l.at, 'YYYY-MM'), to_char(l.at, 'YYYY')"
      " from unnest($1::bigint[]) with ordinality as e (at, position),"
      " lateral (select in_zone(instant(e.at), $2) as at) l order by e.position",
      Params{elapses, zone});
  if (!result) return std::unexpected(result.error());
  std::vector<RetentionArchive> archives;
  for (int i = 0; i < result->size(); ++i) {
    RetentionArchive& a = archives.emplace_back();
    result->row(i).read(a.created, a.hour, a.day, a.week, a.month, a.year);
    a.name = std::to_string(a.created);  // a unique name, by which the rule "last" distinguishes archives
  }
  return archives;
}

}  // namespace

Expected<Microseconds> foresee_removal(Connection& db, const ForecastRequest& request) {
  auto series = get_series(db, request.policy, request.client, request.borg_url, request.zone);
  if (!series) return std::unexpected(series.error());
  Forecast forecast{request.keep, request.minimum, std::move(series->archives), request.archive};
  if (forecast.stays()) return 0;
  for (std::size_t begin = 0; begin < request.elapses.size(); begin += kAtOnce) {
    const auto first = request.elapses.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = std::min(kAtOnce, request.elapses.size() - begin);
    auto made = future_archives(db, {first, first + static_cast<std::ptrdiff_t>(count)}, request.zone);
    if (!made) return std::unexpected(made.error());
    for (auto& archive : *made) {
      const Microseconds at = archive.created;
      if (forecast.step(std::move(archive))) return at;
    }
  }
  return 0;
}

}  // namespace cyborg::store
