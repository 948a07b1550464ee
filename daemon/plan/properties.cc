#include "plan/properties.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <regex>

#include "core/backup_source.h"
#include "core/calendar.h"
#include "core/fields.h"
#include "core/hooks.h"
#include "core/repository_url.h"
#include "plan/maintenance.h"
#include "plan/retention.h"

namespace cyborg {
namespace {

std::string_view check_object_name(const std::string& name) {
  return is_valid_name(name) ? "" : "an object's name (a-z, 0-9, \".\", \"_\", \"-\")";
}

std::string_view check_optional_name(const std::string& name) {
  return name.empty() ? "" : check_object_name(name);
}

std::string_view check_host_key(const std::string& key) {
  static const std::regex form{"SHA256:[A-Za-z0-9+/]{43}"};
  return key.empty() || std::regex_match(key, form)
             ? ""
             : "SHA256: and 43 characters, as ssh-keygen -lf prints it";
}

std::string_view check_timezone(const std::string& zone) {
  static const std::regex form{"[A-Za-z][A-Za-z0-9_+/-]*"};
  return zone.empty() || std::regex_match(zone, form) ? ""
                                                      : "a name of the tz database such as Europe/Berlin";
}

std::string_view check_compression(const std::string& compression) {
  static const std::regex form{"none|(auto,)?(lz4|(zstd(,([1-9]|1[0-9]|2[0-2]))?)|((zlib|lzma)(,[0-9])?))"};
  return std::regex_match(compression, form)
             ? ""
             : "none, lz4, zstd[,1-22], zlib[,0-9], lzma[,0-9], or auto,… of these";
}

std::string_view check_encryption(const std::string& mode) {
  static constexpr std::array modes{"none",           "authenticated", "authenticated-blake2", "repokey",
                                    "repokey-blake2", "keyfile",       "keyfile-blake2"};
  if (mode == "keyfile" || mode == "keyfile-blake2") {
    return "a mode that keeps its key in the repository, since clients hold no key: repokey or "
           "repokey-blake2";
  }
  return std::ranges::find(modes, mode) != modes.end() ? ""
                                                       : "none, authenticated[-blake2] or repokey[-blake2]";
}

std::string_view check_canary(const std::string& path) {
  const bool good = path.starts_with('/') && path.size() > 1 && !path.ends_with('/') &&
                    path.find("/../") == std::string::npos && !path.ends_with("/..");
  return good ? "" : "the absolute path of a file";
}

std::string_view check_exclude(const std::string& pattern) {
  return pattern.empty() ? "a pattern" : "";
}

}  // namespace

Expected<Schedule> apply_schedule(Schedule base, const Json::Value& properties) {
  if (auto named = check_name("schedule", base.name); !named) return std::unexpected(named.error());
  Fields fields{properties};
  fields.flag("enabled", base.enabled);
  // Giving one of the two replaces the other.
  if (fields.has("crontab") && !fields.has("on_calendar")) base.on_calendar.clear();
  if (fields.has("on_calendar") && !fields.has("crontab")) base.crontab.clear();
  fields.text("crontab", base.crontab);
  fields.text("on_calendar", base.on_calendar);
  fields.text("timezone", base.timezone, check_timezone);
  fields.span("random_delay", base.random_delay, base.random_delay_seconds);
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
  fields.flag("enabled", base.enabled);
  const Repository before = base;
  if (create) fields.text("url", base.url);
  if (create || fields.has("encryption")) fields.text("encryption", base.encryption, check_encryption);
  fields.text("transport", base.transport, [](const std::string& transport) -> std::string_view {
    return transport == "relay" || transport == "direct" ? ""
                                                         : "relay (the client's borg speaks through the "
                                                           "server's ssh connection) or direct (it connects "
                                                           "to the repository host itself)";
  });
  fields.text("authorize", base.authorize, [](const std::string& who) -> std::string_view {
    return who == "automatic" || who == "manual" ? "" : "automatic or manual";
  });
  fields.flag("append_only", base.append_only);
  fields.flag("shared", base.shared);
  fields.text("host_key", base.host_key, check_host_key);
  for (const auto& maintenance : maintenance_table()) {
    fields.text(maintenance.key, base.*maintenance.schedule, check_optional_name);
  }
  fields.span("check_max_duration", base.check_max_duration, base.check_max_duration_seconds);
  fields.flag("check_verify_data", base.check_verify_data);
  if (base.check_verify_data && base.check_max_duration_seconds.count() > 0) {
    fields.refuse("check_verify_data", "true",
                  "no check_max_duration beside it: borg reads all data in one go");
  }
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  const auto location = parse_repository_url(base.url);
  if (!location) return std::unexpected(location.error());
  if (base.host_key != before.host_key) base.host_public_key.clear();  // the next preparation sees another
  if (base.transport == "direct" && (location->host.address.empty() || !has_client_placeholder(base.url))) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("transport \"direct\": with url \"{}\", clients cannot have a way of their own",
                            base.url),
                "give it a url such as borg@vault:/srv/borg/{client}: a host that clients reach, and a borg "
                "repository for each client");
  }
  // The jobs of a repository may write to the directory above it, which must not be the whole file system.
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
  std::int64_t port = base.port;
  fields.flag("enabled", base.enabled);
  if (create) fields.flag("local", base.local);
  fields.text("address", base.address, [](const std::string& host) -> std::string_view {
    return host.empty() || is_valid_host(host) ? "" : "a host name or an address";
  });
  fields.number("port", port, 1, 65535);
  fields.text("user", base.user, [](const std::string& user) -> std::string_view {
    return is_valid_user(user) ? "" : "a user name";
  });
  fields.text("jump", base.jump, [](const std::string& jump) -> std::string_view {
    return jump.empty() || parse_ssh_target(jump, "") ? "" : "[user@]host[:port]";
  });
  fields.text("host_key", base.host_key, check_host_key);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  base.port = static_cast<int>(port);
  if (base.local && (fields.has("address") || fields.has("port") || fields.has("user") ||
                     fields.has("jump") || fields.has("host_key"))) {
    return fail(ErrorCode::invalid_argument,
                "local: the server itself takes no address, port, user, jump or host_key");
  }
  // Another machine, or another way to it, has to be prepared anew.
  if (before.address != base.address || before.port != base.port || before.user != base.user ||
      before.jump != base.jump) {
    base.ready = false;
  }
  return base;
}

