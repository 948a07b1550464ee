// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/properties.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/backup_source.h"
#include "core/calendar.h"
#include "core/fields.h"
#include "core/property_values.h"
#include "core/repository_url.h"

namespace cyborg {

Expected<Schedule> apply_schedule(Schedule base, const Json::Value& properties) {
  if (auto named = check_name("schedule", base.name); !named) return std::unexpected(named.error());
  Fields fields{properties};
  // Setting one of the two replaces the other.
  if (fields.has("crontab") && !fields.has("on_calendar")) base.on_calendar.clear();
  if (fields.has("on_calendar") && !fields.has("crontab")) base.crontab.clear();
  read_properties(fields, base, true);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  if (base.crontab.empty() == base.on_calendar.empty()) {
    return fail(ErrorCode::invalid_schedule,
                fmt::format("schedule {}: expected one of crontab and on_calendar", base.name),
                "give a crontab such as '30 2 * * *' or an OnCalendar expression such as 'Mon..Fri 02:30'");
  }
  if (!base.crontab.empty()) {
    auto calendar = cron_to_calendar(base.crontab, base.timezone);
    if (!calendar) return std::unexpected(calendar.error());
    base.calendar = std::move(*calendar);
  } else {
    auto calendar = calendar_with_zone(base.on_calendar, base.timezone);
    if (!calendar) return std::unexpected(calendar.error());
    base.calendar = {std::move(*calendar)};
  }
  return base;
}

Expected<Repository> apply_repository(Repository base, const Json::Value& properties, bool create) {
  if (auto named = check_name("repository", base.name); !named) return std::unexpected(named.error());
  Fields fields{properties};
  const Repository before = base;
  read_properties(fields, base, create);
  if (!create && fields.has("encryption")) read_property(fields, row_of<Repository>("encryption"), base);
  if (base.check_verify_data && base.check_max_duration_seconds.count() > 0) {
    fields.refuse("check_verify_data", "true",
                  "no check_max_duration beside it: borg reads all data in one go");
  }
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  const auto location = parse_repository_url(base.url);
  if (!location) return std::unexpected(location.error());
  // the next preparation determines the new one
  if (base.host_key != before.host_key) base.host_public_key.clear();
  if (base.transport == "direct" && (location->host.address.empty() || !has_client_placeholder(base.url))) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("transport \"direct\": with url \"{}\", clients cannot have a way of their own",
                            base.url),
                "give it a url such as borg@vault:/srv/borg/{client}: a host that clients reach, and a borg "
                "repository for each client");
  }
  // Jobs of the repository may write to the directory above it, which must not be the root directory.
  if (location->host.address.empty() && location->path.find('/', 1) == std::string::npos) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("url \"{}\": it is at the top of the file system", base.url),
                "give it a directory of its own, such as /srv/borg/{client}");
  }
  if (!create && base.encryption != before.encryption) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("encryption \"{}\": it is fixed when a borg repository is created", base.encryption),
        "add another repository");
  }
  if (base.shared && has_client_placeholder(base.url)) {
    return fail(ErrorCode::invalid_argument,
                "shared: a URL with {client} gives each client a borg repository of its own");
  }
  return base;
}

Expected<Client> apply_client(Client base, const Json::Value& properties, bool create) {
  if (auto named = check_name("client", base.name); !named) return std::unexpected(named.error());
  const Client before = base;
  Fields fields{properties};
  read_properties(fields, base, create);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  if (base.local && (fields.has("address") || fields.has("port") || fields.has("user") ||
                     fields.has("jump") || fields.has("host_key"))) {
    return fail(ErrorCode::invalid_argument,
                "local: the server itself takes no address, port, user, jump or host_key");
  }
  // Another machine, or another route to it, needs a new preparation.
  if (before.address != base.address || before.port != base.port || before.user != base.user ||
      before.jump != base.jump) {
    base.ready = false;
  }
  return base;
}

namespace {

// A canary that no archive can contain would make each verification fail.
Expected<void> check_canaries(const Policy& policy) {
  std::vector<std::string> roots;
  for (const auto& client : policy.clients) {
    const auto of_client = backup_source(policy, client).roots;
    roots.insert(roots.end(), of_client.begin(), of_client.end());
  }
  if (policy.clients.empty()) roots = backup_source(policy, "").roots;
  if (!policy.canaries.empty() && roots.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("canaries \"{}\": policy type \"{}\" reads no files",
                                                         policy.canaries.front(), policy.type));
  }
  for (const auto& canary : policy.canaries) {
    const auto below = [&](const std::string& root) {
      return canary == root || canary.starts_with(root.ends_with('/') ? root : root + "/");
    };
    if (std::ranges::none_of(roots, below)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("canaries \"{}\": expected a file below what the policy backs up ({})", canary,
                              fmt::join(roots, ", ")));
    }
  }
  return {};
}

// Rules are for clients of the policy; clients without any rule use the policy's.
void check_client_keep(Fields& fields, const Json::Value& properties, Policy& policy) {
  const Json::Value& given = properties["client_keep"];
  if (!given.isObject()) return;
  for (const auto& client : given.getMemberNames()) {
    if (std::ranges::find(policy.clients, client) == policy.clients.end()) {
      fields.refuse("client_keep", client, "a client of the policy");
    }
  }
  std::erase_if(policy.client_keep, [](const auto& entry) { return !entry.second.any(); });
}

}  // namespace

Expected<Policy> apply_policy(Policy base, const Json::Value& properties) {
  if (auto named = check_name("policy", base.name); !named) return std::unexpected(named.error());
  Fields fields{properties};
  read_properties(fields, base, true);
  check_client_keep(fields, properties, base);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  if (auto checked = check_policy_variables(base); !checked) return std::unexpected(checked.error());
  if (auto checked = check_canaries(base); !checked) return std::unexpected(checked.error());
  if (base.repositories.empty())
    return fail(ErrorCode::invalid_argument, "repositories: expected at least one");
  if (base.clients.empty()) return fail(ErrorCode::invalid_argument, "clients: expected at least one");
  return base;
}

}  // namespace cyborg
