// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/archive_items.h"

#include <gtest/gtest.h>

#include <string>

#include "core/policy_types.h"

namespace cyborg {
namespace {

ArchiveItem item(const std::string& path, char type = '-') {
  ArchiveItem made;
  made.path = path;
  made.type = type;
  return made;
}

TEST(ItemReader, TakesNamesOfAnyKindInPiecesOfAnySize) {
  const std::string listing{
      "-\0"
      "12\0"
      "\0"
      "a\nb\0"
      "l\0"
      "3\0"
      "x y\0"
      "srv/l\0",
      24};
  for (std::size_t size = 1; size <= listing.size(); ++size) {
    std::vector<std::string> seen;
    ItemReader reader{[&](ArchiveItem& one) {
      seen.push_back(one.type + std::to_string(one.size) + one.source + ":" + one.path);
    }};
    for (std::size_t at = 0; at < listing.size(); at += size) {
      EXPECT_TRUE(reader.feed(std::string_view{listing}.substr(at, size)));
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"-12:a\nb", "l3x y:srv/l"}));
    EXPECT_TRUE(reader.finished());
  }
}

TEST(ItemReader, RefusesWhatIsNoListing) {
  for (const std::string& text : {std::string{"--\0", 3}, std::string{"-\0x\0", 4}}) {
    ItemReader reader{[](ArchiveItem&) {}};
    EXPECT_FALSE(reader.feed(text));
  }
  ItemReader cut{[](ArchiveItem&) {}};
  EXPECT_TRUE(
      cut.feed(std::string_view{"-\0"
                                "1\0",
                                4}));
  EXPECT_FALSE(cut.finished());
}

TEST(Selection, HoldsPathsAndWhatIsBelowThem) {
  Selection selection{{"/srv//data/", "etc/./passwd"}};
  EXPECT_TRUE(selection.holds(item("srv/data", 'd')));
  EXPECT_TRUE(selection.holds(item("srv/data/a")));
  EXPECT_FALSE(selection.holds(item("srv/database")));
  ASSERT_NE(selection.missing(), nullptr);
  EXPECT_EQ(*selection.missing(), "etc/passwd");
  EXPECT_TRUE(selection.holds(item("etc/passwd")));
  EXPECT_EQ(selection.missing(), nullptr);
  EXPECT_TRUE(Selection{{}}.holds(item("x")));
  EXPECT_TRUE((Selection{{"a", "/"}}.holds(item("x"))));  // the top is all
}

TEST(Selection, TellsWhatIsNear) {
  Selection selection{{"etc/nginx.conf"}};
  for (const char* path : {"etc", "etc/fstab", "etc/nginx", "etc/nginx/nginx.conf", "var/log/x"}) {
    selection.holds(item(path));
  }
  EXPECT_EQ(selection.near_missing(),
            (std::vector<std::string>{"etc/nginx/nginx.conf", "etc/fstab", "etc/nginx"}));
  JobSpec spec;
  spec.archive = "a";
  EXPECT_EQ(missing_message(spec, "etc/x", {"etc/y", "etc/z"}),
            "/etc/x is not in archive a; near it are /etc/y, /etc/z");
  EXPECT_EQ(missing_message(spec, "etc/x", {}), "/etc/x is not in archive a");
}

TEST(LookEntry, IsANameOrAPatternForTheShell) {
  EXPECT_EQ(look_entry(item("-a b\n*")), "-./-a b\n*");
  EXPECT_EQ(look_entry(item("d", 'd')), "d./d");
  EXPECT_EQ(look_entry(item("a?[*\\b")), "g./a?\\[\\*\\\\b");
  EXPECT_EQ(look_entry(item("a?", 'd')), "G./a?");
  EXPECT_TRUE(has_question_mark("a\xff"));
  EXPECT_TRUE(has_question_mark("a?"));
  EXPECT_FALSE(has_question_mark("aé"));
}

TEST(ExcludeLine, MatchesExactlyOneName) {
  EXPECT_EQ(exclude_line("srv/a b'$*"), "pf:srv/a b'$*");
  EXPECT_EQ(exclude_line("srv/über/x"), "pf:srv/über/x");
  EXPECT_EQ(exclude_line("a\nb"), "re:^a\\x0ab\\Z");
  EXPECT_EQ(exclude_line("a "), "re:^a\\x20\\Z");
  EXPECT_EQ(exclude_line("a.\xff"), "re:^a\\x2e\\udcff\\Z");
  EXPECT_EQ(exclude_line("\xed\xa0\x80"), "re:^\\udced\\udca0\\udc80\\Z");  // no UTF-8, though it looks so
}

TEST(Database, HasAFileInTheArchiveAndBack) {
  for (const char* name : {"shop", "a/b", "100% \"é\"", "-x.y_Z"}) {
    for (const PolicyType type : {PolicyType::mysql, PolicyType::postgresql}) {
      EXPECT_EQ(database_of_path(path_of_database(name, type), type), name);
    }
  }
  EXPECT_EQ(path_of_database("odd/na me", PolicyType::postgresql), "postgresql/odd%2fna%20me.dump");
  EXPECT_EQ(path_of_database("", PolicyType::mysql), "mysql/grants.sql");
  for (const char* name : {"/var/lib/app/a.db", "/it's %2f/b c.sqlite", "/x"}) {
    EXPECT_EQ(database_of_path(path_of_database(name, PolicyType::sqlite), PolicyType::sqlite), name);
  }
  EXPECT_EQ(path_of_database("/var/lib/a b%.db", PolicyType::sqlite), "sqlite/var/lib/a%20b%25.db");
  EXPECT_EQ(path_of_database("", PolicyType::sqlite), "") << "it has no globals";
  EXPECT_EQ(database_of_path("mysql/x.sql", PolicyType::sqlite), "");
  for (const char* path : {"mysql/grants.sql", "mysql", "mysql/.sql", "other/x.sql", "mysql/x.dump"}) {
    EXPECT_EQ(database_of_path(path, PolicyType::mysql), "") << path;
  }
}

}  // namespace
}  // namespace cyborg
