// SPDX-License-Identifier: GPL-3.0-or-later
// The port to the state directories of jobs, /var/lib/cyborg/jobs/N; core/job_spec.h describes their files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manager/ports.h"
#include "sd/loop.h"
#include "sd/output_file.h"
#include "sd/unique.h"

namespace cyborg::sd {

class StateJobFiles : public JobFiles {
 public:
  StateJobFiles(Loop& loop, std::string directory);
  ~StateJobFiles() override;

  void watch(std::int64_t job) override;
  void unwatch(std::int64_t job) override;
  Expected<std::optional<JobResult>> read_result(std::int64_t job) override;
  void clear_result(std::int64_t job) override;
  std::vector<std::int64_t> list() override;
  std::string full_directory() const override;
  std::string output_path(std::int64_t job) override;
  void remove(std::int64_t job) override;
  std::string set_aside(std::int64_t job) override;
  Expected<std::vector<OutputLine>> read_output(std::int64_t job, std::uint64_t first,
                                                std::size_t limit) override;

 private:
  struct Watch;
  struct Output {
    OutputFile file;
    bool ended = false;  // no more output will be written
  };

  Expected<Fd> open(std::int64_t job) const;  // unset if the directory does not exist
  void tick(std::int64_t job);
  bool look(Watch& watch);
  bool listen(Watch& watch);
  static int on_inotify(sd_event_source* source, const struct inotify_event* event, void* watch);
  std::string timer_key(std::int64_t job) const;

  Loop& loop_;
  std::string directory_;
  std::map<std::int64_t, std::unique_ptr<Watch>> watches_;
  std::map<std::int64_t, Output> outputs_;
};

}  // namespace cyborg::sd
