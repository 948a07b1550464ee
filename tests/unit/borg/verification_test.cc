// SPDX-License-Identifier: GPL-3.0-or-later
// Verification: the choice of files, the scripts for the client, and the meaning of their output.
#include "borg/verification.h"
#include "remote/file_hashes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "core/quote.h"
#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;

ListedFile listed(const std::string& path, std::int64_t size, std::int32_t mode = S_IFREG | 0644,
                  const std::string& link = {}) {
  ListedFile file;
  file.path = path;
  file.size = size;
  file.mode = mode;
  file.mtime = 1'700'000'000'123'456;
  file.link = link;
  return file;
}

std::vector<SampledFile> sample(std::string_view seed, int files, std::int64_t bytes, int count,
                                std::int64_t size = 10) {
  Sampler sampler{seed, files, bytes, {}};
  for (int i = 0; i < count; ++i) sampler.add(listed("f" + std::to_string(i), size));
  return sampler.take();
}

std::vector<std::string> paths(const std::vector<SampledFile>& files) {
  std::vector<std::string> all;
  for (const auto& file : files) all.push_back(file.path);
  return all;
}

TEST(Sampler, TakesAllFilesOfASmallArchiveInTheirOrder) {
  EXPECT_EQ(paths(sample("x", 20, 1000, 3)), (std::vector<std::string>{"f0", "f1", "f2"}));
  EXPECT_TRUE(sample("x", 20, 1000, 0).empty());
}

