// SPDX-License-Identifier: GPL-3.0-or-later
// A small fleet for the tests of planning and of the queue.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace cyborg::test {

inline Client client(const std::string& name, bool ready = true) {
  Client made;
  made.name = name;
  made.ready = ready;
  return made;
}

inline Repository repository(const std::string& name, const std::string& url) {
  Repository made;
  made.name = name;
  made.url = url;
  return made;
}

inline BorgRepository borg_repository(const std::string& of, const std::string& for_client,
                                      const std::string& url) {
  BorgRepository made;
  made.repository = of;
  made.client = for_client;
  made.url = url;
  made.ready = true;
  made.borg_id = std::string(64, 'b');
  return made;
}

inline Policy policy(const std::string& name, std::vector<std::string> clients,
                     std::vector<std::string> repositories) {
  Policy made;
  made.name = name;
  made.type = "config";
  made.clients = std::move(clients);
  made.repositories = std::move(repositories);
  return made;
}

// Clients a and b, of which b is not prepared; vault, one borg repository for each client, and one, shared by
// all; policy p of both clients with vault.
inline Fleet fleet() {
  Fleet made;
  made.clients = {{"a", client("a")}, {"b", client("b", false)}};
  made.repositories = {{"vault", repository("vault", "u@vault:/srv/{client}")},
                       {"one", repository("one", "/srv/one")}};
  made.repositories["one"].shared = true;
  made.borg_repositories = {{"u@vault:/srv/a", borg_repository("vault", "a", "u@vault:/srv/a")}};
  made.policies = {{"p", policy("p", {"a", "b"}, {"vault"})}};
  Schedule nightly;
  nightly.name = "nightly";
  nightly.crontab = "@daily";
  made.schedules = {{"nightly", nightly}};
  return made;
}

inline Job job(std::int64_t id, JobKind kind, const std::string& of_client, const std::string& url = {},
               JobState state = JobState::pending) {
  Job made;
  made.id = id;
  made.kind = kind;
  made.client = of_client;
  made.borg_url = url;
  made.state = state;
  return made;
}

}  // namespace cyborg::test
