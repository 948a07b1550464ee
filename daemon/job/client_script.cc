// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/client_script.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "job/borg/borg_run.h"
#include "job/child.h"
#include "remote/job_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

void check_end(const BorgEnd& end, const JobSpec& spec) {
  check_script(end, spec, spec.target.user);
  if (end.status == 0) return;
  const std::string reason = end.text.empty() ? fmt::format("status {}", end.status) : end.text.back();
  throw Failure(ResultCode::script_failed, fmt::format("a script on {} failed: {}", spec.client, reason));
}

}  // namespace

ClientShell::ClientShell(JobContext& job) : job_(job) {
  if (job.spec().local) return;
  session_ = std::make_unique<ssh::Session>(job.spec().target, job.credentials());
  job.throw_if_canceled();
}

void ClientShell::run(const std::string& script, int input,
                      const std::function<void(std::string_view)>& output) {
  ::lseek(input, 0, SEEK_SET);
  if (session_) {
    run_there(script, input, output);
  } else {
    run_here(script, input, output);
  }
}

void ClientShell::run_there(const std::string& script, int input,
                            const std::function<void(std::string_view)>& output) {
  using Stream = ssh::Channel::Stream;
  const JobSpec& spec = job_.spec();
  BorgEnd end;
  BorgReader reader{job_, end};
  auto channel = ssh::Channel::execute(*session_, script_command(script, spec.target.user));
  ssh::Pump pump;
  pump.add_session(*session_);
  pump.connect(ssh::from_fd(input), ssh::to_channel(*channel));
  const auto out = pump.connect(ssh::from_channel(*channel, Stream::output), ssh::to_function(output));
  const auto error = pump.connect(ssh::from_channel(*channel, Stream::error),
                                  ssh::to_function([&](auto piece) { reader.feed(piece); }));
  job_.attach(pump);
  pump.run(
      [&] { return job_.canceled() || (channel->closed() && pump.finished(out) && pump.finished(error)); });
  reader.finish();
  job_.throw_if_canceled();
  if (!channel->exit_status()) {
    throw Failure(ResultCode::connection_lost,
                  fmt::format("the connection to {} ended without a result", session_->name()));
  }
  end.status = *channel->exit_status();
  check_end(end, spec);
}

void ClientShell::run_here(const std::string& script, int input,
                           const std::function<void(std::string_view)>& output) {
  BorgEnd end;
  BorgReader reader{job_, end};
  auto [near, far] = make_socket_pair();
  ChildOptions options;
  options.command = {"sh", "-c", script};
  options.environment = {{"CYBORG_CLIENT_DIR", server_borg_directory()}};
  options.socket = far.get();
  Child child{options};
  far.reset();
  ssh::Pump pump;
  pump.connect(ssh::from_fd(input), ssh::to_fd(near.get()));
  const auto out = pump.connect(ssh::from_fd(near.get()), ssh::to_function(output));
  const auto error =
      pump.connect(ssh::from_fd(child.error()), ssh::to_function([&](auto piece) { reader.feed(piece); }));
  pump.watch_once(child.exit_fd(), [&] { (void)child.poll_status(); });
  job_.attach(pump, [&] {
    if (job_.canceled()) child.signal(SIGTERM);
  });
  pump.run([&] { return child.poll_status() && pump.finished(out) && pump.finished(error); });
  reader.finish();
  job_.throw_if_canceled();
  end.status = child.wait();
  check_end(end, job_.spec());
}

Fd make_scratch_file(JobContext& job) {
  std::string path = job.directory() + "/list-XXXXXX";
  Fd file{::mkostemp(path.data(), O_CLOEXEC)};
  if (file) ::unlink(path.c_str());
  if (!file) {
    throw Failure(ResultCode::state_directory,
                  fmt::format("{}: no file can be made: {}", job.directory(), std::strerror(errno)));
  }
  return file;
}

}  // namespace cyborg
