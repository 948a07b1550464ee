#include "core/policy_types.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "json_text.h"

namespace cyborg {
namespace {

using test::contains;
using test::json;

Policy policy(const std::string& type, const std::string& variables) {
  Policy made;
  made.name = "p";
  made.type = type;
  made.variables = json(variables);
  return made;
}

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::ranges::find(list, item) != list.end();
}

TEST(PolicyTypes, AreThoseOfTheDocuments) {
  EXPECT_EQ(policy_type_names(), (std::vector<std::string>{"rootfs", "config", "mail", "folders", "mysql",
                                                           "postgresql", "piped", "vm", "proxmox"}));
}

TEST(PolicyTypes, SayOfEachVariableWhatItIs) {
  const auto records = policy_type_records();
  ASSERT_EQ(records.size(), policy_type_names().size());
  for (const auto& record : records) {
    EXPECT_FALSE(record["description"].asString().empty()) << record["name"].asString();
    for (const auto& variable : record["variables"]) {
      EXPECT_FALSE(variable["name"].asString().empty());
      EXPECT_FALSE(variable["type"].asString().empty());
      EXPECT_TRUE(variable["required"].isBool());
      EXPECT_FALSE(variable["description"].asString().empty()) << variable["name"].asString();
    }
  }
}

TEST(PolicyTypes, TakeAPasswordIfTheyConnectToAServer) {
  for (const char* type : {"mysql", "postgresql"}) EXPECT_TRUE(takes_password(type));
  for (const char* type : {"piped", "rootfs", ""}) EXPECT_FALSE(takes_password(type));
}

TEST(PolicyTypes, TakeTheirOwnVariables) {
  struct Row {
    const char* type;
    const char* variables;
  };
  for (const auto& row : {
           Row{"rootfs", "{}"},
           Row{"rootfs", R"({"one_file_system":true,"exclude":["/big"]})"},
           Row{"config", "{}"},
           Row{"mail", R"({"exclude":["*.tmp"]})"},
           Row{"folders", R"({"folders":["/srv/a b","/x"]})"},
           Row{"folders", R"({"folders":"/srv"})"},
           Row{"mysql", "{}"},
           Row{"mysql", R"({"user":"","password":"","databases":""})"},
           Row{"mysql", R"({"user":"backup","host":"127.0.0.1","port":3307,"databases":["a","b c"]})"},
           Row{"postgresql", R"({"database":"shop"})"},
           Row{"postgresql", R"({"databases":"shop","host":"/run/postgresql"})"},
           Row{"piped", R"({"command":"cat /etc/hostname | tr a-z A-Z"})"},
           Row{"piped", R"({"command":"x","filename":"a-1.sql"})"},
           Row{"vm", "{}"},
           Row{"vm", R"({"guests":["a b","é"],"quiesce":true})"},
           Row{"vm", R"({"guests":"100"})"},
           Row{"proxmox", R"({"guests":[100,"101"],"mode":"stop"})"},
           Row{"proxmox", R"({"guests":100,"mode":""})"},
       }) {
    const auto checked = check_policy_variables(policy(row.type, row.variables));
    EXPECT_TRUE(checked) << row.type << row.variables << checked.error().message;
  }
}

TEST(PolicyTypes, RefuseVariablesThatAreUnknownMissingOrOfAnotherType) {
  struct Row {
    const char* type;
    const char* variables;
    const char* said;
  };
  for (const auto& row : {
           Row{"", "{}", R"(type "": expected one of rootfs, config, mail, folders)"},
           Row{"xen", "{}", R"(type "xen": expected one of)"},
           Row{"vm", R"({"guests":["a/b"]})", R"(guests "a/b": expected the name of a guest)"},
           Row{"vm", R"({"guests":[7]})", R"(guests "7": expected a text)"},
           Row{"vm", R"({"quiesce":"yes"})", R"(quiesce "yes": expected true or false)"},
           Row{"vm", R"({"exclude":["/a"]})", R"(unknown field "exclude")"},
           Row{"proxmox", R"({"guests":["web"]})", R"(guests "web": expected the number of a guest)"},
           Row{"proxmox", R"({"guests":[true]})", R"(guests "true": expected a text)"},
           Row{"proxmox", R"({"guests":[7]})", R"(guests "7": expected the number of a guest)"},
           Row{"proxmox", R"({"mode":"fast"})", R"(mode "fast": expected snapshot, suspend or stop)"},
           Row{"mysql", R"({"password":"x"})", R"(variable "password" is a secret)"},
           Row{"mysql", R"({"port":0})", R"(port "0": expected a number in 1-65535)"},
           Row{"mysql", R"({"port":"x"})", R"(port "x": expected a number in 1-65535)"},
           Row{"mysql", R"({"databases":[""]})", R"(databases "": expected the name of a database)"},
           Row{"mysql", R"({"database":"a","databases":["b"]})", R"(both "database" and "databases")"},
           Row{"mysql", R"({"exclude":["/a"]})", R"(unknown field "exclude")"},
           Row{"postgresql", R"({"host":"-x"})", R"(host "-x": expected a host name)"},
           Row{"postgresql", R"({"user":7})", R"(user "7": expected a text)"},
           Row{"piped", "{}", R"(policy type "piped": variable "command" is missing)"},
           Row{"piped", R"({"command":""})", R"(variable "command" is missing)"},
           Row{"piped", R"({"command":"x","filename":"a/b"})", R"(filename "a/b": expected a file name)"},
           Row{"piped", R"({"command":"x","filename":".."})", R"(filename "..": expected a file name)"},
           Row{"piped", R"({"command":"x","password":"y"})", R"(unknown field "password")"},
           Row{"Rootfs", "{}", R"(type "Rootfs": expected one of)"},
           Row{"config", R"({"folders":["/a"]})", R"(unknown field "folders")"},
           Row{"config", R"({"one_file_system":true})", R"(unknown field "one_file_system")"},
           Row{"folders", R"({"one_file_system":true,"folders":["/a"]})",
               R"(unknown field "one_file_system")"},
           Row{"rootfs", R"({"one_file_system":"yes"})", R"(one_file_system "yes": expected true or false)"},
           Row{"rootfs", R"({"exclude":5})", R"(exclude "5": expected a list of texts)"},
           Row{"folders", "{}", R"(policy type "folders": variable "folders" is missing)"},
           Row{"folders", R"({"folders":[]})", R"(variable "folders" is missing)"},
           Row{"folders", R"({"folders":["srv"]})", R"(folders "srv": expected an absolute path)"},
           Row{"folders", R"({"folders":[""]})", R"(folders "": expected an absolute path)"},
           Row{"folders", R"({"folders":["/srv/../etc"]})", R"(expected a path without "..")"},
           Row{"folders", R"({"folders":["/srv/.."]})", R"(expected a path without "..")"},
           Row{"folders", R"({"folders":[1]})", R"(folders "1": expected a text)"},
       }) {
    const auto checked = check_policy_variables(policy(row.type, row.variables));
    ASSERT_FALSE(checked) << row.type << row.variables;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(contains(checked.error().message, row.said)) << checked.error().message;
  }
}

TEST(BackupSource, IsWhatTheTypeReadsWithAllExcludes) {
  Policy rootfs = policy("rootfs", R"({"exclude":["/v"],"one_file_system":true})");
  rootfs.exclude = {"/p"};
  const BackupSource source = backup_source(rootfs);
  EXPECT_EQ(source.roots, std::vector<std::string>{"/"});
  EXPECT_TRUE(source.one_file_system);
  EXPECT_FALSE(source.any_root);
  for (const char* path : {"/proc", "/sys", "/dev", "/run", "/v", "/p"}) {
    EXPECT_TRUE(has(source.exclude, path)) << path;
  }
}

TEST(BackupSource, OfMailIsWhicheverFolderExists) {
  const BackupSource source = backup_source(policy("mail", "{}"));
  EXPECT_TRUE(source.any_root);
  EXPECT_TRUE(has(source.roots, "/var/mail"));
  EXPECT_TRUE(source.exclude.empty());
}

TEST(BackupSource, OfDatabasesIsADump) {
  const DumpSpec dump =
      backup_source(policy("mysql", R"({"database":"shop","user":"u","host":"h","port":1})")).dump;
  EXPECT_EQ(dump.type, "mysql");
  EXPECT_EQ(dump.databases, std::vector<std::string>{"shop"});
  EXPECT_EQ(dump.user + "@" + dump.host, "u@h");
  EXPECT_EQ(dump.port, 1);
  EXPECT_TRUE(backup_source(policy("postgresql", "{}")).dump.databases.empty());
  EXPECT_TRUE(backup_source(policy("postgresql", "{}")).roots.empty());
}

TEST(BackupSource, OfACommandHasAFileName) {
  EXPECT_EQ(backup_source(policy("piped", R"({"command":"x"})")).dump.filename, "output");
  EXPECT_EQ(backup_source(policy("piped", R"({"command":"x","filename":"f"})")).dump.filename, "f");
  EXPECT_EQ(backup_source(policy("piped", R"({"command":"x"})")).dump.command, "x");
}

TEST(BackupSource, OfGuestsIsADump) {
  const DumpSpec vm = backup_source(policy("vm", R"({"guests":["a"],"quiesce":true})")).dump;
  EXPECT_EQ(vm.type, "vm");
  EXPECT_EQ(vm.guests, std::vector<std::string>{"a"});
  EXPECT_TRUE(vm.quiesce);
  const DumpSpec proxmox = backup_source(policy("proxmox", R"({"guests":[100,"101"]})")).dump;
  EXPECT_EQ(proxmox.guests, (std::vector<std::string>{"100", "101"}));
  EXPECT_EQ(proxmox.mode, "snapshot");
}

TEST(BackupSource, OfADumpHasNoExcludes) {
  Policy dump = policy("mysql", "{}");
  dump.exclude = {"/x"};
  const auto checked = check_policy_variables(dump);
  ASSERT_FALSE(checked);
  EXPECT_TRUE(contains(checked.error().message, R"(exclude "/x": policy type "mysql" reads no files)"));
}

TEST(BackupSource, OfFoldersIsExactlyThese) {
  const BackupSource source = backup_source(policy("folders", R"({"folders":["/b","/a"]})"));
  EXPECT_EQ(source.roots, (std::vector<std::string>{"/b", "/a"}));
  EXPECT_FALSE(source.any_root);
}

}  // namespace
}  // namespace cyborg
