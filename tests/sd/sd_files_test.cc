// SPDX-License-Identifier: GPL-3.0-or-later
// Files of jobs, credentials, and reading and writing of files.
#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/utf8.h"
#include "loop_runner.h"
#include "sd/credentials.h"
#include "sd/files.h"
#include "sd/job_files.h"

namespace cyborg::sd {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = fs::temp_directory_path() / "cyborg-sd.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void append(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::app} << text;
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

// --- files of jobs

class JobFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    make(7);
    files.on_output = [this](std::int64_t job) { seen_output.push_back(job); };
    files.on_progress = [this](std::int64_t job, const Progress& progress) {
      EXPECT_EQ(job, 7);
      seen_progress.push_back(progress);
    };
  }
  void make(std::int64_t job) { fs::create_directories(root / std::to_string(job)); }
  std::string file(const std::string& name, std::int64_t job = 7) const {
    return root / (std::to_string(job) + "/" + name);
  }
  void put_progress(const std::string& text) {
    append(file("progress.json.new"), text);
    fs::rename(file("progress.json.new"), file("progress.json"));
  }
  std::vector<std::string> texts(std::uint64_t first, std::size_t limit) {
    std::vector<std::string> result;
    const auto lines = files.read_output(7, first, limit);
    EXPECT_TRUE(lines) << lines.error().message;
    for (const auto& line : lines.value_or(std::vector<OutputLine>{})) result.push_back(line.text);
    return result;
  }

  TemporaryDirectory root;
  Loop loop;
  StateJobFiles files{loop, root.path()};
  std::vector<std::int64_t> seen_output;
  std::vector<Progress> seen_progress;
};

using Texts = std::vector<std::string>;

TEST_F(JobFilesTest, TellsOfOutputAndProgress) {
  files.watch(7);
  put_progress(R"({"files":1,"bytes":2,"path":"/a"})");
  ASSERT_TRUE(run_until(loop, [&] { return seen_progress.size() == 1; }));
  put_progress(R"({"files":3,"bytes":18446744073709551615,"path":"/b"})");
  ASSERT_TRUE(run_until(loop, [&] { return seen_progress.size() == 2; }));
  EXPECT_EQ(seen_progress[1].files, 3U);
  EXPECT_EQ(seen_progress[1].bytes, 18446744073709551615U);
  EXPECT_EQ(seen_progress[1].path, "/b");
  EXPECT_TRUE(seen_output.empty());
  append(file("output"), "6 1 hello\n");
  ASSERT_TRUE(run_until(loop, [&] { return !seen_output.empty(); }));
}

TEST_F(JobFilesTest, TellsOfWhatWasThereBefore) {
  append(file("output"), "6 1 hello\n");
  files.watch(7);
  EXPECT_TRUE(run_until(loop, [&] { return !seen_output.empty(); }));
}

TEST_F(JobFilesTest, WaitsForADirectoryThatIsYetToCome) {
  files.watch(8);
  loop.after("make", 10ms, [&] {
    make(8);
    append(file("output", 8), "6 1 hello\n");
  });
  EXPECT_TRUE(run_until(loop, [&] { return seen_output == std::vector<std::int64_t>{8}; }));
}

