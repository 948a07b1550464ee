// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/borg_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "job/borg/stale_lock.h"
#include "job/child.h"
#include "job/connect.h"
#include "job/linger.h"
#include "remote/job_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Clock = std::chrono::steady_clock;
using Stream = ssh::Channel::Stream;

constexpr std::size_t kMaxOutput = 16 << 20;  // of JSON on standard output
// So that borg continues while its output is being processed.
constexpr int kListingPipe = 1 << 20;
// sshd accepts no longer word on a command line; Linux allows 128 KiB for one.
constexpr std::size_t kMaxCommand = 120 * 1024;
constexpr std::chrono::seconds kSignOfLife{kSilence / 4};
// How long a canceled borg may take: SIGINT immediately, SIGTERM after 5 s, SIGKILL after 35 s.
constexpr std::chrono::seconds kTerminateAfter{5};
constexpr std::chrono::seconds kKillAfter{35};
constexpr std::chrono::seconds kGiveUpAfter{45};
// How long borg may take to notice that its serve is gone, which it does as soon as it sends something.
constexpr std::chrono::seconds kNoticeAfter{10};

void append_output(BorgEnd& end, std::string_view data) {
  if (end.output.size() + data.size() <= kMaxOutput) end.output += data;
}

void send(ssh::Session& session, ssh::Channel& channel, std::string_view data) {
  while (!data.empty()) {
    data.remove_prefix(channel.write(data));
    session.service(false);
  }
}

void add_warnings(JobResult& result, ResultCode code, const std::vector<std::string>& warnings) {
  if (warnings.empty()) return;
  result.warnings.insert(result.warnings.end(), warnings.begin(), warnings.end());
  if (result.state != JobState::successful) return;
  end_as(result, code, warnings.front());
}

// Detects that a borg has lost its repository without noticing.
class ServeWatch {
 public:
  explicit ServeWatch(Serve* serve) : serve_(serve) {}
  bool lost() {
    if (!serve_ || !serve_->broken()) return false;
    if (!since_) since_ = Clock::now();
    return Clock::now() - *since_ > kNoticeAfter;
  }

 private:
  Serve* serve_;
  std::optional<Clock::time_point> since_;
};

// Stops a local borg in steps.
class Stopper {
 public:
  void tick(Child& child) {
    const auto now = Clock::now();
    if (step_ == 0) begin_ = now;
    const auto waited = now - begin_;
    if (step_ == 0) {
      child.signal(SIGINT);
      step_ = 1;
    } else if (step_ == 1 && waited > kTerminateAfter) {
      child.signal(SIGTERM);
      step_ = 2;
    } else if (step_ == 2 && waited > kKillAfter) {
      child.signal(SIGKILL);
      step_ = 3;
    }
  }

 private:
  int step_ = 0;
  Clock::time_point begin_;
};

}  // namespace

BorgEnd run_remote(JobContext& job, ssh::Session& session, const std::string& user, const RemoteBorg& borg) {
  const std::string command = script_command(borg.script, user);
  if (command.size() > kMaxCommand) {
    throw Failure(ResultCode::too_long,
                  "the folders and excludes are too many for one command line: use patterns");
  }
  BorgEnd end;
  BorgReader reader{job, end};
  auto control = ssh::Channel::execute(session, command);
  send(session, *control, borg.input);
  std::unique_ptr<ssh::Channel> data;
  if (borg.serve) {
    data = ssh::Channel::execute(session, script_command(relay_script(borg.relay), user));
  }

  ssh::Pump pump;
  IdGuard guard{job.spec()};
  Linger linger{borg.linger};
  pump.add_session(session);
  const auto out =
      pump.connect(ssh::from_channel(*control, Stream::output), ssh::to_function([&](auto piece) {
                     linger.heard();
                     append_output(end, piece);
                   }));
  const auto error =
      pump.connect(ssh::from_channel(*control, Stream::error), ssh::to_function([&](auto piece) {
                     linger.heard();
                     reader.feed(piece);
                   }));
  if (data) {
    borg.serve->join(pump, ssh::from_channel(*data, Stream::output), ssh::to_channel(*data),
                     [&](auto piece) { guard.inspect(piece); });
    borg.serve->attach(pump, job);
  }
  ServeWatch watch{borg.serve};
  std::optional<Clock::time_point> deadline;
  const auto begin = Clock::now();
  auto sign = begin;
  job.attach(pump, [&] {
    if (const auto now = Clock::now(); now - sign > kSignOfLife && control->writable()) {
      control->write("\n");
      sign = now;
    }
    end.timed_out = end.timed_out || (borg.limit && Clock::now() - begin > *borg.limit);
    end.repository_lost = end.repository_lost || watch.lost();
    const bool canceled = job.canceled() && !borg.despite_cancel;
    if (deadline || !(canceled || end.timed_out || end.repository_lost)) return;
    control->send_eof();  // the script then ends borg
    deadline = Clock::now() + kGiveUpAfter;
  });
  pump.run([&] {
    if (deadline && Clock::now() > *deadline) return true;
    if (control->closed() && pump.finished(out) && pump.finished(error)) return true;
    return linger.over(control->exit_status().has_value(), job.output());
  });
  reader.finish();
  if (!control->exit_status() && !job.canceled()) {
    throw Failure(ResultCode::connection_lost,
                  fmt::format("the connection to {} ended without a result", session.name()));
  }
  end.status = control->exit_status().value_or(-1);
  return end;
}

