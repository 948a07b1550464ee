// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/listing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "core/utf8.h"

namespace cyborg {
namespace {

using std::string_literals::operator""s;

// A file in kListingFormat.
std::string printed(const std::string& mode, const std::string& path, const std::string& source = "",
                    const std::string& mtime = "2026-11-22T23:12:32.486032", const std::string& size = "5",
                    const std::string& health = "healthy", const std::string& user = "root") {
  std::string line;
  for (const auto& field : {mode, user, "adm"s, size, mtime, health, source, path}) line += field + '\0';
  return line;
}

std::vector<ListedFile> read(const std::string& listing, std::size_t piece = 1 << 20) {
  std::vector<ListedFile> files;
  ListingReader reader{[&](const ListedFile& file) { files.push_back(file); }};
  for (std::size_t at = 0; at < listing.size(); at += piece) {
    EXPECT_TRUE(reader.feed(std::string_view{listing}.substr(at, piece))) << reader.wrong();
  }
  EXPECT_TRUE(reader.finish()) << reader.wrong();
  return files;
}

TEST(BorgListing, AFileWithAllThatBorgSaysOfIt) {
  const auto file = read(printed("-rw-r--r--", "etc/x y")).at(0);
  EXPECT_EQ(file.path, "etc/x y");
  EXPECT_EQ(file.user + ":" + file.group, "root:adm");
  EXPECT_EQ(file.mode, S_IFREG | 0644);
  EXPECT_EQ(file.size, 5);
  EXPECT_EQ(file.mtime, 1795389152486032);
  EXPECT_EQ(file.link, "");
  EXPECT_TRUE(file.healthy);
  EXPECT_FALSE(read(printed("-rw-r--r--", "x", "", "2026-11-22T23:12:32", "5", "broken")).at(0).healthy);
}

TEST(BorgListing, LinksHaveWhatTheyLeadTo) {
  const auto symbolic = read(printed("lrwxrwxrwx", "a", "b", "1969-12-31T23:59:59")).at(0);
  EXPECT_TRUE(S_ISLNK(symbolic.mode));
  EXPECT_EQ(symbolic.link, "b");
  EXPECT_EQ(symbolic.mtime, -1'000'000);
  const auto hard = read(printed("hrw-------", "c", "d/e")).at(0);
  EXPECT_EQ(hard.mode, S_IFREG | kHardLink | 0600);
  EXPECT_EQ(hard.link, "d/e");
}

TEST(BorgListing, NamesOfAnyCharacters) {
  const std::string odd = "a\"b\\c\n\t\xc3\xa9\xf0\x9f\x98\x80";
  EXPECT_EQ(read(printed("-rw-------", odd)).at(0).path, odd);
  EXPECT_EQ(read(printed("drwxr-xr-x", "/etc/")).at(0).path, "etc");
  EXPECT_EQ(read(printed("-rw-------", "a", "", "2026-11-22T23:12:32", "5", "healthy", "\xff")).at(0).user,
            kReplacementCharacter);
}

TEST(BorgListing, HoweverItIsCutIntoPieces) {
  std::string listing;
  for (int i = 0; i < 20; ++i) listing += printed("-rw-r--r--", "srv/file " + std::to_string(i));
  for (const std::size_t piece : {1U, 2U, 7U, 64U, 100U, 4096U}) {
    const auto files = read(listing, piece);
    ASSERT_EQ(files.size(), 20U) << piece;
    EXPECT_EQ(files[19].path, "srv/file 19");
  }
}

TEST(BorgListing, PathsLongerThanLinuxTakesThemAtOnce) {
  std::string path = "srv";
  while (path.size() < 200'000) path += "/" + std::string(250, 'd');
  const auto files = read(printed("-rw-r--r--", path) + printed("-rw-r--r--", "after"), 50'001);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, path);
}

TEST(BorgListing, WhatIsNoFileIsRefused) {
  const std::string good = printed("-rw-------", "before");
  for (const std::string& wrong :
       {"borg: hello\n"s + std::string(8, '\0'), std::string(8, '\0'), printed("-rw-------", ""),
        printed("-rw-------", "x", "", "today"),
        printed("-rw-------", "x", "", "2026-11-22T23:12:32", "many"), printed("rw-------", "x"),
        printed("?rw-------", "x"), std::string(5 << 20, 'x')}) {
    int files = 0;
    ListingReader reader{[&](const ListedFile&) { ++files; }};
    EXPECT_FALSE(reader.feed(good + wrong) && reader.finish()) << wrong;
    EXPECT_EQ(files, 1);
    EXPECT_FALSE(reader.wrong().empty());
  }
}

TEST(BorgListing, OneThatEndsWithinAFileIsNotWhole) {
  ListingReader reader{[](const ListedFile&) { FAIL(); }};
  const auto half = printed("-rw-------", "x");
  EXPECT_TRUE(reader.feed(half.substr(0, half.size() - 2)));
  EXPECT_FALSE(reader.finish());
}

TEST(BorgListing, ModesThereAndBack) {
  for (const char* text : {"-rw-r--r--", "drwxr-xr-x", "-rwsr-xr-x", "-rwSr-Sr-T", "drwxrwxrwt", "prw-------",
                           "srwxrwxrwx", "crw-rw----", "brw-rw----", "lrwxrwxrwx", "hrwxr-sr-x"}) {
    EXPECT_EQ(mode_text(parse_mode(text)), text);
  }
}

}  // namespace
}  // namespace cyborg
