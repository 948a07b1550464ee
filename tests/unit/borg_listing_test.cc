#include "core/borg_listing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace cyborg {
namespace {

ListedFile parsed(std::string_view line) {
  ListedFile file;
  EXPECT_TRUE(parse_listing_line(line, file)) << line;
  return file;
}

TEST(BorgListing, AFileWithAllThatBorgSaysOfIt) {
  const auto file =
      parsed(R"({"type": "-", "mode": "-rw-r--r--", "user": "root", "group": "adm", "uid": 0, "gid": 4, )"
             R"("path": "etc/x y", "healthy": true, "source": "", "linktarget": "", "flags": null, )"
             R"("mtime": "2026-11-22T23:12:32.486032", "size": 5})");
  EXPECT_EQ(file.path, "etc/x y");
  EXPECT_EQ(file.user + ":" + file.group, "root:adm");
  EXPECT_EQ(file.mode, S_IFREG | 0644);
  EXPECT_EQ(file.size, 5);
  EXPECT_EQ(file.mtime, 1795389152486032);
  EXPECT_EQ(file.link, "");
}

TEST(BorgListing, LinksHaveWhatTheyLeadTo) {
  const auto symbolic = parsed(
      R"({"mode": "lrwxrwxrwx", "path": "a", "source": "b", "linktarget": "b", "mtime": "1969-12-31T23:59:59"})");
  EXPECT_TRUE(S_ISLNK(symbolic.mode));
  EXPECT_EQ(symbolic.link, "b");
  EXPECT_EQ(symbolic.mtime, -1'000'000);
  const auto hard = parsed(R"({"mode": "hrw-------", "path": "c", "source": "d/e", "size": 0})");
  EXPECT_EQ(hard.mode, S_IFREG | kHardLink | 0600);
  EXPECT_EQ(hard.link, "d/e");
}

TEST(BorgListing, NamesOfAnyCharacters) {
  EXPECT_EQ(parsed(R"({"mode": "-rw-------", "path": "a\"b\\c\n\t\u00e9\ud83d\ude00\udcff"})").path,
            "a\"b\\c\n\t\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd");
  EXPECT_EQ(parsed(R"({"mode": "drwxr-xr-x", "path": "/etc/"})").path, "etc");
}

TEST(BorgListing, WhatIsNoFileIsRefused) {
  ListedFile file;
  for (const char* line :
       {"", "borg: hello", "{}", R"({"path": "x"})", R"({"path": "x", "mode": "-rw-------")",
        R"({"mode": "-rw-------", "path": "x", "size": "many"} x)",
        R"({"mode": "-rw-------", "path": "x", "size": many})",
        R"({"mode": "-rw-------", "path": "x", "mtime": "today"})",
        R"({"mode": "-rw-------", "path": "x\u12"})"}) {
    EXPECT_FALSE(parse_listing_line(line, file)) << line;
  }
}

TEST(BorgListing, ModesThereAndBack) {
  for (const char* text : {"-rw-r--r--", "drwxr-xr-x", "-rwsr-xr-x", "-rwSr-Sr-T", "drwxrwxrwt", "prw-------",
                           "srwxrwxrwx", "crw-rw----", "brw-rw----", "lrwxrwxrwx", "hrwxr-sr-x"}) {
    EXPECT_EQ(mode_text(parse_mode(text)), text);
  }
}

}  // namespace
}  // namespace cyborg
