// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/command.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cyborg {
namespace {

bool has(const std::vector<std::string>& command, const std::string& word) {
  return std::ranges::find(command, word) != command.end();
}

TEST(BorgVersion, IsReadFromWhatBorgPrints) {
  struct Row {
    const char* text;
    BorgVersion version;
  };
  for (const auto& row : {Row{"borg 1.2.4\n", {1, 2, 4}}, Row{"borg 1.4.0", {1, 4, 0}},
                          Row{"borg 1.4", {1, 4, 0}}, Row{"borg 1.4.1rc1", {1, 4, 1}},
                          Row{"warning: x\nborg 1.2.8", {1, 2, 8}}, Row{"borg 1.2.5.dev3+g123", {1, 2, 5}}}) {
    const auto version = parse_borg_version(row.text);
    ASSERT_TRUE(version) << row.text;
    EXPECT_EQ(*version, row.version) << row.text;
  }
}

TEST(BorgVersion, OthersAreRefusedByName) {
  struct Row {
    const char* text;
    const char* said;
  };
  for (const auto& row :
       {Row{"borg 2.0.0b10", "2.0.0 is not supported"}, Row{"borg 1.1.18", "1.1.18 is too old"},
        Row{"borg 0.30.0", "too old"}, Row{"", "not a version"}, Row{"git 1.2.3", "not a version"},
        Row{"borg x", "not a version"}, Row{"borg 1", "not a version"}}) {
    const auto version = parse_borg_version(row.text);
    ASSERT_FALSE(version) << row.text;
    EXPECT_NE(version.error().message.find(row.said), std::string::npos) << version.error().message;
  }
}

TEST(BorgVersion, ModernExitCodesCameWith14) {
  EXPECT_FALSE(has_modern_exit_codes({1, 2, 9}));
  EXPECT_TRUE(has_modern_exit_codes({1, 4, 0}));
}

TEST(BorgCommand, CreateHasItsOptionsBeforeTheArchive) {
  JobSpec spec;
  spec.job = 7;
  spec.archive = "a";
  spec.compression = "zstd,3";
  spec.exclude = {"*/cache", "it's"};
  spec.patterns = {"+ */cache/keep"};
  spec.exclude_if_present = {".no backup"};
  spec.exclude_caches = true;
  spec.one_file_system = true;
  spec.upload_limit = 100;
  const auto command = borg_create(spec, "/r");
  EXPECT_EQ(command.front(), "borg");
  EXPECT_EQ(command.back(), "/r::a");
  for (const char* word : {"--json", "zstd,3", "*/cache", "it's", "--one-file-system", "--upload-ratelimit",
                           "100", "cyborg job=7", "--exclude-caches", "--exclude-if-present", ".no backup"}) {
    EXPECT_TRUE(has(command, word)) << word;
  }
  // The first matching pattern decides, so patterns come before excludes.
  EXPECT_LT(std::ranges::find(command, "--pattern"), std::ranges::find(command, "--exclude"));
}

TEST(BorgCommand, WhatIsNotWantedIsNotGiven) {
  const auto command = borg_create(JobSpec{}, "/r");
  for (const char* word : {"--one-file-system", "--upload-ratelimit", "--exclude", "--compression",
                           "--exclude-caches", "--exclude-if-present", "--pattern"}) {
    EXPECT_FALSE(has(command, word)) << word;
  }
}

TEST(BorgCommand, ARestoreDoesNotLock) {
  JobSpec spec;
  spec.archive = "a";
  spec.restore.paths = {"/etc/passwd", "home", "re:x", "./x//y/"};
  const auto command = borg_extract(spec, "/r");
  EXPECT_TRUE(has(command, "--bypass-lock"));
  EXPECT_EQ((std::vector<std::string>{command.end() - 5, command.end()}),
            (std::vector<std::string>{"/r::a", "etc/passwd", "home", "pp:re:x", "x/y"}));
  EXPECT_EQ(borg_extract_file(spec, "/r", "a").back(), "a");
  EXPECT_EQ(borg_export_tar(spec, "/r").back(), "x/y");
  spec.restore.paths.emplace_back("/");  // that is all of it
  EXPECT_EQ(borg_extract(spec, "/r").back(), "/r::a");
  EXPECT_TRUE(has(borg_extract(spec, "/r", "/e"), "--exclude-from"));
}

TEST(BorgCommand, AServeIsBoundToOneRepository) {
  JobSpec spec;
  spec.repository_path = "/srv/a b";
  EXPECT_EQ(borg_serve(spec), (std::vector<std::string>{"borg", "serve", "--umask=077",
                                                        "--restrict-to-repository", "/srv/a b"}));
  spec.append_only = true;
  EXPECT_EQ(borg_serve(spec).back(), "--append-only");
}

TEST(BorgCommand, ARepositoryItselfIsNeverAppendOnly) {
  JobSpec spec;
  spec.append_only = true;
  EXPECT_FALSE(has(borg_init(spec, "/r"), "--append-only"));
}

TEST(BorgCommand, ARelayedRepositoryHasOneNameForAllRoutes) {
  EXPECT_EQ(relay_url("/srv/x"), "ssh://cyborg/srv/x");
  EXPECT_EQ(relay_url("x"), "ssh://cyborg/./x");
}

TEST(BorgEnvironment, HoldsNoSecretAndOnlyWhatIsSet) {
  const auto environment = borg_environment("", "", JobSpec{});
  for (const auto& [name, value] : environment) {
    EXPECT_NE(name, "BORG_PASSPHRASE");
    EXPECT_NE(name, "BORG_RSH");
    EXPECT_NE(name, "BORG_BASE_DIR");
    EXPECT_NE(name, "BORG_FILES_CACHE_SUFFIX");
  }
}

TEST(ArchivePath, IsWhatBorgStores) {
  struct Row {
    const char* path;
    const char* inside;
  };
  for (const auto& row : {Row{"/", ""}, Row{"", ""}, Row{"/etc", "etc"}, Row{"//etc//x/", "etc/x"},
                          Row{"./a/./b", "a/b"}, Row{"/ a", " a"}}) {
    EXPECT_EQ(archive_path(row.path), row.inside) << row.path;
  }
}

}  // namespace
}  // namespace cyborg