namespace {

// {"client": {"keep_daily": 3}}: each client named gets exactly these rules; an empty object takes them away.
void read_client_keep(Fields& fields, Policy& policy) {
  Json::Value all{Json::objectValue};
  fields.object("client_keep", all);
  for (const auto& client : all.getMemberNames()) {
    if (std::ranges::find(policy.clients, client) == policy.clients.end()) {
      fields.refuse("client_keep", client, "a client of the policy");
      continue;
    }
    Retention keep;
    if (all[client].isObject()) {
      Fields rules{all[client]};
      read_retention(rules, keep);
      if (auto read = rules.finish(); !read) fields.refuse(read.error());
    } else {
      fields.refuse("client_keep", client, "an object of rules, such as {\"keep_daily\": 3}");
    }
    if (keep.any()) {
      policy.client_keep[client] = keep;
    } else {
      policy.client_keep.erase(client);
    }
  }
}

void read_hooks(Fields& fields, Policy& policy) {
  Json::Value list{Json::arrayValue};
  if (!fields.objects("hooks", list)) return;
  auto hooks = hooks_from_json(list);
  if (!hooks) return fields.refuse(hooks.error());
  policy.hooks = std::move(*hooks);
}

}  // namespace

namespace {

// One that can be in no archive would let each verification fail.
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

}  // namespace

Expected<Policy> apply_policy(Policy base, const Json::Value& properties) {
  if (auto named = check_name("policy", base.name); !named) return std::unexpected(named.error());
  Fields fields{properties};
  fields.flag("enabled", base.enabled);
  fields.text("type", base.type);
  fields.text("schedule", base.schedule, check_optional_name);
  fields.list("repositories", base.repositories, check_object_name);
  fields.list("clients", base.clients, check_object_name);
  fields.object("variables", base.variables);
  fields.list("exclude", base.exclude, check_exclude);
  fields.text("compression", base.compression, check_compression);
  fields.number("upload_limit", base.upload_limit, 0, std::int64_t{1} << 40);
  fields.span("timeout", base.timeout, base.timeout_seconds);
  read_retention(fields, base.keep);
  read_client_keep(fields, base);
  read_hooks(fields, base);
  fields.flag("catalog", base.catalog);
  fields.list("canaries", base.canaries, check_canary);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  if (auto checked = check_policy_variables(base); !checked) return std::unexpected(checked.error());
  if (auto checked = check_canaries(base); !checked) return std::unexpected(checked.error());
  if (base.repositories.empty())
    return fail(ErrorCode::invalid_argument, "repositories: expected at least one");
  if (base.clients.empty()) return fail(ErrorCode::invalid_argument, "clients: expected at least one");
  return base;
}

}  // namespace cyborg
