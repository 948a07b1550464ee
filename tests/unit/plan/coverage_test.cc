// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/coverage.h"
#include "remote/discovery.h"

#include <gtest/gtest.h>

#include "unit/json_text.h"
#include "unit/plan/fleet.h"

namespace cyborg {
namespace {

using test::json;

Fleet fleet_with(std::vector<Policy> policies) {
  Fleet fleet;
  fleet.clients["web"].name = "web";
  fleet.repositories["vault"].name = "vault";
  for (auto& policy : policies) {
    policy.clients = {"web"};
    policy.repositories = {"vault"};
    fleet.policies[policy.name] = policy;
  }
  return fleet;
}

Policy policy(const std::string& name, const std::string& type, const std::string& variables = "{}") {
  Policy made;
  made.name = name;
  made.type = type;
  made.variables = json(variables);
  return made;
}

Json::Value found(std::initializer_list<const char*> lines) {
  Json::Value facts{Json::objectValue};
  for (const char* line : lines) facts["found"].append(read_found(line));
  return facts;
}

TEST(Discover, ReadsWhatTheScriptPrints) {
  EXPECT_EQ(read_found("mount 12 /srv/a b"), json(R"({"kind":"mount","size":12,"name":"/srv/a b"})"));
  EXPECT_EQ(read_found("postgresql 0 "), json(R"({"kind":"postgresql","size":0,"name":""})"));
  for (const char* line : {"", "mount", "mount 1", "mount x /a", "mount -1 /a", "virus 1 x", "mount 1x /a"}) {
    EXPECT_TRUE(read_found(line).isNull()) << line;
  }
}

TEST(Discover, SaysWhatIsCovered) {
  struct Row {
    Policy policy;
    const char* found;
    const char* verdict;
  };
  Policy excluding = policy("p", "rootfs");
  excluding.exclude = {"/srv/"};
  Policy disabled = policy("p", "rootfs");
  disabled.enabled = false;
  for (const auto& row : {
           Row{policy("p", "rootfs"), "mount 1 /", "yes"},
           Row{policy("p", "rootfs"), "mount 1 /srv", "yes"},
           Row{policy("p", "rootfs"), "mount 1 /mnt/usb", "no"},
           Row{policy("p", "rootfs", R"({"one_file_system":true})"), "mount 1 /srv", "no"},
           Row{policy("p", "rootfs", R"({"one_file_system":true})"), "home 0 /home/a", "yes"},
           Row{excluding, "mount 1 /srv", "no"},
           Row{excluding, "mount 1 /srv2", "yes"},
           Row{disabled, "mount 1 /", "no"},
           Row{policy("p", "config"), "mount 1 /", "partly"},
           Row{policy("p", "folders", R"({"folders":["/srv/www"]})"), "mount 1 /srv", "partly"},
           Row{policy("p", "folders", R"({"folders":["/srv"]})"), "mount 1 /srv", "yes"},
           Row{policy("p", "folders", R"({"folders":["/srv"]})"), "mount 1 /srv-2", "no"},
           Row{policy("p", "folders", R"({"folders":["/a"],"extended_folders":{"web":["/srv"]}})"),
               "mount 1 /srv", "yes"},
           Row{policy("p", "mail"), "mail 0 /var/mail", "yes"},
           Row{policy("p", "postgresql"), "postgresql 1 shop", "yes"},
           Row{policy("p", "postgresql"), "mysql 1 shop", "no"},
           Row{policy("p", "postgresql", R"({"databases":["shop"]})"), "postgresql 1 shop", "yes"},
           Row{policy("p", "postgresql", R"({"databases":["shop"]})"), "postgresql 1 shop2", "no"},
           Row{policy("p", "postgresql", R"({"databases":["shop"]})"), "postgresql 0 ", "no"},
           Row{policy("p", "mysql", R"({"host":"db.example.net"})"), "mysql 1 shop", "no"},
           Row{policy("p", "mysql", R"({"host":"127.0.0.1"})"), "mysql 1 shop", "yes"},
           Row{policy("p", "rootfs"), "postgresql 1 shop", "no"},
           Row{policy("p", "vm", R"({"guests":["a"]})"), "vm 0 a", "yes"},
           Row{policy("p", "vm", R"({"guests":["a"]})"), "vm 0 b", "no"},
           Row{policy("p", "vm"), "vm 0 b", "yes"},
       }) {
    Json::Value facts = found({"mount 1 /"});
    const std::string kind{row.found};
    facts["found"].append(read_found(row.found));
    facts["found"].append(read_found("mount 1 /srv"));
    const auto rows = discover_rows(fleet_with({row.policy}), "web", facts);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[1]["protected"].asString(), row.verdict)
        << row.policy.type << row.policy.variables.toStyledString() << row.found;
    EXPECT_EQ(rows[1]["policies"].size(), std::string{row.verdict} == "no" ? 0U : 1U);
    EXPECT_EQ(rows[1]["command"].asString().empty(), std::string{row.verdict} == "yes");
  }
}

TEST(Discover, ProposesACommand) {
  struct Row {
    const char* found;
    const char* command;
  };
  const Fleet fleet = fleet_with({policy("web-mysql-shop", "config")});
  for (const auto& row : {
           Row{"mount 1 /", "cyborgctl policy add web-rootfs --type rootfs --repository vault --client web"},
           Row{"mount 1 /srv/My data",
               "cyborgctl policy add web-srv-my-data --type folders --repository vault --client web --var "
               "'folders=/srv/My data'"},
           Row{"postgresql 1 shop",
               "cyborgctl policy add web-postgresql-shop --type postgresql --repository vault --client web "
               "--var databases=shop"},
           Row{"postgresql 0 ",
               "cyborgctl policy add web-postgresql --type postgresql --repository vault --client web"},
           Row{"mysql 1 shop",
               "cyborgctl policy add web-mysql-shop-2 --type mysql --repository vault --client web --var "
               "databases=shop"},
           Row{"vm 0 a;b",
               "cyborgctl policy add web-vm-a-b --type vm --repository vault --client web --var "
               "'guests=a;b'"},
       }) {
    const auto rows = discover_rows(fleet, "web", found({row.found}));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0]["command"].asString(), row.command);
  }
}

TEST(Discover, FindsNothingInOldFacts) {
  EXPECT_TRUE(discover_rows(fleet_with({}), "web", json("{}")).empty());
  EXPECT_TRUE(discover_rows(fleet_with({}), "web", json(R"({"found":7})")).empty());
}

}  // namespace
}  // namespace cyborg
