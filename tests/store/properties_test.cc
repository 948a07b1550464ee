// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of the tables are those that the rows of the properties name.
#include "fixture.h"

#include <set>
#include <sstream>

#include "store/property_sql.h"

namespace cyborg::store::test {
namespace {

class Properties : public StoreTest {
 protected:
  std::set<std::string> columns_there(const char* table) {
    std::istringstream names{
        sql(fmt::format("select string_agg(column_name, ' ') from information_schema.columns"
                        " where table_schema = 'public' and table_name = '{}'"
                        " and column_name not in ('created', 'changed')",
                        table))};
    return {std::istream_iterator<std::string>{names}, {}};
  }

  template <typename Object>
  void expect_same_columns() {
    std::set<std::string> named;
    for (const auto& row : kProperties<Object>) {
      for (const auto& column : columns_of(row)) named.insert(column.name.substr(1, column.name.size() - 2));
    }
    EXPECT_EQ(named, columns_there(to_string(kKind<Object>)));
  }
};

TEST_F(Properties, have_the_columns_of_their_rows) {
  expect_same_columns<Schedule>();
  expect_same_columns<Repository>();
  expect_same_columns<Client>();
  expect_same_columns<Policy>();
}

TEST_F(Properties, that_are_compounds_come_back) {
  add_objects();
  Policy p = load().policies[0];
  p.keep.daily = 7;
  p.client_keep["web"].within = "2d";
  p.client_keep["web"].within_seconds = std::chrono::hours{48};
  Hook& hook = p.hooks.emplace_back();
  hook.where = "server";
  hook.command = "sync";
  hook.kinds = {"prune"};
  p.catalog = false;
  p.canaries = {"/etc/a b"};
  put(p, false);
  Repository r = load().repositories[0];
  r.check_schedule = "nightly";
  r.check_max_duration = "30min";
  r.check_max_duration_seconds = std::chrono::minutes{30};
  r.authorize = "manual";
  r.host_public_key = "ssh-ed25519 A";
  good(ask<void>(&Store::put_repository, r, false, std::vector<Secret>{}));

  const Snapshot all = load();
  for (const auto& row : kProperties<Policy>)
    EXPECT_EQ(json_of(row, all.policies[0]), json_of(row, p)) << row.key;
  EXPECT_EQ(all.policies[0].client_keep.at("web").within_seconds, std::chrono::hours{48});
  for (const auto& row : kProperties<Repository>)
    EXPECT_EQ(json_of(row, all.repositories[0]), json_of(row, r)) << row.key;
  EXPECT_EQ(all.repositories[0].check_max_duration_seconds, std::chrono::minutes{30});
}

}  // namespace
}  // namespace cyborg::store::test
