// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/log.h"

#include <gtest/gtest.h>

namespace cyborg {
namespace {

using Kind = BorgLine::Kind;

TEST(BorgLine, ProgressTellsFilesBytesAndPath) {
  const auto line = parse_borg_line(
      R"({"original_size": 1024, "compressed_size": 10, "deduplicated_size": 5, "nfiles": 3, "path": "etc/x", )"
      R"("time": 1.5, "type": "archive_progress", "finished": false})");
  EXPECT_EQ(line.kind, Kind::progress);
  ASSERT_TRUE(line.progress);
  EXPECT_EQ(line.progress->files, 3);
  EXPECT_EQ(line.progress->bytes, 1024);
  EXPECT_EQ(line.progress->path, "etc/x");
}

TEST(BorgLine, TheLastProgressTellsNothing) {
  const auto line = parse_borg_line(R"({"time": 1.5, "type": "archive_progress", "finished": true})");
  EXPECT_EQ(line.kind, Kind::progress);
  EXPECT_FALSE(line.progress);
}

TEST(BorgLine, ProgressOfARestoreMayHaveNoPath) {
  const auto line = parse_borg_line(
      R"({"type": "progress_percent", "current": 5, "total": 9, "info": null, "finished": false})");
  ASSERT_TRUE(line.progress);
  EXPECT_EQ(line.progress->bytes, 5);
  EXPECT_EQ(line.progress->path, "");
}

TEST(BorgLine, AMessageHasLevelAndMsgid) {
  const auto line = parse_borg_line(
      R"({"type": "log_message", "time": 1.0, "message": "no", "levelname": "ERROR", "name": "borg.archiver", )"
      R"("msgid": "PassphraseWrong"})");
  EXPECT_EQ(line.kind, Kind::message);
  EXPECT_EQ(line.priority, 3);
  EXPECT_EQ(line.msgid, "PassphraseWrong");
  EXPECT_EQ(line.text, "no");
}

TEST(BorgLine, APromptMayBeGluedInFront) {
  const auto line = parse_borg_line(
      R"(Enter passphrase for key /r: {"type": "log_message", "message": "x", "levelname": "WARNING"})");
  EXPECT_EQ(line.kind, Kind::message);
  EXPECT_EQ(line.priority, 4);
}

TEST(BorgLine, AnythingElseIsText) {
  const std::string deep(100000, '{');
  for (const std::string& text :
       {std::string{"usage: borg"}, std::string{"{"}, std::string{"{}"}, std::string{"a {b} c"},
        std::string{R"({"type": 5)"}, std::string{}, std::string{"[1]"}, deep}) {
    EXPECT_EQ(parse_borg_line(text).kind, Kind::text);
    EXPECT_EQ(parse_borg_line(text).text, text);
  }
}

TEST(BorgLine, WrongTypesDoNoHarm) {
  const auto line = parse_borg_line(
      R"({"type": "archive_progress", "nfiles": "x", "original_size": 1e300, "path": [], "finished": 3})");
  ASSERT_TRUE(line.progress);
  EXPECT_EQ(line.progress->files, 0);
  EXPECT_EQ(line.progress->bytes, 0);
}

BorgLine message(int priority, std::string text, std::string msgid = {}, std::string name = "borg.archiver") {
  BorgLine line;
  line.kind = Kind::message;
  line.priority = priority;
  line.text = std::move(text);
  line.msgid = std::move(msgid);
  line.name = std::move(name);
  return line;
}

TEST(BorgLog, KeepsErrorsFirstToLastAndAllWarnings) {
  BorgLog log;
  log.add(message(4, "first warning"));
  log.add(message(3, "first", "A"));
  log.add(message(3, "second", "B"));
  log.add(message(6, "info"));
  log.add(message(4, "terminating with warning status, rc 1", "", "borg.output.show-rc"));
  EXPECT_EQ(log.error_id(), "A");
  EXPECT_EQ(log.error_text(), "first\nsecond");
  EXPECT_EQ(log.warnings(), std::vector<std::string>{"first warning"});
}

TEST(BorgLog, ACacheThatIsBuiltAnewIsNoWarning) {
  BorgLog log;
  log.add(message(4, "The files cache can't be read. [Errno 2]", "", "borg.cache"));
  EXPECT_EQ(log.warning_count(), 0U);
}

TEST(BorgLine, TheFirstBackupHasNoFilesCacheAndNeedNotSaySo) {
  const auto told = [](const char* text) { return is_told_otherwise(message(4, text, "", "borg.cache")); };
  EXPECT_TRUE(told("The files cache can't be read. [[Errno 2] No such file or directory: '/x/files.etc']"));
  EXPECT_TRUE(told("Continuing without files cache - expect lower performance."));
  EXPECT_FALSE(told("The files cache can't be read. [[Errno 13] Permission denied: '/x/files.etc']"));
  EXPECT_FALSE(is_told_otherwise(message(4, "Continuing without files cache", "", "borg.archiver")));
}

TEST(BorgLog, CountsMoreWarningsThanItKeeps) {
  BorgLog log;
  for (int i = 0; i < 1500; ++i) log.add(message(4, "w"));
  EXPECT_EQ(log.warnings().size(), 1000U);
  EXPECT_EQ(log.warning_count(), 1500U);
}

TEST(BorgLog, KnowsPathsThatAreNotInTheArchiveWithAndWithoutMsgid) {
  BorgLog log;
  log.add(message(4, "Include pattern 'it's' never matched."));
  log.add(message(4, "Include pattern 'b' never matched!", "IncludePatternNeverMatched"));
  EXPECT_EQ(log.unmatched(), (std::vector<std::string>{"it's", "b"}));
}

TEST(BorgLog, KnowsACheckThatCameToTheEnd) {
  BorgLog log;
  log.note("finished partial segment check, last segment checked is 12");
  EXPECT_FALSE(log.checked_to_end());
  log.note("Remote: finished segment check at segment 42");
  EXPECT_TRUE(log.checked_to_end());
}

}  // namespace
}  // namespace cyborg
