// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quote.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace cyborg {
namespace {

// A real shell's interpretation of a command line: the words passed to printf, each terminated by a NUL.
std::string run_shell(const std::string& words) {
  const std::string script = "printf '%s\\0' " + words;
  int pipe_fds[2];
  EXPECT_EQ(pipe(pipe_fds), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(pipe_fds[1], STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  close(pipe_fds[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t n; (n = read(pipe_fds[0], buffer, sizeof buffer)) > 0;) {
    output.append(buffer, static_cast<std::size_t>(n));
  }
  close(pipe_fds[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  return output;
}

std::string with_nul(const std::string& word) {
  return word + std::string(1, '\0');
}

TEST(Quote, AnyWordReachesARealShellUnchanged) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::vector<std::string> words{
      "",         "plain", "two words", "'",     "''",          "it's", "\"",       "$HOME",
      "$(id)",    "`id`",  "\\",        "\\\\'", "new\nline",   "\n",   "\ttab",    "\xff\xfe not UTF-8",
      "\xc3\xa9", "-n",    "~",         "*",     "a;b&c|d>e<f", "#",    "!history", "{a,b}",
      "=",        all};
  for (const auto& word : words) EXPECT_EQ(run_shell(quote(word)), with_nul(word)) << quote(word);
}

TEST(Quote, ACommandLineKeepsItsWordsApart) {
  const std::vector<std::string> words{"a b", "", "c'd", "$e"};
  std::string expected;
  for (const auto& word : words) expected += with_nul(word);
  EXPECT_EQ(run_shell(quote(words)), expected);
}

TEST(Quote, AQuotedWordCanBeQuotedAgainForAShellInAShell) {
  const std::string word = "it's $HOME \\ \"x\"";
  const std::string inner = "sh -c " + quote("printf '%s' " + quote(word));
  EXPECT_EQ(run_shell("\"$(" + inner + ")\""), with_nul(word));
}

TEST(Quote, ANulByteIsRefused) {
  EXPECT_THROW((void)quote(std::string_view{"a\0b", 3}), std::invalid_argument);
}

}  // namespace
}  // namespace cyborg
