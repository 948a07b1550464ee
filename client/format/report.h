// SPDX-License-Identifier: GPL-3.0-or-later
// The current problems, and the events of a period: for people, mails and programs. Pure.
#pragma once

#include "client/format/problem.h"

namespace cyborg::client {

struct Happened {
  std::uint64_t since = 0, now = 0;
  std::vector<Json::Value> jobs;      // of ListJobs, with the same `since`
  std::vector<Json::Value> archives;  // from ListArchives, for the same period
};

// problems, jobs (counts by kind and state), unsuccessful, archives, growers, repositories, days.
Json::Value report_of(const Json::Value& status, const Happened& happened);

// The first line is the most severe problem, and can serve as the subject of a mail.
std::string report_text(const Json::Value& report);

}  // namespace cyborg::client
