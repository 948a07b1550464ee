// SPDX-License-Identifier: GPL-3.0-or-later
// The output of jobs: complete and in order, whatever is interrupted.
#include <filesystem>

#include "fixture.h"

namespace cyborg::store::test {
namespace {

class Output : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_objects();
    job_ = add_run().jobs[0].id;
    path_ =
        (std::filesystem::temp_directory_path() / ("cyborg-output-" + database_ + std::to_string(getpid())))
            .string();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void write(const std::string& text) { std::ofstream{path_, std::ios::app | std::ios::binary} << text; }
  void write_lines(int from, int to) {
    std::ofstream file{path_, std::ios::app};
    for (int i = from; i < to; ++i) {
      file << i % 8 << ' ' << 1'000'000 + i << " line " << i << " of some length, as borg prints them\n";
    }
  }
  std::int64_t append(bool complete) {
    return good(ask<std::int64_t>(&Store::append_output, job_, path_, complete));
  }
  OutputPage read(std::int64_t first, std::uint32_t limit) {
    return good(ask<OutputPage>(&Store::read_output, job_, first, limit));
  }
  void expect_lines(std::int64_t first, const OutputPage& page) {
    std::int64_t i = first;
    for (const auto& line : page.lines) {
      ASSERT_EQ(line.text, "line " + std::to_string(i) + " of some length, as borg prints them");
      ASSERT_EQ(line.time, 1'000'000 + i);
      ASSERT_EQ(line.priority, i % 8);
      ++i;
    }
  }

  std::int64_t job_ = 0;
  std::string path_;
};

TEST_F(Output, is_read_as_it_was_written) {
  write("6 5000000 first\n3 5000001 \n4 5000002  spaces \xc3\xa4 \n");
  EXPECT_EQ(append(true), 3);
  const auto page = read(0, 10);
  ASSERT_EQ(page.lines.size(), 3U);
  EXPECT_EQ(page.lines[0].text, "first");
  EXPECT_EQ(page.lines[0].time, 5'000'000);
  EXPECT_EQ(page.lines[1].text, "");
  EXPECT_EQ(page.lines[1].priority, 3);
  EXPECT_EQ(page.lines[2].text, " spaces \xc3\xa4 ");
  EXPECT_TRUE(page.complete);
  EXPECT_EQ(good(ask<JobRecord>(&Store::get_job, job_)).output_lines, 3);
}

TEST_F(Output, of_many_parts_is_read_from_any_line) {
  constexpr int kLines = 100'000;
  write_lines(0, kLines);
  EXPECT_EQ(append(true), kLines);
  EXPECT_GT(std::stoi(sql("select count(*) from job_output")), 16);
  std::int64_t next = 0;
  while (next < kLines) {
    const auto page = read(next, 9'999);
    ASSERT_FALSE(page.lines.empty());
    expect_lines(next, page);
    next += static_cast<std::int64_t>(page.lines.size());
    EXPECT_EQ(page.complete, next == kLines);
  }
  for (const std::int64_t first : {1L, 4'567L, 77'777L, kLines - 1L}) {
    const auto page = read(first, 3);
    expect_lines(first, page);
    EXPECT_EQ(page.lines.size(), first == kLines - 1 ? 1U : 3U);
  }
  // At the boundaries of all parts.
  const std::int64_t seams = std::stoll(sql("select count(*) from job_output"));
  for (std::int64_t part = 0; part < seams; ++part) {
    const auto first =
        std::stoll(sql("select first_line from job_output where part = " + std::to_string(part)));
    for (const std::int64_t line : {first - 1, first}) {
      if (line < 0) continue;
      const auto page = read(line, 2);
      ASSERT_EQ(page.lines.size(), 2U);
      expect_lines(line, page);
    }
  }
  EXPECT_TRUE(read(kLines, 10).complete);
}

TEST_F(Output, grows_and_is_taken_in_once) {
  write_lines(0, 20'000);
  EXPECT_EQ(append(false), 20'000);
  EXPECT_EQ(append(false), 20'000);
  EXPECT_FALSE(read(20'000, 10).complete);
  write_lines(20'000, 20'010);
  write("6 1 torn");
  EXPECT_EQ(append(false), 20'010);
  EXPECT_EQ(append(true), 20'011);
  EXPECT_EQ(append(true), 20'011);
  const auto page = read(19'999, 100);
  ASSERT_EQ(page.lines.size(), 12U);
  EXPECT_EQ(page.lines.back().text, "torn");
  EXPECT_TRUE(page.complete);
  write("6 1 too late\n");
  EXPECT_EQ(append(true), 20'011);
}

TEST_F(Output, line_longer_than_a_part) {
  const std::string text(700'000, 'x');
  write("6 1 before\n6 2 " + text + "\n6 3 after\n");
  EXPECT_EQ(append(true), 3);
  EXPECT_EQ(read(1, 1).lines.at(0).text, text);
  EXPECT_EQ(read(2, 1).lines.at(0).text, "after");
  const auto all = read(0, 10);
  ASSERT_EQ(all.lines.size(), 3U);
  EXPECT_EQ(all.lines[1].text, text);
}

TEST_F(Output, torn_lines_are_kept_as_they_stand) {
  write("\n7\nabc\n6 12\n6 12x y\n");
  EXPECT_EQ(append(true), 5);
  const auto page = read(0, 10);
  ASSERT_EQ(page.lines.size(), 5U);
  EXPECT_EQ(page.lines[1].text, "7");
  EXPECT_EQ(page.lines[1].priority, 6);
  EXPECT_EQ(page.lines[4].text, "6 12x y");
  EXPECT_EQ(page.lines[4].time, 0);
}

TEST_F(Output, missing_file_is_empty_and_missing_job_an_error) {
  EXPECT_EQ(append(true), 0);
  EXPECT_TRUE(read(0, 10).complete);
  EXPECT_EQ(ask<std::int64_t>(&Store::append_output, std::int64_t{4711}, path_, true).error().code,
            ErrorCode::no_such_job);
  EXPECT_EQ(ask<OutputPage>(&Store::read_output, std::int64_t{4711}, std::int64_t{0}, 10U).error().code,
            ErrorCode::no_such_job);
  const auto directory =
      ask<std::int64_t>(&Store::append_output, add_run("00000000-0000-4000-8000-000000000009").jobs[0].id,
                        std::string{"/"}, true);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().message, "cannot read /: Is a directory");
}

TEST_F(Output, goes_on_where_a_lost_server_stopped_it) {
  constexpr int kLines = 400'000;
  write_lines(0, kLines);
  std::optional<Expected<std::int64_t>> answer;
  store_->append_output(job_, path_, true, [&](Expected<std::int64_t> got) { answer = std::move(got); });
  while (sql("select count(*) from job_output") == "0") continue;
  Cluster::shared().crash();
  Cluster::shared().start();
  // The store notices in its own time; until it has, and is connected again, it may answer with its last
  // state.
  ASSERT_TRUE(wait_available(false));
  ASSERT_TRUE(wait_available(true));
  ASSERT_TRUE(loop_.run_until([&] { return answer.has_value(); }));
  // It may have been repeated automatically, or have failed: either way, nothing is lost or duplicated.
  if (!*answer) {
    EXPECT_EQ(answer->error().code, ErrorCode::unavailable);
  }
  EXPECT_EQ(append(true), kLines);
  EXPECT_EQ(sql("select sum(octet_length(body)) from job_output"),
            std::to_string(std::filesystem::file_size(path_)));
  expect_lines(kLines - 5'000, read(kLines - 5'000, 10'000));
}

}  // namespace
}  // namespace cyborg::store::test
