// SPDX-License-Identifier: GPL-3.0-or-later
// What could be backed up on a client, and which policies do so.
#include "plan/coverage.h"

#include <fmt/format.h>

#include "manager/manager.h"

namespace cyborg {

void Manager::discover_client(const std::string& client, Done<std::vector<Json::Value>> done) {
  done = later(std::move(done));
  if (auto known = state_.fleet.find_client(client); !known) return done(std::unexpected(known.error()));
  store::JobFilter filter;
  filter.kind = JobKind::prepare_client;
  filter.client = client;
  filter.state = JobState::successful;
  out_.store.list_jobs(
      filter, 1, 0, [this, client, done = std::move(done)](const Expected<store::Page<Job>>& page) {
        if (!page) return done(std::unexpected(page.error()));
        if (page->rows.empty()) {
          return done(fail(ErrorCode::failed, fmt::format("nobody has looked at client {} yet", client),
                           fmt::format("cyborgctl client prepare {}", client)));
        }
        out_.store.get_job(
            page->rows.front().id, [this, client, done](const Expected<store::JobRecord>& record) {
              if (!record) return done(std::unexpected(record.error()));
              done(discover_rows(state_.fleet, client,
                                 record->result ? record->result->facts : Json::Value{Json::objectValue}));
            });
      });
}

}  // namespace cyborg
