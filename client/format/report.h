// What is wrong, and what happened in a span of time: for people, mails and programs. Pure.
#pragma once

#include "client/format/problem.h"

namespace cyborg::client {

struct Happened {
  std::uint64_t since = 0, now = 0;
  std::vector<Json::Value> jobs;      // of ListJobs, with the same `since`
  std::vector<Json::Value> archives;  // of ListArchives, the same
};

// problems, jobs (counts by kind and state), unsuccessful, archives, growers, repositories, days.
Json::Value report_of(const Json::Value& status, const Happened& happened);

// The first line is the worst that there is to say, and could be the subject of a mail.
std::string report_text(const Json::Value& report);

}  // namespace cyborg::client
