// SPDX-License-Identifier: GPL-3.0-or-later
// Settings, and secrets, which are encrypted before they reach these functions.
#include "store/operations.h"

namespace cyborg::store {

Expected<std::map<std::string, std::string>> read_settings(Connection& db) {
  auto result = db.run("select name, value from setting");
  if (!result) return std::unexpected(result.error());
  std::map<std::string, std::string> settings;
  for (int i = 0; i < result->size(); ++i) {
    const Row row = result->row(i);
    settings.emplace(row.get<std::string>(0), row.get<std::string>(1));
  }
  return settings;
}

Expected<void> set_setting(Connection& db, const std::string& name, const std::string& value) {
  auto result = value.empty()
                    ? db.run("delete from setting where name = $1", Params{name})
                    : db.run(
                          "insert into setting (name, value) values ($1, $2)"
                          " on conflict (name) do update set value = excluded.value, changed = now()",
                          Params{name, value});
  if (!result) return std::unexpected(result.error());
  return {};
}

namespace {

Expected<void> write_secret(Connection& db, const Secret& secret, bool if_absent) {
  const auto& [kind, owner, field] = secret.key;
  if (secret.sealed.empty()) {
    if (if_absent) return {};
    auto removed = db.run("delete from secret where kind = $1 and owner = $2 and field = $3",
                          Params{kind, owner, field});
    if (!removed) return std::unexpected(removed.error());
    return {};
  }
  const char* sql =
      if_absent ? "insert into secret (kind, owner, field, sealed, public_part)"
                  " values ($1, $2, $3, $4, $5) on conflict do nothing"
                : "insert into secret (kind, owner, field, sealed, public_part)"
                  " values ($1, $2, $3, $4, $5) on conflict (kind, owner, field) do update"
                  " set sealed = excluded.sealed, public_part = excluded.public_part, changed = now()";
  auto written = db.run(sql, Params{kind, owner, field, Bytes{secret.sealed}, secret.public_part});
  if (!written) return std::unexpected(written.error());
  return {};
}

}  // namespace

Expected<void> put_secrets(Connection& db, const std::vector<Secret>& secrets, bool if_absent) {
  for (const auto& secret : secrets) {
    if (auto written = write_secret(db, secret, if_absent); !written) return written;
  }
  return {};
}

Expected<Secret> put_secret_if_absent(Connection& db, const Secret& secret) {
  if (auto written = write_secret(db, secret, true); !written) return std::unexpected(written.error());
  auto stored = get_secret(db, secret.key);
  if (!stored) return std::unexpected(stored.error());
  return stored->value_or(secret);
}

Expected<std::optional<Secret>> get_secret(Connection& db, const SecretKey& key) {
  auto result = db.run("select sealed, public_part from secret where kind = $1 and owner = $2 and field = $3",
                       Params{key.kind, key.owner, key.field});
  if (!result) return std::unexpected(result.error());
  if (result->empty()) return std::nullopt;
  Bytes sealed;
  Secret secret{key, {}, {}};
  result->row(0).read(sealed, secret.public_part);
  secret.sealed = std::move(sealed.data);
  return secret;
}

}  // namespace cyborg::store