TEST_F(JobFilesTest, NoLineIsMissedAndTheLoopIsNotFlooded) {
  files.watch(7);
  std::size_t read = 0;
  int calls = 0;
  files.on_output = [&](std::int64_t) {
    ++calls;
    for (;;) {
      const auto lines = files.read_output(7, read, 10'000);
      ASSERT_TRUE(lines);
      if (lines->empty()) break;
      for (const auto& line : *lines) ASSERT_EQ(line.text, "line " + std::to_string(read++));
    }
  };
  const auto start = std::chrono::steady_clock::now();
  std::thread job{[&] {
    std::ofstream output{file("output")};
    for (int i = 0; i < 200'000; ++i) output << "6 1 line " << i << std::endl;  // a write each
  }};
  EXPECT_TRUE(run_until(loop, [&] { return read == 200'000; }));
  job.join();
  const auto tenths = (std::chrono::steady_clock::now() - start) / 100ms;
  EXPECT_LE(calls, tenths + 2);
}

TEST_F(JobFilesTest, UnwatchEndsTheCallbacksAlsoFromWithin) {
  files.on_progress = [&](std::int64_t job, const Progress& progress) {
    seen_progress.push_back(progress);
    files.unwatch(job);
  };
  put_progress("{}");
  append(file("output"), "6 1 hello\n");
  files.watch(7);
  ASSERT_TRUE(run_until(loop, [&] { return !seen_progress.empty(); }));
  append(file("output"), "6 1 hello\n");
  bool later = false;
  loop.after("later", 200ms, [&] { later = true; });
  ASSERT_TRUE(run_until(loop, [&] { return later; }));
  EXPECT_TRUE(seen_output.empty());
  EXPECT_EQ(seen_progress.size(), 1U);
}

TEST_F(JobFilesTest, PagesThroughOutput) {
  append(file("output"), "3 1700000000000001 a  b \n6 5 \n7 0 c\n");
  const auto lines = files.read_output(7, 0, 10);
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 3U);
  EXPECT_EQ((*lines)[0].priority, 3);
  EXPECT_EQ((*lines)[0].time, 1700000000000001);
  EXPECT_EQ((*lines)[0].text, "a  b ");
  EXPECT_EQ((*lines)[1].text, "");
  EXPECT_EQ(texts(1, 1), Texts{""});
  EXPECT_EQ(texts(2, 5), Texts{"c"});
  EXPECT_EQ(texts(3, 5), Texts{});
  EXPECT_EQ(texts(100, 5), Texts{});
  EXPECT_EQ(texts(0, 1), Texts{"a  b "});
}

TEST_F(JobFilesTest, AnUnfinishedLineCountsOnlyAfterTheEnd) {
  append(file("output"), "6 1 a\n6 1 half");
  EXPECT_EQ(texts(0, 9), Texts{"a"});
  EXPECT_EQ(texts(1, 9), Texts{});
  append(file("output"), " and half\n6 1 ha");
  EXPECT_EQ(texts(1, 9), Texts{"half and half"});
  append(file("result.json"), "{}");
  EXPECT_EQ(texts(2, 9), Texts{"ha"});
  EXPECT_EQ(texts(3, 9), Texts{});
}

TEST_F(JobFilesTest, AfterAPowerLossReadResultSaysThatItIsOver) {
  append(file("output"), "6 1 ha");
  EXPECT_EQ(texts(0, 9), Texts{});
  ASSERT_TRUE(files.read_result(7));
  EXPECT_EQ(texts(0, 9), Texts{"ha"});
}

TEST_F(JobFilesTest, ForeignTextIsMadeFit) {
  append(file("output"), "no header\n9 1 bad priority\n6 -1 bad time\n6 1 x\xff\xc3(" + std::string(1, '\0') +
                             "\xe2\x82\xac\xed\xa0\x80\n");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(texts(0, 9), (Texts{"no header", "9 1 bad priority", "6 -1 bad time",
                                "x" + bad + bad + "(" + bad + "\xe2\x82\xac" + bad + bad + bad}));
}

TEST_F(JobFilesTest, EndlessLinesAreSplitAndAnswersBounded) {
  append(file("output"), "6 1 " + std::string(3 << 20, 'x') + "\n6 1 after\n");
  const Texts lines = texts(0, 99);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0].size() + 4, 1U << 20);
  EXPECT_EQ(lines[4], "after");
  EXPECT_EQ(texts(4, 1), Texts{"after"});
  for (int i = 0; i < 20; ++i) append(file("output"), "6 1 " + std::string(1 << 19, 'y') + "\n");
  EXPECT_LT(texts(5, 99).size(), 20U);
}

TEST_F(JobFilesTest, AMillionLinesCostNoMoreThanOneScan) {
  {
    std::ofstream output{file("output")};
    for (int i = 0; i < 1'000'000; ++i) output << "6 1700000000000000 line " << i << '\n';
  }
  std::uint64_t next = 0;
  while (next < 1'000'000) {
    const auto lines = files.read_output(7, next, 100);
    ASSERT_TRUE(lines);
    ASSERT_EQ(lines->size(), 100U);
    next += 100;
  }
  // Without an index, this loop would scan the file 200 times from the beginning.
  for (std::uint64_t line = 999'999; line > 5000; line -= 5000)
    ASSERT_EQ(texts(line, 1), Texts{"line " + std::to_string(line)});
}

std::string result_text(const std::string& state) {
  return R"({"state":")" + state +
         R"(","code":"ok","message":"m","warnings":[],"borg_status":0,"archive":{},"facts":{}})";
}

TEST_F(JobFilesTest, ReadsTheResultThatWasLeftOrNone) {
  auto result = files.read_result(7);
  ASSERT_TRUE(result);
  EXPECT_FALSE(*result);
  append(file("result.json"), result_text("warning"));
  result = files.read_result(7);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_TRUE(*result);
  EXPECT_EQ((*result)->state, JobState::warning);
  const auto gone = files.read_result(12345);
  ASSERT_TRUE(gone) << "a directory that is gone is an end without a result";
  EXPECT_FALSE(*gone);
}

TEST_F(JobFilesTest, AResultHoldsOnlyTextThatTheBusTakes) {
  std::string text = result_text("failed");
  text.replace(text.find(R"("m")"), 3, "\"a\xff\\u0000b\"");
  append(file("result.json"), text);
  const auto left = files.read_result(7);
  ASSERT_TRUE(left) << left.error().message;
  const std::string& message = (*left)->message;
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_TRUE(message.starts_with("a" + bad + bad + "b")) << message;
  EXPECT_EQ(to_clean_utf8(message), message);
}

