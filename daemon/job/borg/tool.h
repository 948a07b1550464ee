// SPDX-License-Identifier: GPL-3.0-or-later
// Other programs than borg, run on this machine to their end, or until the job is canceled.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "borg/command.h"
#include "job/job.h"

namespace cyborg {

struct Tool {
  std::vector<std::string> command;
  Environment environment = {};
  std::string input = {};  // a file for its standard input
};

struct ToolEnd {
  int status = -1;
  std::string output;             // what it printed, up to some MiB
  std::vector<std::string> said;  // the first lines of standard error
};

// Throws Failure if the job is canceled, after ending the tool.
ToolEnd run_tool(JobContext& job, const Tool& tool);

// A private directory of the job, removed with this object, or with the job's unit, which has a private
// /var/tmp.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string make(const std::string& name) const;  // creates a directory in it

 private:
  std::string path_;
};

}  // namespace cyborg
