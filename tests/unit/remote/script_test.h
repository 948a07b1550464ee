// SPDX-License-Identifier: GPL-3.0-or-later
// The shells of clients: each test of a script runs under all of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "core/quote.h"

namespace cyborg::test {

// /bin/sh on Debian, on small systems, and elsewhere.
inline const auto kShells = testing::Values("dash", "busybox", "bash");
inline std::string shell_name(const testing::TestParamInfo<const char*>& shell) {
  return shell.param;
}

// In a private directory, where `sh` is the shell; first in PATH, so that it is also the one that the script
// starts.
class ScriptTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "script-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    const std::string link = "ln -s \"$(command -v " + std::string{GetParam()} + ")\" " + shell();
    ASSERT_EQ(std::system(link.c_str()), 0) << GetParam() << " is not installed: scripts/deps unit";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string shell() const { return quote((directory_ / "sh").string()); }
  std::string file(const char* name) const { return quote((directory_ / name).string()); }

  // Runs a command line in this machine's shell, with PATH and HOME as above; returns its exit status.
  int run_line(const std::string& line) const {
    const std::string here = quote(directory_.string());
    const int status = std::system(("PATH=" + here + ":$PATH HOME=" + here + "; " + line).c_str());
    return WEXITSTATUS(status);
  }
  // Runs a script; its output is in the files "out" and "err".
  int run(const std::string& script, const std::string& environment = {},
          const std::string& input = {}) const {
    std::ofstream{directory_ / "in", std::ios::binary} << input;
    return run_line(environment + " " + shell() + " -c " + quote(script) + " <" + file("in") + " >" +
                    file("out") + " 2>" + file("err"));
  }

  std::string read(const std::filesystem::path& name) const {
    std::ifstream stream{directory_ / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  void write(const char* name, const std::string& text) const {
    std::ofstream{directory_ / name, std::ios::binary} << text;
  }
  void make_tool(const char* name, const std::string& script = {}) const {
    write(name, "#!/bin/sh\n" + script);
    std::filesystem::permissions(directory_ / name, std::filesystem::perms::owner_all);
  }

  std::filesystem::path directory_;
};

}  // namespace cyborg::test