TEST_F(JobFilesTest, RefusesResultsThatCannotBe) {
  for (const std::string& text :
       {std::string{}, std::string{"{"}, std::string{"[]"}, std::string{"{}"}, result_text("running"),
        result_text("skipped"), std::string(5 << 20, ' '), std::string(100'000, '[')}) {
    fs::remove(file("result.json"));
    append(file("result.json"), text);
    EXPECT_FALSE(files.read_result(7)) << text.substr(0, 60);
  }
}

TEST_F(JobFilesTest, FollowsNoLinkAndWaitsForNoFifo) {
  append(root / "secret", result_text("successful"));
  fs::create_symlink(root / "secret", file("result.json"));
  EXPECT_FALSE(files.read_result(7));
  fs::remove(file("result.json"));
  ASSERT_EQ(mkfifo(file("result.json").c_str(), 0600), 0);
  EXPECT_FALSE(files.read_result(7));
  fs::remove(file("result.json"));
  fs::create_hard_link(root / "secret", file("result.json"));
  EXPECT_FALSE(files.read_result(7));
  fs::create_symlink(root / "secret", file("output"));
  EXPECT_FALSE(files.read_output(7, 0, 1));
  fs::create_directory_symlink(root / "7", root / "9");
  EXPECT_FALSE(files.read_result(9));
}

// Those of a job that the database lost, whose number another job gets.
TEST_F(JobFilesTest, SetsDirectoriesAsideWithAllThatIsInThem) {
  append(file("output"), "6 1 of the first\n");
  EXPECT_EQ(files.set_aside(7), root / "7.lost");
  EXPECT_EQ(files.set_aside(7), "");
  EXPECT_TRUE(files.list().empty());
  make(7);
  EXPECT_EQ(files.read_output(7, 0, 10)->size(), 0U);
  EXPECT_EQ(files.set_aside(7), root / "7.lost.2");
  EXPECT_TRUE(fs::exists(root / "7.lost/output"));
  EXPECT_TRUE(fs::exists(root / "7.lost.2"));
}

TEST_F(JobFilesTest, ListsAndRemoves) {
  make(10);
  make(9);
  fs::create_directory(root / "007");
  fs::create_directory(root / "x");
  append(root / "11", "a file");
  EXPECT_EQ(files.list(), (std::vector<std::int64_t>{7, 9, 10}));
  append(root / "keep", "kept");
  fs::create_directory(root / "kept");
  append(root / "kept/file", "kept");
  fs::create_directories(file("a/b"));
  append(file("a/b/c"), "x");
  fs::create_symlink(root / "keep", file("a/link"));
  fs::create_directory_symlink(root / "kept", file("a/directory"));
  files.remove(7);
  files.remove(12345);
  EXPECT_EQ(files.list(), (std::vector<std::int64_t>{9, 10}));
  EXPECT_TRUE(fs::exists(root / "keep"));
  EXPECT_TRUE(fs::exists(root / "kept/file"));
  EXPECT_EQ(files.output_path(9), root / "9/output");
}

// --- credentials and plain files

TEST(Credentials, AreForRootAloneAndGoTogether) {
  const TemporaryDirectory root;
  Credentials credentials{root / "run/credentials"};
  ASSERT_TRUE(credentials.write(5, {{"spec", "{}"}, {"passphrase", std::string("a\0b", 3)}}));
  ASSERT_TRUE(credentials.write(6, {}));
  EXPECT_EQ(mode_of(root / "run/credentials"), 0700U);
  EXPECT_EQ(mode_of(root / "run/credentials/5"), 0700U);
  EXPECT_EQ(mode_of(root / "run/credentials/5/passphrase"), 0600U);
  EXPECT_EQ(fs::file_size(root / "run/credentials/5/passphrase"), 3U);
  credentials.remove_others([](std::int64_t job) { return job == 5; });
  EXPECT_EQ(list_directory(root / "run/credentials"), std::vector<std::string>{"5"});
  credentials.remove(5);
  EXPECT_TRUE(list_directory(root / "run/credentials").empty());
}

TEST(Credentials, AFailureLeavesNothing) {
  const TemporaryDirectory root;
  Credentials credentials{root / "credentials"};
  const auto written = credentials.write(5, {{"a", "1"}, {"no/such", "2"}});
  ASSERT_FALSE(written);
  EXPECT_TRUE(list_directory(root / "credentials").empty());
}

TEST(Files, WritingReplacesAtOnceAndSetsTheMode) {
  const TemporaryDirectory root;
  const mode_t before = umask(0077);
  ASSERT_TRUE(write_file(root / "file", "one", 0644));
  umask(before);
  ASSERT_TRUE(write_file(root / "file", "two", 0644));
  EXPECT_EQ(mode_of(root / "file"), 0644U);
  EXPECT_EQ(*read_file(AT_FDCWD, root / "file", 100), "two");
  EXPECT_EQ(list_directory(root.path()), std::vector<std::string>{"file"});
  EXPECT_FALSE(read_file(AT_FDCWD, root / "file", 2)) << "larger than allowed";
}

}  // namespace
}  // namespace cyborg::sd
