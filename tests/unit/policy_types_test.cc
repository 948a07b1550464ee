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
  EXPECT_EQ(policy_type_names(), (std::vector<std::string>{"rootfs", "config", "mail", "folders"}));
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
           Row{"mysql", "{}", R"(type "mysql": expected one of)"},
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

TEST(BackupSource, OfFoldersIsExactlyThese) {
  const BackupSource source = backup_source(policy("folders", R"({"folders":["/b","/a"]})"));
  EXPECT_EQ(source.roots, (std::vector<std::string>{"/b", "/a"}));
  EXPECT_FALSE(source.any_root);
}

}  // namespace
}  // namespace cyborg
