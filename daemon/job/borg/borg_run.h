// SPDX-License-Identifier: GPL-3.0-or-later
// Runs one borg to its end, on a client or on the server, with its messages, its progress and the relay.
#pragma once

#include <sodium/utils.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "borg/command.h"
#include "borg/log.h"
#include "borg/result.h"
#include "job/borg/relay.h"
#include "job/job.h"
#include "job/lines.h"
#include "remote/words.h"

namespace cyborg {

// The outcome of a borg, or of a script around it.
struct BorgEnd {
  int status = -1;
  std::string output;  // standard output: JSON
  BorgLog log;
  bool started = false;  // at least the script started
  bool timed_out = false;
  bool repository_lost = false;  // its serve broke, and borg was ended because it did not notice
  std::string snapshot_left;     // what of a snapshot could not be removed
  std::optional<Said<ScriptFailure>> script_failure;  // if it gave up
  std::vector<std::string> text;                      // standard error that is not borg's
  std::vector<std::string> ssh_said;                  // by the client's own ssh, if it goes direct
  std::vector<std::string> said;                      // the last words of what makes the dump at hand
  std::vector<std::string> dump_warnings;
  std::vector<std::string> root_links;  // warnings about roots that are symbolic links
};

// Processes standard error of a borg as it arrives.
class BorgReader {
 public:
  BorgReader(JobContext& job, BorgEnd& end);
  void feed(std::string_view data) { lines_.feed(data); }
  void finish() { lines_.finish(); }

 private:
  void read_line(std::string_view line);
  bool read_word(std::string_view line);
  void read_note(const Said<ScriptNote>& said, std::string_view line);
  void read_snapshot(std::string_view line);

  JobContext& job_;
  BorgEnd& end_;
  LineSplitter lines_;
};

// A script on a machine, which may run borg. `input` is sent first; the channel's standard input stays open
// until the end, or until the job is canceled. With a serve, a second channel carries its data.
struct RemoteBorg {
  std::string script;
  std::string input;
  std::string relay;  // the relay word of the script, with a serve
  Serve* serve = nullptr;
  std::optional<std::chrono::seconds> limit = std::nullopt;  // then the script is ended, as for a cancel
  bool despite_cancel = false;                               // it runs in a canceled job, too
  // How long its remaining output may take to arrive after its end: a connection may stall.
  std::chrono::seconds linger = std::chrono::minutes{1};
  ~RemoteBorg() { sodium_memzero(input.data(), input.size()); }
};
BorgEnd run_remote(JobContext& job, ssh::Session& session, const std::string& user, const RemoteBorg& borg);

// A borg on this machine. With a serve, it reaches the repository through that.
struct LocalBorg {
  std::vector<std::string> command;
  std::string base_dir;
  std::string directory;  // its working directory
  Serve* serve = nullptr;
  std::function<void()> started;                    // it runs, and nothing of it was read yet
  std::function<void(std::string_view)> on_output;  // receives its output, instead of BorgEnd::output
  // A sink for its output instead, which sets the pace; when give_up returns true, no more output is needed.
  std::function<std::unique_ptr<ssh::Sink>()> sink;
  std::function<bool()> give_up;
  std::string second_line;     // of what is read where the passphrase is
  std::string new_passphrase;  // the new passphrase, which borg reads only from its environment
  ~LocalBorg() {
    sodium_memzero(second_line.data(), second_line.size());
    sodium_memzero(new_passphrase.data(), new_passphrase.size());
  }
};
BorgEnd run_local(JobContext& job, const LocalBorg& borg);

// Throws a Failure if the script itself failed; returns if it got as far as borg.
void check_script(const BorgEnd& end, const JobSpec& spec, const std::string& user);

// An unguessable word for a relay.
std::string random_relay();

// Completes the result of a finished borg with the job's circumstances: canceled, lost relay, warnings.
JobResult conclude(JobContext& job, JobResult result, const BorgEnd& end, Serve* serve);

}  // namespace cyborg