TEST(Sampler, TakesTheSameForTheSameSeedAndOthersForAnother) {
  const auto once = paths(sample("one", 20, 1 << 20, 10'000));
  EXPECT_EQ(once.size(), 20U);
  EXPECT_EQ(once, paths(sample("one", 20, 1 << 20, 10'000)));
  EXPECT_NE(once, paths(sample("two", 20, 1 << 20, 10'000)));
}

TEST(Sampler, GivesEachFileTheSameChance) {
  std::map<std::string, int> chosen;
  for (int seed = 0; seed < 1000; ++seed) {
    for (const auto& path : paths(sample(std::to_string(seed), 5, 1 << 20, 20))) ++chosen[path];
  }
  EXPECT_EQ(chosen.size(), 20U);
  for (const auto& [path, count] : chosen) EXPECT_NEAR(count, 250, 70) << path;
}

TEST(Sampler, KeepsWithinTheBytesUnlessEveryFileIsLarger) {
  const auto some = sample("x", 20, 55, 100);
  EXPECT_EQ(some.size(), 5U);
  Sampler large{"x", 20, 5, {}};
  large.add(listed("huge", 1000));
  large.add(listed("large", 10));
  large.add(listed("larger", 100));
  EXPECT_EQ(paths(large.take()), std::vector<std::string>{"large"});
}

TEST(Sampler, LeavesOutWhatHasNoContentOrNoNameForBorg) {
  Sampler sampler{"x", 20, 1000, {}};
  sampler.add(listed("directory", 0, S_IFDIR | 0755));
  sampler.add(listed("link", 5, S_IFLNK | 0777, "target"));
  sampler.add(listed("hard", 0, kHardLink | S_IFREG | 0644, "good"));
  sampler.add(listed("empty", 0));
  sampler.add(listed("bad?name", 5));
  sampler.add(listed("bad\xEF\xBF\xBDname", 5));
  sampler.add(listed("good", 5));
  EXPECT_EQ(paths(sampler.take()), std::vector<std::string>{"good"});
  EXPECT_EQ(sampler.listed(), 7);
}

TEST(Sampler, TakesCanariesWhateverTheirSize) {
  Sampler sampler{"x", 1, 100, {"/etc/./canary", "/etc/hard", "/etc/gone", "/etc/odd"}};
  sampler.add(listed("etc/canary", 100'000));
  sampler.add(listed("etc/hard", 0, kHardLink | S_IFREG | 0644, "etc/master"));
  sampler.add(listed("etc/odd", 0, S_IFDIR | 0755));
  sampler.add(listed("etc/other", 10));
  const auto files = sampler.take();
  ASSERT_EQ(paths(files), (std::vector<std::string>{"etc/canary", "etc/hard", "etc/other"}));
  EXPECT_TRUE(files[0].canary);
  EXPECT_EQ(files[1].source, "etc/master");
  EXPECT_EQ(files[1].size, -1);
  EXPECT_FALSE(files[2].canary);
  EXPECT_EQ(sampler.missing_canaries(), std::vector<std::string>{"/etc/gone"});
  EXPECT_EQ(sampler.odd_canaries(), std::vector<std::string>{"/etc/odd"});
}

TEST(HashScripts, AreCutToTheLimit) {
  std::vector<SampledFile> files(50);
  for (auto& file : files) file.path = "it's/" + std::string(200, 'x');
  const auto one = hash_scripts(files, 100'000, false);
  ASSERT_EQ(one.size(), 1U);
  const auto several = hash_scripts(files, 5000, false);
  EXPECT_GT(several.size(), 2U);
  std::size_t lines = 0;
  for (const auto& script : several) {
    EXPECT_LE(quote(script).size(), 5000U + 100);
    for (auto at = script.find("\nh "); at != std::string::npos; at = script.find("\nh ", at + 1)) ++lines;
  }
  EXPECT_EQ(lines, files.size());
  EXPECT_TRUE(contains(several.back(), "h 49 '/it'\\''s/xxx"));
  EXPECT_TRUE(hash_scripts({}, 5000, false).empty());
}

TEST(Hashes, AreReadByNumber) {
  const std::string hash(64, 'a');
  std::vector<std::optional<ClientFile>> files(5);
  ASSERT_TRUE(parse_hashes("1 missing\n0 file " + hash +
                               " 12 1700000000 2023-11-14 22:13:20.123456789 +0000\n2 unreadable\n4 odd\n",
                           files));
  EXPECT_EQ(files[0]->sha256, hash);
  EXPECT_EQ(files[0]->size, 12);
  EXPECT_EQ(files[0]->mtime, 1'700'000'000'123'456);
  EXPECT_TRUE(files[0]->exact);
  EXPECT_EQ(files[1]->kind, ClientFile::Kind::missing);
  EXPECT_EQ(files[2]->kind, ClientFile::Kind::unreadable);
  EXPECT_FALSE(files[3].has_value());
  EXPECT_EQ(files[4]->size, -1);
  // A busybox without fractions of seconds.
  ASSERT_TRUE(parse_hashes("0 file " + hash + " 12 1700000000 2023-11-14 22:13:20\n", files));
  EXPECT_FALSE(files[0]->exact);
  for (const auto& bad :
       {std::string{"x"}, std::string{"9 missing"}, std::string{"0 what"}, std::string{"0 file abc 1 2 x"},
        "0 file " + hash + " x 1 y", std::string{"Welcome to web!\n0 missing\n"}}) {
    EXPECT_FALSE(parse_hashes(bad, files)) << bad;
  }
}

ClientFile on_client(std::int64_t size, std::int64_t mtime, char hash) {
  ClientFile file;
  file.kind = ClientFile::Kind::file;
  file.size = size;
  file.mtime = mtime;
  file.exact = true;
  file.sha256 = std::string(64, hash);
  return file;
}

TEST(Comparison, TellsWhatChangedFromWhatIsWrong) {
  SampledFile file{"f", {}, 10, 1'700'000'000'123'456, false};
  const std::string hash(64, 'a');
  ClientFile gone;
  ClientFile seconds = on_client(10, 1'700'000'000'000'000, 'b');
  seconds.exact = false;
  struct Row {
    ClientFile client;
    Comparison expected;
    const char* what;
  };
  for (const auto& row : {
           Row{on_client(10, file.mtime, 'a'), Comparison::same, "same"},
           Row{on_client(10, file.mtime + 5'000'000, 'a'), Comparison::same, "touched"},
           Row{on_client(10, file.mtime, 'b'), Comparison::different, "other content"},
           Row{on_client(10, file.mtime + 1, 'b'), Comparison::different, "borg's rounding"},
           Row{on_client(10, file.mtime + 3, 'b'), Comparison::changed, "other time"},
           Row{on_client(11, file.mtime, 'b'), Comparison::changed, "other size"},
           Row{seconds, Comparison::different, "time in seconds"},
           Row{gone, Comparison::missing, "gone"},
       }) {
    EXPECT_EQ(compare(file, hash, row.client), row.expected) << row.what;
  }
  file.size = -1;
  EXPECT_EQ(compare(file, hash, on_client(99, file.mtime, 'b')), Comparison::different);
}

JobSpec spec() {
  JobSpec made;
  made.kind = JobKind::verify;
  made.archive = "etc-web-1";
  made.client = "web";
  return made;
}

// Three files; each letter says how one compares: s same, c changed, d different, m missing, u unreadable.
Verification verification(std::string_view how, bool canary = false) {
  Verification made;
  for (std::size_t i = 0; i < how.size(); ++i) {
    made.files.push_back({"f" + std::to_string(i), {}, 10, 1'700'000'000'000'000, canary});
    made.sha256.emplace_back(64, 'a');
    ClientFile file = on_client(how[i] == 'c' ? 11 : 10, 1'700'000'000'000'000, how[i] == 's' ? 'a' : 'b');
    if (how[i] == 'm') file = ClientFile{};
    if (how[i] == 'u') file.kind = ClientFile::Kind::unreadable;
    made.client.emplace_back(file);
  }
  made.bytes = 30;
  made.microseconds = 5;
  return made;
}

struct Verdict {
  const char* how;
  bool canary;
  JobState state;
  const char* code;
  const char* proven;
  const char* said;
};

TEST(Verdict, IsProvenOnlyByWhatIsTheSame) {
  for (const auto& row : {
           Verdict{"sss", false, JobState::successful, "ok", "compared", "3 the same as on web, 0 changed"},
           Verdict{"scm", false, JobState::successful, "ok", "compared", "1 the same as on web, 2 changed"},
           Verdict{"ccm", false, JobState::warning, "nothing-compared", "", "all of them have changed"},
           Verdict{"sds", false, JobState::failed, "different", "",
                   "/f1: what archive etc-web-1 holds is not"},
           Verdict{"ddd", false, JobState::failed, "different", "", "/f0 and 2 more: what archive"},
           Verdict{"scs", true, JobState::warning, "canary-changed", "compared",
                   "canary /f1 was changed on web"},
           Verdict{"sms", true, JobState::warning, "canary-changed", "compared", "canary /f1 is gone on web"},
           Verdict{"sus", false, JobState::warning, "unreadable", "compared", "/f1 could not be read on web"},
       }) {
    const JobResult result = judge_verification(spec(), verification(row.how, row.canary));
    EXPECT_EQ(result.state, row.state) << row.how;
    EXPECT_EQ(result.code.word(), row.code) << row.how;
    EXPECT_EQ(result.facts["proven"].asString(), row.proven) << row.how;
    EXPECT_TRUE(contains(result.message, row.said)) << result.message;
  }
}

TEST(Verdict, WithoutAComparisonProvesNothing) {
  Verification away = verification("sss");
  away.client.clear();
  away.not_compared = "root@web:22 refused the connection";
  const JobResult result = judge_verification(spec(), away);
  EXPECT_EQ(result.state, JobState::warning);
  EXPECT_EQ(result.code.word(), "not-compared");
  EXPECT_EQ(result.facts["proven"].asString(), "");
  EXPECT_TRUE(contains(result.message, "the comparison with web was not made: root@web:22 refused"));
  EXPECT_EQ(judge_verification(spec(), Verification{}).code.word(), "nothing-compared");
}

TEST(Verdict, OfACanaryThatIsNotInTheArchiveIsAFailure) {
  Verification made = verification("sss");
  made.missing_canaries = {"/etc/canary", "/etc/other"};
  JobResult result = judge_verification(spec(), made);
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_EQ(result.code.word(), "canary-missing");
  EXPECT_EQ(result.message, "canary /etc/canary and 1 more is not in archive etc-web-1");
  made.missing_canaries.clear();
  made.odd_canaries = {"/etc"};
  EXPECT_TRUE(contains(judge_verification(spec(), made).message, "/etc is not a regular file"));
}

TEST(Verdict, OfAStreamIsThatItIsReadable) {
  const JobResult result = judge_reading(spec(), verification("s"));
  EXPECT_EQ(result.state, JobState::successful);
  EXPECT_EQ(result.facts["proven"].asString(), "readable");
  EXPECT_TRUE(contains(result.message, "readable, which is all that can be proven"));
  EXPECT_EQ(judge_reading(spec(), Verification{}).facts["proven"].asString(), "");
}

}  // namespace
}  // namespace cyborg