BorgEnd run_local(JobContext& job, const LocalBorg& borg) {
  BorgEnd end;
  end.started = true;
  remove_stale_locks(job);
  BorgReader reader{job, end};
  std::optional<ConnectSocket> socket;
  if (borg.serve) socket.emplace(job.directory());
  ChildOptions options;
  options.command = borg.command;
  options.environment = borg_environment(borg.base_dir, socket ? socket->rsh() : std::string{}, job.spec());
  options.environment.emplace_back("BORG_PASSPHRASE_FD", "3");
  options.environment.emplace_back("CYBORG_CLIENT_DIR", borg.base_dir);  // for a script around borg
  if (!borg.new_passphrase.empty()) {
    options.environment.emplace_back("BORG_NEW_PASSPHRASE", borg.new_passphrase);
  }
  options.passphrase = job.passphrase();
  if (!borg.second_line.empty()) *options.passphrase += "\n" + borg.second_line;
  options.directory = borg.directory;
  Child child{options};
  sodium_memzero(options.passphrase->data(), options.passphrase->size());

  if (borg.on_output || borg.sink) ::fcntl(child.out(), F_SETPIPE_SZ, kListingPipe);
  if (borg.started) borg.started();
  ssh::Pump pump;
  IdGuard guard{job.spec()};
  auto sink = borg.sink ? borg.sink() : ssh::to_function([&](auto piece) {
    if (borg.on_output) return borg.on_output(piece);
    append_output(end, piece);
  });
  auto source = borg.on_output ? ssh::from_pipe_at_leisure(child.out()) : ssh::from_fd(child.out());
  const auto out = pump.connect(std::move(source), std::move(sink));
  const auto error =
      pump.connect(ssh::from_fd(child.error()), ssh::to_function([&](auto piece) { reader.feed(piece); }));
  Fd connection;
  if (borg.serve) {
    borg.serve->attach(pump, job);
    pump.watch(socket->fd(), [&] {
      Fd accepted = socket->accept();
      if (connection || !accepted) return;  // one borg, one connection
      connection = std::move(accepted);
      borg.serve->join(pump, ssh::from_fd(connection.get()), ssh::to_fd(connection.get()),
                       [&](auto piece) { guard.inspect(piece); });
    });
  }
  pump.watch_once(child.exit_fd(), [&] { (void)child.poll_status(); });
  Stopper stopper;
  ServeWatch watch{borg.serve};
  job.attach(pump, [&] {
    end.repository_lost = end.repository_lost || watch.lost();
    const bool unwanted = borg.give_up && borg.give_up();
    if (job.canceled() || end.repository_lost || unwanted) stopper.tick(child);
  });
  Linger linger{kLinger};
  pump.run([&] {
    const bool ended = child.poll_status().has_value();
    if (ended && pump.finished(out) && pump.finished(error)) return true;
    // A consumer of its output may be slow.
    return linger.over(ended && !borg.sink && !borg.on_output, job.output());
  });
  reader.finish();
  end.status = child.wait();
  return end;
}

std::string random_relay() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 2 * bytes.size() + 1> text{};
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  return text.data();
}

JobResult conclude(JobContext& job, JobResult result, const BorgEnd& end, Serve* serve) {
  const bool served = !serve || serve->finish(job);
  result.warnings = end.log.warnings();
  if (end.log.warning_count() > result.warnings.size()) {
    result.warnings.push_back(
        fmt::format("and {} more warnings", end.log.warning_count() - result.warnings.size()));
  }
  add_warnings(result, ResultCode::dump_warning, end.dump_warnings);
  add_warnings(result, ResultCode::root_is_link, end.root_links);
  if (job.canceled() && !is_good(result)) {
    end_as(result, ResultCode::canceled, "the job was canceled; borg was stopped");
    return result;
  }
  if (serve && end.repository_lost && !job.canceled()) {
    end_as(result, ResultCode::connection_lost, "the repository's borg serve ended before borg");
  }
  if (serve && result.state == JobState::failed && result.code == ResultCode::connection_lost) {
    serve->rethrow();
    if (!serve->last_words().empty()) result.message += "; the repository said: " + serve->last_words();
  }
  if (!served && result.state == JobState::successful) {
    end_as(result, ResultCode::borg_warning, "the repository's borg serve failed");
  }
  return result;
}

}  // namespace cyborg
