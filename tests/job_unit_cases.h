// SPDX-License-Identifier: GPL-3.0-or-later
// All kinds of job units: kinds of jobs, of clients and of repositories.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/units.h"

namespace cyborg::test {

struct JobUnitCase {
  std::string name;  // cyborg-job-KIND[-HOW]-(local|ssh)-(here|remote)
  JobSpec spec;
  UnitSpec unit;
};

inline std::vector<JobUnitCase> job_unit_cases() {
  std::vector<JobUnitCase> cases;
  using Kind = std::pair<JobKind, const char*>;  // for a verification: how
  for (const auto& [kind, verify] :
       {Kind{JobKind::prepare_client, ""}, Kind{JobKind::prepare_repository, ""}, Kind{JobKind::backup, ""},
        Kind{JobKind::restore, ""}, Kind{JobKind::verify, "compare"}, Kind{JobKind::verify, "postgresql"}}) {
    for (const bool local : {true, false}) {
      for (const bool remote : {false, true}) {
        JobSpec spec;
        spec.job = static_cast<std::int64_t>(cases.size()) + 1;
        spec.run = 7;
        spec.kind = kind;
        spec.policy = "etc";
        spec.client = "web";
        spec.repository = "vault";
        spec.verify = verify;
        spec.local = local;
        if (!local) spec.target = {"web.example.net", 22, "root", "", ""};
        if (remote) spec.repository_host = {"vault.example.net", 22, "backup", "", ""};
        if (kind != JobKind::prepare_client) spec.repository_path = "/srv/borg/web";
        JobUnitOptions options;
        options.timeout = std::chrono::hours{24};
        options.credentials = {"spec", "ssh-key", "passphrase"};
        const std::string how = *verify ? "-" + spec.verify : std::string{};
        cases.push_back({std::string{"cyborg-job-"} + to_string(kind) + how + (local ? "-local" : "-ssh") +
                             (remote ? "-remote" : "-here"),
                         spec, job_unit(spec, options)});
      }
    }
  }
  return cases;
}

}  // namespace cyborg::test
