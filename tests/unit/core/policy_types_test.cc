// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/backup_source.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/policy_types.h"
#include "unit/json_text.h"

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
  EXPECT_EQ(policy_type_names(),
            (std::vector<std::string>{"rootfs", "config", "mail", "folders", "mysql", "postgresql", "piped",
                                      "vm", "proxmox", "sqlite"}));
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
           Row{"config", R"({"one_file_system":true,"exclude_caches":true})"},
           Row{"config", R"({"patterns":["+ sh:/etc/*.conf","- re:\\.old$","! /etc/x"]})"},
           Row{"config", R"({"snapshot":"auto","snapshot_size":25})"},
           Row{"mail", R"({"snapshot":"none","exclude":["*.tmp","fm:*.bak"]})"},
           Row{"mail", R"({"exclude_if_present":[".nobackup","two words"]})"},
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
           Row{"config", R"({"exclude":["zz:/a"]})", R"(exclude "zz:/a": expected a pattern of style fm:)"},
           Row{"config", R"({"patterns":["/a"]})", R"(patterns "/a": expected "+ PATTERN", "- PATTERN")"},
           Row{"config", R"({"patterns":["+ "]})", R"(patterns "+ ": expected "+ PATTERN")"},
           Row{"config", R"({"patterns":["R /a"]})", R"(patterns "R /a": expected "+ PATTERN")"},
           Row{"mail", R"({"patterns":["- xx:a"]})", R"(patterns "- xx:a": expected a pattern of style)"},
           Row{"mail", R"({"patterns":true})", R"(patterns "true": expected a list of texts)"},
           Row{"rootfs", R"({"exclude_if_present":["a/b"]})",
               R"(exclude_if_present "a/b": expected the name of a file)"},
           Row{"rootfs", R"({"exclude_if_present":[""]})", R"(exclude_if_present "": expected)"},
           Row{"config", R"({"snapshot":"always"})", R"(snapshot "always": expected auto or none)"},
           Row{"config", R"({"snapshot":true})", R"(snapshot "true": expected a text)"},
           Row{"config", R"({"snapshot_size":101})", R"(snapshot_size "101": expected a number in 1-100)"},
           Row{"config", R"({"snapshot_size":"5G"})", R"(snapshot_size "5G": expected a number in 1-100)"},
           Row{"mysql", R"({"snapshot":"auto"})", R"(unknown field "snapshot")"},
           Row{"config", R"({"exclude_caches":1})", R"(exclude_caches "1": expected true or false)"},
           Row{"mysql", R"({"exclude_caches":true})", R"(unknown field "exclude_caches")"},
           Row{"piped", R"({"command":"x","patterns":["- /a"]})", R"(unknown field "patterns")"},
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

TEST(PolicyTypes, TakeOtherVariablesForSingleClients) {
  struct Row {
    const char* type;
    const char* variables;
  };
  for (const auto& row : {
           Row{"mysql", R"({"extended_mysql":{}})"},
           Row{"mysql", R"({"extended_mysql":{"web":{"credential":{"user":"u","password":"","port":1},)"
                        R"("databases":["a"]}}})"},
           Row{"postgresql", R"({"extended_postgresql":{"web":["a","b"],"db":"c"}})"},
           Row{"folders", R"({"folders":"/a","extended_folders":{"db":["/b"]}})"},
           Row{"proxmox", R"({"extended_proxmox":{"web":[101,102],"db":["103"]}})"},
           Row{"rootfs", R"({"extended_rootfs":{"db":{"exclude":["/b"],"one_file_system":true}}})"},
       }) {
    Policy made = policy(row.type, row.variables);
    made.clients = {"web", "db"};
    const auto checked = check_policy_variables(made);
    EXPECT_TRUE(checked) << row.variables << checked.error().message;
  }
}

TEST(PolicyTypes, RefuseVariablesOfSingleClientsThatAreWrong) {
  struct Row {
    const char* type;
    const char* variables;
    const char* said;
  };
  for (const auto& row : {
           Row{"mysql", R"({"extended_mysql":[]})", "extended_mysql: expected an object of clients"},
           Row{"mysql", R"({"extended_postgresql":{}})", R"(unknown field "extended_postgresql")"},
           Row{"mysql", R"({"extended_mysql":{"7":{}}})",
               R"(extended_mysql "7": expected a client of the policy)"},
           Row{"mysql", R"({"extended_mysql":{"web":{"port":0}}})",
               R"(extended_mysql "web": port "0": expected a number)"},
           Row{"mysql", R"({"extended_mysql":{"web":{"credential":{"user":"a","password":"b"}}}})",
               R"(extended_mysql "web": variable "password" is a secret)"},
           Row{"mysql", R"({"extended_mysql":{"web":{"credential":"root"}}})",
               R"(extended_mysql "web": unknown field "credential")"},
           Row{"mysql", R"({"extended_mysql":{"web":{"nonsense":1}}})",
               R"(extended_mysql "web": unknown field "nonsense")"},
           Row{"folders", R"({"folders":"/a","extended_folders":{"web":["b"]}})",
               R"(extended_folders "web": folders "b": expected an absolute path)"},
           Row{"config", R"({"extended_config":{"web":["/a"]}})",
               R"(extended_config "web": expected an object of variables)"},
       }) {
    Policy made = policy(row.type, row.variables);
    made.clients = {"web", "db"};
    const auto checked = check_policy_variables(made);
    ASSERT_FALSE(checked) << row.variables;
    EXPECT_TRUE(contains(checked.error().message, row.said)) << checked.error().message;
  }
}

TEST(BackupSource, OfAClientHasWhatIsSaidForIt) {
  Policy made = policy("postgresql", R"({"database":"shop","user":"u","host":"h",
    "extended_postgresql":{"db":{"credential":{"user":"v","port":7},"databases":["a","b"]}}})");
  made.clients = {"web", "db"};
  EXPECT_EQ(backup_source(made, "web").dump.list("databases"), std::vector<std::string>{"shop"});
  const DumpSpec dump = backup_source(made, "db").dump;
  EXPECT_EQ(dump.list("databases"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(dump.text("user") + "@" + dump.text("host"), "v@h");
  EXPECT_EQ(dump.text("port"), "7");
  Policy folders = policy("folders", R"({"folders":"/a","extended_folders":{"db":["/b"]}})");
  EXPECT_EQ(backup_source(folders, "web").roots, std::vector<std::string>{"/a"});
  EXPECT_EQ(backup_source(folders, "db").roots, std::vector<std::string>{"/b"});
}

TEST(BackupSource, OfFilesHasAllThatLeavesSomethingOut) {
  const BackupSource source = backup_source(
      policy("config", R"({"patterns":["+ /etc/a"],"exclude_if_present":".no","exclude_caches":true,)"
                       R"("one_file_system":true})"),
      "c");
  EXPECT_EQ(source.patterns, std::vector<std::string>{"+ /etc/a"});
  EXPECT_EQ(source.exclude_if_present, std::vector<std::string>{".no"});
  EXPECT_TRUE(source.exclude_caches);
  EXPECT_TRUE(source.one_file_system);
}

TEST(BackupSource, IsWhatTheTypeReadsWithAllExcludes) {
  Policy rootfs = policy("rootfs", R"({"exclude":["/v"],"one_file_system":true})");
  rootfs.exclude = {"/p"};
  const BackupSource source = backup_source(rootfs, "c");
  EXPECT_EQ(source.roots, std::vector<std::string>{"/"});
  EXPECT_TRUE(source.one_file_system);
  EXPECT_FALSE(source.any_root);
  for (const char* path : {"/proc", "/sys", "/dev", "/run", "/v", "/p"}) {
    EXPECT_TRUE(has(source.exclude, path)) << path;
  }
}

TEST(BackupSource, OfMailIsWhicheverFolderExists) {
  const BackupSource source = backup_source(policy("mail", "{}"), "c");
  EXPECT_TRUE(source.any_root);
  EXPECT_TRUE(has(source.roots, "/var/mail"));
  EXPECT_TRUE(source.exclude.empty());
}

TEST(BackupSource, OfDatabasesIsADump) {
  const DumpSpec dump =
      backup_source(policy("mysql", R"({"database":"shop","user":"u","host":"h","port":1})"), "c").dump;
  EXPECT_EQ(dump.type, PolicyType::mysql);
  EXPECT_EQ(dump.list("databases"), std::vector<std::string>{"shop"});
  EXPECT_EQ(dump.text("user") + "@" + dump.text("host"), "u@h");
  EXPECT_EQ(dump.text("port"), "1");
  EXPECT_TRUE(backup_source(policy("postgresql", "{}"), "c").dump.list("databases").empty());
  EXPECT_TRUE(backup_source(policy("postgresql", "{}"), "c").roots.empty());
}

TEST(BackupSource, OfACommandHasAFileName) {
  EXPECT_EQ(backup_source(policy("piped", R"({"command":"x"})"), "c").dump.text("filename"), "output");
  EXPECT_EQ(backup_source(policy("piped", R"({"command":"x","filename":"f"})"), "c").dump.text("filename"),
            "f");
  EXPECT_EQ(backup_source(policy("piped", R"({"command":"x"})"), "c").dump.text("command"), "x");
}

TEST(BackupSource, OfGuestsIsADump) {
  const DumpSpec vm = backup_source(policy("vm", R"({"guests":["a"],"quiesce":true})"), "c").dump;
  EXPECT_EQ(vm.type, PolicyType::vm);
  EXPECT_EQ(vm.list("guests"), std::vector<std::string>{"a"});
  EXPECT_EQ(vm.text("quiesce"), "yes");
  const DumpSpec proxmox = backup_source(policy("proxmox", R"({"guests":[100,"101"]})"), "c").dump;
  EXPECT_EQ(proxmox.list("guests"), (std::vector<std::string>{"100", "101"}));
  EXPECT_EQ(proxmox.text("mode"), "snapshot");
}

TEST(BackupSource, OfADumpHasNoExcludes) {
  Policy dump = policy("mysql", "{}");
  dump.exclude = {"/x"};
  const auto checked = check_policy_variables(dump);
  ASSERT_FALSE(checked);
  EXPECT_TRUE(contains(checked.error().message, R"(exclude "/x": policy type "mysql" reads no files)"));
}

TEST(BackupSource, OfFoldersIsExactlyThese) {
  const BackupSource source = backup_source(policy("folders", R"({"folders":["/b","/a"]})"), "c");
  EXPECT_EQ(source.roots, (std::vector<std::string>{"/b", "/a"}));
  EXPECT_EQ(backup_source(policy("folders", R"({"folders":["/a/","//b/./c//","/","/ d/.e/"]})"), "c").roots,
            (std::vector<std::string>{"/a", "/b/c", "/", "/ d/.e"}))
      << "as borg names them";
  EXPECT_FALSE(source.any_root);
}

}  // namespace
}  // namespace cyborg
