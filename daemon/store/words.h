// SPDX-License-Identifier: GPL-3.0-or-later
// Lists of names for SQL's `in`, from the tables of kinds and states.
#pragma once

#include <string>

#include "core/enum_table.h"
#include "core/job_kind.h"
#include "core/job_state.h"

namespace cyborg::store {

// "('successful', 'warning')". The names are fixed words: nothing needs to be escaped.
template <typename Row, std::size_t N, typename Filter>
std::string sql_list(const std::array<Row, N>& rows, Filter takes) {
  std::string list;
  for (const Row& row : rows) {
    if (takes(row)) list.append(list.empty() ? "('" : ", '").append(row.name).append("'");
  }
  return list + ")";
}

inline std::string good_states() {
  return sql_list(kJobStates, [](const JobStateTraits& state) { return state.good; });
}
// The states after which no dependant may run.
inline std::string unsuccessful_ends() {
  return sql_list(kJobStates, [](const JobStateTraits& state) { return state.ended && !state.good; });
}
inline std::string kinds_with_status(StatusKept status) {
  return sql_list(kJobKinds, [status](const JobKindTraits& kind) { return kind.status == status; });
}

}  // namespace cyborg::store
