// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <json/reader.h>

#include <cstdlib>
#include <ctime>
#include <sstream>

#include "client/format/progress.h"
#include "client/format/records.h"
#include "client/format/table.h"
#include "client/format/text.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kNow = 1'795'376'000 * kSecond;

Json::Value parse(const std::string& text) {
  Json::Value json;
  std::istringstream(text) >> json;
  return json;
}

TEST(Printable, LeavesOrdinaryTextAlone) {
  for (const char* text : {"", "/srv/a b", "Grüße – 日本語 🙂", "a\tb"}) EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatDrivesATerminal) {
  EXPECT_EQ(printable("a\nb\r\x1b[2J\x7f"), "a\\nb\\x0d\\x1b[2J\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // CSI as one C1 character
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb");                                             // right-to-left override
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");                             // no UTF-8
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");  // overlong, surrogate
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Ellipsis, KeepsTheStartOrTheEnd) {
  EXPECT_EQ(ellipsize("Grüße", 5), "Grüße");
  EXPECT_EQ(ellipsize("Grüße", 4), "Grü…");
  EXPECT_EQ(ellipsize_front("/srv/data/file", 8), "…ta/file");
  EXPECT_EQ(ellipsize("abc", 0), "");
}

TEST(Size, HasAUnit) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1536), "1.5 KiB");
  EXPECT_EQ(human_size(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(human_size(UINT64_MAX), "16.0 EiB");
}

TEST(Span, HasItsTwoLargestUnits) {
  EXPECT_EQ(human_span(1500), "1ms");
  EXPECT_EQ(human_span(90 * kSecond), "1min 30s");
  EXPECT_EQ(human_span(5400 * kSecond), "1h 30min");
  EXPECT_EQ(human_span(86'400 * kSecond), "1 day");
  EXPECT_EQ(human_span((15 * 86'400 + 3600) * kSecond), "2 weeks 1 day");
}

TEST(Time, IsRelativeOrAbsolute) {
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(human_time(kNow), "Sun 2026-11-22 19:33:20 UTC");
  EXPECT_EQ(relative_time(kNow - 7200 * kSecond, kNow), "2h ago");
  EXPECT_EQ(relative_time(kNow + 300 * kSecond, kNow), "in 5min");
  EXPECT_EQ(relative_time(kNow, kNow), "now");
}

TEST(SnakeCase, IsWhatPropertiesBecome) {
  EXPECT_EQ(snake_case("Name"), "name");
  EXPECT_EQ(snake_case("SshPublicKey"), "ssh_public_key");
  EXPECT_EQ(snake_case("host_key"), "host_key");
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  const std::vector<Json::Value> records{
      parse(R"({"name": "web", "enabled": true, "created": 0, "original_size": 2048})"),
      parse(R"({"name": "größer", "enabled": false, "created": 1795375940000000, "original_size": 0})")};
  EXPECT_EQ(
      table_of({{"NAME", "name"}, {"ENABLED", "enabled"}, {"CREATED", "created"}, {"SIZE", "original_size"}},
               records, kNow, false),
      "NAME    ENABLED  CREATED   SIZE\n"
      "web     yes      -         2.0 KiB\n"
      "größer  no       1min ago  0 B\n");
  EXPECT_EQ(table_of({{"NAME", "name"}}, {}, kNow, false), "");
}

TEST(Table, ASparseOneLeavesOutWhatNoRecordHas) {
  EXPECT_EQ(
      table_of({{"KIND", "kind"}, {"AFTER", "after"}}, {parse(R"({"kind": "backup"})")}, kNow, false, true),
      "KIND\nbackup\n");
}

TEST(Table, ColoursAreForStatesAndDoNotMoveColumns) {
  EXPECT_EQ(
      table_of({{"STATE", "state"}, {"JOB", "id"}}, {parse(R"({"state": "failed", "id": 7})")}, kNow, true),
      "STATE   JOB\n\x1b[1;31mfailed\x1b[0m  7\n");
}

TEST(Page, NamesFirstAndColonsBeneathEachOther) {
  EXPECT_EQ(
      page_of(parse(R"({"host_key": "", "name": "web", "addresses": ["a", "b\u001b"], "variables": {"n": 1},
                              "random_delay": 600000000, "upload_limit": 1024})"),
              kNow, false),
      "        Name: web\n"
      "   Variables: {\"n\":1}\n"
      "   Addresses: a, b\\x1b\n"
      "    Host key: -\n"
      "Random delay: 10min\n"
      "Upload limit: 1.0 MiB/s\n");
}

TEST(Page, WhatMattersComesBeforeTheRest) {
  EXPECT_EQ(page_of(parse(R"({"archive": "a", "code": "ok", "id": 1, "kind": "backup", "state": "running"})"),
                    kNow, false),
            "     Id: 1\n"
            "   Kind: backup\n"
            "  State: running\n"
            "Archive: a\n"
            "   Code: ok\n");
}

TEST(Page, FilesHaveDatesAndWhatHappenedHasAges) {
  EXPECT_EQ(
      page_of(parse(R"({"mtime": 1700000000000000, "created": 1700000000000000})"), 1700000060000000, false),
      "Created: Tue 2023-11-14 22:13:20 UTC (1min ago)\n"
      "  Mtime: 2023-11-14 22:13\n");
}

TEST(JsonText, HasNothingATerminalTripsOver) {
  EXPECT_EQ(json_text(parse(R"({"name": "a\u001b\u009bü"})")),
            "{\n  \"name\" : \"a\\u001b\\u009b\\u00fc\"\n}\n");
}

TEST(Progress, SaysWhatRuns) {
  const std::vector<ProgressJob> jobs{
      {"web", "pending, repository vault is busy", 0, 0, 0, ""},
      {"db", "running", 1200, 5 << 20, 1 << 20, "/var/lib/data/\x1bsomething/long"}};
  EXPECT_EQ(progress_line(jobs, 3, 200),
            "[1/3 ended, 1 running] db: 1200 files  5.0 MiB  1.0 MiB/s  /var/lib/data/\\x1bsomething/long");
  EXPECT_EQ(progress_line(jobs, 3, 70),
            "[1/3 ended, 1 running] db: 1200 files  5.0 MiB  1.0 MiB/s  …thing/long");
  EXPECT_EQ(display_width(progress_line(jobs, 3, 30)), 30u);
  EXPECT_EQ(progress_line({jobs[0]}, 1, 80), "web: pending, repository vault is busy");
}

TEST(Rate, FollowsWhatIsTransferred) {
  RateMeter meter;
  meter.add(0, kNow);
  EXPECT_EQ(meter.rate(), 0u);
  for (std::uint64_t i = 1; i <= 60; ++i) meter.add(i * 500'000, kNow + i * kSecond / 2);
  EXPECT_NEAR(static_cast<double>(meter.rate()), 1e6, 1e4);
}

}  // namespace
}  // namespace cyborg::client
