// SPDX-License-Identifier: GPL-3.0-or-later
// Waits for jobs, and shows their progress meanwhile. It subscribes to signals when it is constructed, so
// construct it before the call that creates the jobs: then no signal is missed.
#pragma once

#include <json/value.h>
#include <systemd/sd-event.h>

#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/context.h"
#include "client/format/progress.h"

namespace cyborg::client {

enum class Watch { none, wait, follow };  // neither option, --wait, --follow

class JobWatch {
 public:
  JobWatch(Context& context, Watch mode);
  ~JobWatch();
  JobWatch(const JobWatch&) = delete;
  JobWatch& operator=(const JobWatch&) = delete;

  // Waits until all jobs have ended; returns the exit status for the worst result. Survives a restart of
  // cyborgd.
  int wait(const std::vector<std::uint64_t>& ids);

  // The records from GetJob, after wait().
  std::vector<Json::Value> records() const;

 private:
  using Line = sdbus::Struct<std::uint64_t, std::uint8_t, std::string>;
  using Lines = std::vector<Line>;

  struct Job {
    Json::Value record{Json::objectValue};
    bool known = false;     // the record is from GetJob of the cyborgd that runs now
    bool followed = false;  // its lines come as signals
    bool ended = false;
    bool log_ended = true;  // all its output was shown, or is not asked for
    std::uint64_t next_line = 0;
    int quiet_ticks = 0;  // since it ended
    RateMeter rate;
  };

  void on_signal(sdbus::Message& message);
  void on_owner_changed(sdbus::Message& message);
  void on_properties_changed(sdbus::Message& message);
  void on_output(sdbus::Message& message);

  void refresh();  // asks for records that are not known
  void refresh(std::uint64_t id, Job& job);
  void start_log(std::uint64_t id, Job& job);
  void tick();
  void read_log(std::uint64_t id, Job& job);
  void show_lines(Job& job, std::uint64_t first, const Lines& lines);
  void report_end(std::uint64_t id, const Job& job);
  void show_progress();
  bool is_done() const;
  int exit_status() const;

  // Runs a step of the loop; an exception of the step ends the loop and is rethrown by wait().
  template <typename Step>
  int guarded(Step step) noexcept;
  static int on_refresh(sd_event_source*, void* self);
  static int on_tick(sd_event_source*, std::uint64_t, void* self);
  static int on_interrupt(sd_event_source*, const struct signalfd_siginfo*, void* self);
  void run_loop();
  void wake() const;
  [[noreturn]] void interrupted() const;

  Context& context_;
  Watch mode_;
  Screen screen_;
  std::vector<sdbus::Slot> subscriptions_;
  std::map<std::uint64_t, Job> jobs_;
  bool several_clients_ = false;
  bool away_ = false;  // cyborgd has left the bus
  sd_event* loop_ = nullptr;
  sd_event_source* refresh_ = nullptr;
  std::exception_ptr failure_;
};

// Waits according to the mode, prints the run and its jobs, and sets the exit status.
void report_jobs(Context& context, JobWatch& watch, Watch mode, std::optional<std::uint64_t> run,
                 const std::vector<std::uint64_t>& jobs);

}  // namespace cyborg::client
