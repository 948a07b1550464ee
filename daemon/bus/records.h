// SPDX-License-Identifier: GPL-3.0-or-later
// Options that several of the Manager's methods take, and encoders of their results.
#pragma once

#include <vector>

#include "bus/authorizer.h"
#include "dbus/variant_json.h"
#include "manager/manager.h"

namespace cyborg::bus {

std::vector<uint64_t> encode_ids(const std::vector<std::int64_t>& ids);
std::vector<VariantMap> encode_records(const std::vector<Json::Value>& rows);

// Reads clients, scheduled and dry_run. Options are read like an object's properties: an unknown option is
// refused.
Expected<RunRequest> run_request(const VariantMap& options, const Actor& actor);

// Encodes a run, its jobs, and the plan of a dry run.
inline auto encode_run() {
  return [](const auto& reply, const RunAnswer& answer) {
    reply(static_cast<uint64_t>(answer.run), encode_ids(answer.jobs), encode_records(answer.plan));
  };
}

// Encodes the records of a page and the cursor of the next page.
inline auto encode_page() {
  return [](const auto& reply, const JsonPage<Json::Value>& page) {
    reply(encode_records(page.rows), page.next_cursor);
  };
}

}  // namespace cyborg::bus
