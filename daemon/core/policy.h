// SPDX-License-Identifier: GPL-3.0-or-later
// A policy: which clients are backed up to which repositories, when, how, and with what retention.
#pragma once

#include "core/property.h"
#include "core/property_checks.h"

namespace cyborg {

// How many archives of a series retention keeps; 0 in all fields: all archives.
struct Retention {
  std::int64_t last = 0;
  std::int64_t hourly = 0;
  std::int64_t daily = 0;
  std::int64_t weekly = 0;
  std::int64_t monthly = 0;
  std::int64_t yearly = 0;
  std::string within;  // a time span as written: keeps all younger archives
  std::chrono::seconds within_seconds{0};

  bool any() const {
    return last + hourly + daily + weekly + monthly + yearly > 0 || within_seconds.count() > 0;
  }
};

// The keys of a policy, and of each client in client_keep.
template <>
inline constexpr auto kProperties<Retention> = std::to_array<Property<Retention>>({
    {.key = "keep_last",
     .member = &Retention::last,
     .sentence = "how many archives retention keeps (default: all)",
     .most = 100'000},
    {.key = "keep_hourly",
     .member = &Retention::hourly,
     .sentence = "how many hourly archives it keeps",
     .most = 100'000},
    {.key = "keep_daily",
     .member = &Retention::daily,
     .sentence = "how many daily archives it keeps",
     .most = 100'000},
    {.key = "keep_weekly",
     .member = &Retention::weekly,
     .sentence = "how many weekly archives it keeps",
     .most = 100'000},
    {.key = "keep_monthly",
     .member = &Retention::monthly,
     .sentence = "how many monthly archives it keeps",
     .most = 100'000},
    {.key = "keep_yearly",
     .member = &Retention::yearly,
     .sentence = "how many yearly archives it keeps",
     .most = 100'000},
    {.key = "keep_within",
     .member = Span<Retention>{&Retention::within, &Retention::within_seconds},
     .sentence = "keep all younger archives, such as 2d"},
});

constexpr std::chrono::seconds kHookTimeout{300};

// A command of the administrator before or after a job's own work.
struct Hook {
  std::string when = "before";   // before, after, success or failure
  std::string where = "client";  // client or server
  std::string command;           // for sh
  std::string timeout;           // a time span as written; empty: kHookTimeout
  std::chrono::seconds timeout_seconds{kHookTimeout};
  std::string effect = "fail";     // of its own failure on the job: fail, warn or ignore
  std::vector<std::string> kinds;  // kinds of jobs; empty: backup
};

struct Policy {
  std::string name;
  bool enabled = true;
  std::string type;
  std::string schedule;  // empty: runs by hand only
  std::vector<std::string> repositories;
  std::vector<std::string> clients;
  Json::Value variables{Json::objectValue};  // checked against the type's schema
  std::vector<std::string> exclude;
  std::string compression = "lz4";
  std::int64_t upload_limit = 0;  // KiB/s, 0 for none
  std::string timeout;            // a time span as written; empty for none
  std::chrono::seconds timeout_seconds{0};
  Retention keep;
  std::map<std::string, Retention> client_keep;  // for clients with retention of their own
  std::vector<Hook> hooks;
  bool catalog = true;                // what its archives contain can be searched
  std::vector<std::string> canaries;  // files that each archive must contain; always verified
};

template <>
inline constexpr ObjectKind kKind<Policy> = ObjectKind::policy;
template <>
inline constexpr auto kProperties<Policy> = std::to_array<Property<Policy>>({
    {.key = "name",
     .member = &Policy::name,
     .access = Access::constant,
     .sentence = "its name in cyborgd",
     .heading = "NAME"},
    {.key = "enabled",
     .member = &Policy::enabled,
     .sentence = "whether it, and all that depends on it, may run",
     .option = "",
     .heading = "ENABLED"},
    {.key = "type",
     .member = &Policy::type,
     .sentence = "rootfs, config …: see cyborgctl policy types",
     .values = policy_type_names,
     .required = true,
     .heading = "TYPE"},
    {.key = "schedule",
     .member = Reference<Policy>{&Policy::schedule, ObjectKind::schedule},
     .sentence = "when (default: by hand only)",
     .heading = "SCHEDULE"},
    {.key = "repositories",
     .member = References<Policy>{&Policy::repositories, ObjectKind::repository},
     .sentence = "where to",
     .required = true,
     .option = "--repository",
     .heading = "REPOSITORIES"},
    {.key = "clients",
     .member = References<Policy>{&Policy::clients, ObjectKind::client},
     .sentence = "whose",
     .required = true,
     .option = "--client",
     .heading = "CLIENTS"},
    {.key = "variables",
     .member = &Policy::variables,
     .sentence = "what the type has to know, a JSON object; var.NAME is one of them",
     .option = ""},
    {.key = "exclude",
     .member = &Policy::exclude,
     .sentence = "a borg pattern; may be given again",
     .check = check_exclude},
    {.key = "compression",
     .member = &Policy::compression,
     .sentence = "borg's (default: lz4)",
     .check = check_compression},
    {.key = "upload_limit",
     .member = Rate<Policy>{&Policy::upload_limit},
     .sentence = "such as 500K or 10M, a second",
     .most = std::int64_t{1} << 40},
    {.key = "timeout",
     .member = Span<Policy>{&Policy::timeout, &Policy::timeout_seconds},
     .sentence = "for each job, such as 6h"},
    {.key = "keep",
     .member = &Policy::keep,
     .access = Access::parts,
     .sentence = "the retention rules that are set"},
    {.key = "client_keep",
     .member = &Policy::client_keep,
     .sentence = "the retention rules of clients that differ, as JSON: {\"web\": {\"keep_daily\": 3}}",
     .option = ""},
    {.key = "hooks",
     .member = &Policy::hooks,
     .sentence = "commands around its jobs' work, as a JSON list of objects",
     .option = ""},
    {.key = "catalog",
     .member = &Policy::catalog,
     .sentence = "whether what its archives contain can be searched",
     .option = ""},
    {.key = "canaries",
     .member = &Policy::canaries,
     .sentence = "a file that each archive must have; may be given again",
     .check = check_canary,
     .option = "--canary"},
    {.key = "unusable",
     .member = Computed::unusable,
     .access = Access::found,
     .sentence = "why no run can start; empty when one can",
     .heading = "UNUSABLE"},
    {.key = "timer",
     .member = Computed::timer,
     .access = Access::found,
     .sentence = "the unit that starts it; empty without a schedule"},
});

}  // namespace cyborg
