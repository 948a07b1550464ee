// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/result.h"

#include <gtest/gtest.h>

namespace cyborg {
namespace {

BorgLog log_of(int priority, const std::string& text, const std::string& msgid = {}) {
  BorgLine line;
  line.kind = BorgLine::Kind::message;
  line.priority = priority;
  line.text = text;
  line.msgid = msgid;
  BorgLog log;
  log.add(line);
  return log;
}

JobSpec spec() {
  JobSpec spec;
  spec.repository_path = "/srv/r";
  spec.archive = "a";
  spec.roots = {"/etc", "/home"};
  return spec;
}

TEST(BorgResult, OnlyZeroIsSuccess) {
  for (int status = 0; status < 256; ++status) {
    const auto result = judge_borg(BorgVerb::create, status, BorgLog{}, spec());
    EXPECT_EQ(result.state == JobState::successful, status == 0) << status;
    const bool warning = status == 1 || (status >= 100 && status <= 127);
    EXPECT_EQ(result.state == JobState::warning, warning) << status;
    EXPECT_EQ(result.borg_status, status);
    EXPECT_FALSE(result.code.word().empty()) << status;
  }
}

TEST(BorgResult, AnErrorIsKnownByMsgidInBorg12AndByStatusInBorg14) {
  struct Row {
    int status;
    const char* msgid;
    const char* code;
  };
  for (const auto& row : {Row{2, "PassphraseWrong", "passphrase-wrong"},
                          Row{52, "", "passphrase-wrong"},
                          Row{2, "Repository.DoesNotExist", "repository-missing"},
                          Row{13, "", "repository-missing"},
                          Row{2, "DoesNotExist", "repository-missing"},
                          Row{2, "Archive.DoesNotExist", "archive-missing"},
                          Row{31, "", "archive-missing"},
                          Row{2, "Archive.AlreadyExists", "archive-exists"},
                          Row{2, "LockTimeout", "repository-locked"},
                          Row{73, "", "repository-locked"},
                          Row{2, "LockFailed", "repository-denied"},
                          Row{2, "StorageQuotaExceeded", "disk-full"},
                          Row{14, "", "disk-full"},
                          Row{2, "PathNotAllowed", "repository-denied"},
                          Row{2, "Repository.InvalidRepository", "repository-invalid"},
                          Row{80, "ConnectionClosed", "connection-lost"},
                          Row{81, "", "connection-lost"},
                          Row{2, "Cache.RepositoryReplay", "repository-swapped"},
                          Row{90, "IntegrityError", "damage"},
                          Row{95, "", "damage"},
                          Row{17, "Repository.ObjectNotFound", "damage-suspected"},
                          Row{12, "", "damage-suspected"},
                          Row{2, "", "borg-error"},
                          Row{2, "SomethingNew", "borg-error"},
                          Row{143, "", "borg-killed"}}) {
    const auto result = judge_borg(BorgVerb::create, row.status, log_of(3, "said", row.msgid), spec());
    EXPECT_EQ(result.state, JobState::failed) << row.msgid;
    EXPECT_EQ(result.code.word(), row.code) << row.status << row.msgid;
  }
}

TEST(BorgResult, WhatMayHaveAnotherReasonIsDamageOnlyToACheckWhichIsAloneInTheRepository) {
  for (const auto verb : {BorgVerb::list, BorgVerb::extract, BorgVerb::check, BorgVerb::compact}) {
    const char* code = verb == BorgVerb::check ? "damage" : "damage-suspected";
    EXPECT_EQ(judge_borg(verb, 17, log_of(3, "said"), spec()).code.word(), code);
    EXPECT_EQ(judge_borg(verb, 90, log_of(3, "said"), spec()).code.word(), "damage");
  }
}

TEST(BorgResult, MessagesNameTheRepository) {
  auto remote = spec();
  remote.repository_host = {"vault", 2222, "backup", "", ""};
  remote.repository = "vault";
  const auto result = judge_borg(BorgVerb::create, 52, BorgLog{}, remote);
  EXPECT_EQ(
      result.message,
      "the passphrase of repository ssh://backup@vault:2222/srv/r is wrong: cyborgctl repository set vault "
      "--passphrase-file FILE");
}

TEST(BorgResult, ALostSourceRootIsAFailureThoughBorgOnlyWarns) {
  for (const char* text : {"/home: [Errno 2] No such file or directory: 'home'", "home: stat: [Errno 13]"}) {
    const auto result = judge_borg(BorgVerb::create, 1, log_of(4, text), spec());
    EXPECT_EQ(result.state, JobState::failed) << text;
    EXPECT_EQ(result.code.word(), "source-missing");
  }
  const auto inside =
      judge_borg(BorgVerb::create, 1, log_of(4, "/home/x: [Errno 13] Permission denied"), spec());
  EXPECT_EQ(inside.state, JobState::warning);
  EXPECT_NE(inside.message.find("/home/x"), std::string::npos);
}

TEST(BorgResult, APathThatIsNotInTheArchiveFailsARestore) {
  const auto log = log_of(4, "Include pattern 'nope' never matched.");
  for (int status : {1, 101}) {
    const auto result = judge_borg(BorgVerb::extract, status, log, spec());
    EXPECT_EQ(result.state, JobState::failed);
    EXPECT_EQ(result.code.word(), "path-not-in-archive");
    EXPECT_NE(result.message.find("/nope"), std::string::npos);
  }
}

TEST(BorgResult, ARestoreWithAFileThatIsNotThereFails) {
  auto one = spec();
  one.client = "web";
  const auto full =
      judge_borg(BorgVerb::extract, 1, log_of(4, "a: write: [Errno 28] No space left on device"), one);
  EXPECT_EQ(full.code.word(), "disk-full");
  EXPECT_NE(full.message.find("the disk of web is full: a: write"), std::string::npos) << full.message;
  const auto denied =
      judge_borg(BorgVerb::extract, 105, log_of(4, "a: open: [Errno 30] Read-only file system"), one);
  EXPECT_EQ(denied.state, JobState::failed);
  EXPECT_EQ(denied.code.word(), "not-restored");
  const auto damaged =
      judge_borg(BorgVerb::extract, 1, log_of(4, "a: File has damaged (all-zero) chunks."), one);
  EXPECT_EQ(damaged.state, JobState::failed);
  EXPECT_EQ(judge_borg(BorgVerb::extract, 1, BorgLog{}, one).state, JobState::failed);
  const auto worse =
      judge_borg(BorgVerb::extract, 2, log_of(3, "OSError: [Errno 28] No space left on device"), one);
  EXPECT_EQ(worse.message, "the disk of web is full: OSError: [Errno 28] No space left on device");
  // The content is there.
  const auto blemish =
      judge_borg(BorgVerb::extract, 1, log_of(4, "a: when setting extended attribute user.x: no"), one);
  EXPECT_EQ(blemish.state, JobState::warning);
}

TEST(BorgResult, AFullDiskIsSeenInTheText) {
  const auto result =
      judge_borg(BorgVerb::create, 2, log_of(3, "OSError: [Errno 28] No space left on device"), spec());
  EXPECT_EQ(result.code.word(), "disk-full");
}

constexpr const char* kReport =
    R"({"archive": {"command_line": [], "duration": 0.5, "end": "2026-11-22T20:07:03.000000", "id": "ab", )"
    R"("name": "n", "start": "2026-11-22T20:07:03.000000", "stats": {"compressed_size": 2, )"
    R"("deduplicated_size": 1, "nfiles": 3, "original_size": 4}}, "repository": {"id": "cd"}})";

TEST(BorgResult, ABorgThatBreaksDownGaveNoWarningThoughItEndsWithOne) {
  const auto broken = [](std::initializer_list<const char*> lines) {
    BorgLog log;
    for (const char* line : lines) log.add(parse_borg_line(line));
    return log;
  };
  const char* begin = "Traceback (most recent call last):";
  JobSpec one = spec();
  one.exclude = {"*.tmp", "re:(", "/re:/"};
  one.patterns = {"- re:x", "- /re:"};
  for (const char* error : {"re.error", "re.PatternError"}) {
    const std::string last = std::string{error} + ": missing )";
    const auto result = judge_borg(BorgVerb::create, 1, broken({begin, "  File \"x\"", last.c_str()}), one);
    EXPECT_EQ(result.state, JobState::failed);
    EXPECT_EQ(result.code.word(), "pattern-invalid");
    EXPECT_EQ(result.message, "a pattern is no regular expression: re:(, - re:x (missing ))");
  }
  const auto chained = broken({begin, "  a", "KeyError: 'x'", "", "During handling of the above:", "", begin,
                               "  b", "ImportError: no msgpack", "bye"});
  for (const auto verb : {BorgVerb::create, BorgVerb::check, BorgVerb::extract, BorgVerb::compact}) {
    const auto result = judge_borg(verb, 1, chained, spec());
    EXPECT_EQ(result.code.word(), "borg-error");
    EXPECT_EQ(result.message, "borg broke down: ImportError: no msgpack");
  }
  EXPECT_EQ(judge_borg(BorgVerb::check, 1, broken({"some words: of somebody"}), spec()).code.word(),
            "damage");
}

TEST(BorgResult, ATracebackSaysWhatHappenedInItsLastLine) {
  BorgLog log = log_of(3, "Local Exception");
  BorgLine traceback;
  traceback.kind = BorgLine::Kind::message;
  traceback.priority = 3;
  traceback.text =
      "Traceback (most recent call last):\n  File \"x\"\nPermissionError: [Errno 13] Permission denied: "
      "'/r'\n\nPlatform: Linux";
  log.add(traceback);
  EXPECT_NE(judge_borg(BorgVerb::info, 2, log, spec()).message.find("Errno 13"), std::string::npos);
}

TEST(CreateReport, HasTheFactsOfTheArchive) {
  for (const std::string& before : {std::string{}, std::string{"Welcome to the machine\n"}}) {
    const auto report = parse_create_report(before + kReport);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->repository_id, "cd");
    EXPECT_EQ(report->archive["nfiles"].asInt(), 3);
    EXPECT_EQ(report->archive["id"].asString(), "ab");
  }
}

TEST(CreateReport, HasTheSizeOfTheRepositoryIfBorgSaysIt) {
  EXPECT_EQ(parse_create_report(kReport)->repository_size, 0);
  const auto with = [](const std::string& cache) {
    std::string text = kReport;
    text.insert(text.size() - 1, R"(, "cache": )" + cache);
    return parse_create_report(text)->repository_size;
  };
  EXPECT_EQ(with(R"({"path": "/c", "stats": {"total_csize": 9, "unique_csize": 1234567890123}})"),
            1'234'567'890'123);
  for (const char* other : {"5", "{}", R"({"stats": []})", R"({"stats": {"unique_csize": "x"}})",
                            R"({"stats": {"unique_csize": -1}})"}) {
    EXPECT_EQ(with(other), 0) << other;
  }
}

TEST(CreateReport, WhatIsNotOneIsNothing) {
  for (const char* text :
       {"", "{}", "{", "[]", R"({"archive": 5})", R"({"archive": {"id": "x", "stats": 3}})",
        R"({"archive": {"stats": {}}, "repository": []})"}) {
    EXPECT_FALSE(parse_create_report(text)) << text;
  }
}

TEST(InfoReport, HasIdAndEncryption) {
  const auto report = parse_info_report(R"({"encryption": {"mode": "repokey"}, "repository": {"id": "cd"}})");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->repository_id, "cd");
  EXPECT_EQ(report->encryption, "repokey");
  EXPECT_FALSE(parse_info_report("borg: error"));
}

