// SPDX-License-Identifier: GPL-3.0-or-later
// The files that a job leaves for cyborgd; see core/job_spec.h.
#pragma once

#include <chrono>
#include <string>

#include "borg/log.h"
#include "core/job_spec.h"

namespace cyborg {

// Writes the whole content or nothing: write, fsync, rename, fsync of the directory. Throws Failure.
void write_durably(const std::string& directory, const std::string& name, const std::string& content);

// Reserves space for the result at the beginning, so that a disk that gets full later does not lose it.
// Throws Failure.
void reserve_result(const std::string& directory);
void write_result(const std::string& directory, const JobResult& result);

// Reports borg's progress to cyborgd, at most twice a second.
class ProgressFile {
 public:
  explicit ProgressFile(std::string directory) : directory_(std::move(directory)) {}
  void set(const BorgProgress& progress);
  void tick();

 private:
  std::string directory_;
  BorgProgress progress_;
  bool changed_ = false;
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace cyborg
