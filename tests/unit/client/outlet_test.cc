// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/outlet.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/failure.h"

namespace cyborg::client {
namespace {

class OutletTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "outlet-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path(const char* name) const { return directory_ + "/" + name; }

  std::string directory_;
};

// The message of the Failure that this call must throw.
template <typename Call>
std::string failure(Call call) {
  try {
    call();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status, kFailed);
    return failure.what();
  }
  return "no failure";
}

TEST_F(OutletTest, ACommandGetsTheTextAndAnswersForIt) {
  // More than a pipe holds, to a command that reads all of it and to one that reads nothing.
  const std::string text(1'000'000, 'x');
  hand_over({"sh", "-c", "cat >\"$0\"", path("got")}, text);
  EXPECT_EQ(read_file_if_any(path("got")), text);
  hand_over({"true"}, text);
  EXPECT_EQ(failure([&] { hand_over({"sh", "-c", "exit 75"}, text); }), "sh ended with exit status 75");
  EXPECT_EQ(failure([&] { hand_over({"sh", "-c", "kill -9 $$"}, text); }), "sh was killed by signal 9");
  EXPECT_EQ(failure([&] { hand_over({"no-such-command"}, text); }),
            "no-such-command: No such file or directory");
}

TEST_F(OutletTest, AFileIsReplacedAsAWhole) {
  EXPECT_EQ(read_file_if_any(path("state")), "");
  replace_file(path("state"), "one", 0600);
  replace_file(path("state"), "two", 0644);
  EXPECT_EQ(read_file_if_any(path("state")), "two");
  struct stat status{};
  ASSERT_EQ(stat(path("state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  EXPECT_EQ(failure([&] { replace_file(path("none/state"), "x", 0600); }),
            path("none/state") + ": No such file or directory");
  std::filesystem::create_directory(path("folder"));
  EXPECT_NE(failure([&] { replace_file(path("folder"), "x", 0600); }), "no failure");
  std::size_t left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) ++left;
  EXPECT_EQ(left, 2U) << "nothing of a failure is left";
}

}  // namespace
}  // namespace cyborg::client