TEST(ArchiveList, HasTimesAndTheOldestFirst) {
  const auto archives = parse_archives(R"({"archives": [
      {"archive": "b", "name": "b", "id": "22", "start": "2026-11-22T18:01:39.000000", "time": "x"},
      {"archive": "a", "name": "a", "id": "11", "start": "2026-11-21T18:01:39.500000"},
      {"archive": "odd", "name": "o::dd", "id": "33", "start": "2026-11-21T18:01:39.500000"}]})");
  ASSERT_TRUE(archives);
  ASSERT_EQ(archives->size(), 2U) << "a name that no command could give is left out";
  EXPECT_EQ(archives->at(0).name, "a");
  EXPECT_EQ(archives->at(1).created - archives->at(0).created, 86'399'500'000);
  EXPECT_TRUE(parse_archives(R"({"archives": []})")->empty());
  for (const char* text : {"", "borg: error", "{}", R"({"archives": [{"name": "a"}]})",
                           R"({"archives": [{"name": "a", "id": "1", "start": "yesterday"}]})"}) {
    EXPECT_FALSE(parse_archives(text)) << text;
  }
}

TEST(ArchiveInfo, HasItsSizes) {
  const auto facts = parse_archive_info(R"({"archives": [{"name": "a", "id": "11", "duration": 1.5,
      "start": "1970-01-01T00:00:01.000000", "stats": {"original_size": 4, "compressed_size": 3,
      "deduplicated_size": 2, "nfiles": 1}}], "repository": {}})");
  ASSERT_TRUE(facts);
  EXPECT_EQ((*facts)["created"].asInt64(), 1'000'000);
  EXPECT_EQ((*facts)["original_size"].asInt64(), 4);
  EXPECT_EQ((*facts)["nfiles"].asInt64(), 1);
  EXPECT_FALSE(parse_archive_info(R"({"archives": []})"));
  EXPECT_FALSE(parse_archive_info(R"({"archives": [{"name": "a", "id": "11"}]})"));
}

}  // namespace
}  // namespace cyborg
