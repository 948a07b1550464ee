// SPDX-License-Identifier: GPL-3.0-or-later
// The hooks of a job, on the client or on the server.
#include <fmt/format.h>

#include <csignal>
#include <functional>

#include "core/hooks.h"
#include "job/borg/borg_run.h"
#include "job/child.h"
#include "job/job.h"
#include "job/linger.h"
#include "remote/hook_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Clock = std::chrono::steady_clock;

struct HookEnd {
  int status = -1;  // -1: it timed out
  std::string last_words;
};

std::string last_line(const BorgEnd& end) {
  return end.text.empty() ? std::string{} : end.text.back();
}

HookEnd run_on_client(JobContext& job, const Hook& hook, const Environment& environment) {
  const SshTarget& target = job.spec().target;
  ssh::Session session{target, job.credentials()};
  RemoteBorg command{hook_script(hook, environment), {}, {}, nullptr};
  command.limit = hook.timeout_seconds;
  command.despite_cancel = hook.when != "before";
  command.linger = kLinger;
  const BorgEnd end = run_remote(job, session, target.user, command);
  return {end.timed_out ? -1 : end.status, last_line(end)};
}

// As the user cyborg, in the job's sandbox.
HookEnd run_on_server(JobContext& job, const Hook& hook, const Environment& environment) {
  ChildOptions options;
  options.command = {"sh", "-c", hook_script(hook, environment)};
  // Closing this socket ends the hook.
  auto [near, far] = make_socket_pair();
  options.socket = far.get();
  Child child{options};
  far = Fd{};
  BorgEnd end;
  BorgReader reader{job, end};
  ssh::Pump pump;
  const auto error =
      pump.connect(ssh::from_fd(child.error()), ssh::to_function([&](auto piece) { reader.feed(piece); }));
  pump.watch_once(child.exit_fd(), [&] { (void)child.poll_status(); });
  const auto deadline = Clock::now() + hook.timeout_seconds;
  bool over = false;
  job.attach(pump, [&] {
    const bool late = Clock::now() > deadline;
    if ((!late && !(job.canceled() && hook.when == "before")) || !near) return;
    over = late;
    near = Fd{};
  });
  Linger linger{kLinger};
  pump.run([&] {
    const bool ended = child.poll_status().has_value();
    return (ended && pump.finished(error)) || linger.over(ended, job.output());
  });
  reader.finish();
  const int status = child.wait();
  return {over ? -1 : status, last_line(end)};
}

// The failure of a hook; empty if it succeeded.
std::string run_hook(JobContext& job, const Hook& hook, const JobResult* result) {
  job.output().line(6, fmt::format("hook {} on the {}: {}", hook.when, hook.where, hook.command));
  const Environment environment = hook_environment(job.spec(), result);
  // If the server itself is the client, there is no other machine.
  const bool here = hook.where == "server" || job.spec().local;
  std::string failure;
  try {
    const HookEnd end = here ? run_on_server(job, hook, environment) : run_on_client(job, hook, environment);
    failure = hook_failure(hook, end.status, end.last_words);
  } catch (const Failure& error) {
    failure = fmt::format("hook \"{}\" could not run: {}", hook.command, error.what());
  }
  if (!failure.empty()) job.output().line(hook.effect == "ignore" ? 5 : 4, failure);
  return failure;
}

JobResult run_guarded(JobContext& job, const std::function<JobResult()>& work) {
  try {
    return work();
  } catch (const Failure& failure) {
    if (job.canceled()) return make_result(ResultCode::canceled, "the job was canceled");
    return make_result(failure.code(), failure.what(), failure.state());
  }
}

}  // namespace

JobResult run_with_hooks(JobContext& job, const std::function<JobResult()>& work) {
  const auto& hooks = job.spec().hooks;
  if (hooks.empty()) return work();
  JobResult result = make_result(ResultCode::ok, "");
  for (const auto& hook : hooks) {
    if (hook.when != "before" || job.canceled()) continue;
    const std::string failure = run_hook(job, hook, nullptr);
    if (!failure.empty()) apply_hook_failure(hook, failure, result);
    if (result.state == JobState::failed) break;
  }
  if (result.state != JobState::failed) {
    const JobResult before = std::move(result);
    result = run_guarded(job, work);
    result.warnings.insert(result.warnings.begin(), before.warnings.begin(), before.warnings.end());
    if (before.state == JobState::warning && result.state == JobState::successful) {
      result.state = JobState::warning;
      result.code = before.code;
    }
  }
  // Hooks after the work always run: they restore what hooks before it changed.
  const JobState ended = result.state;
  for (const auto& hook : hooks) {
    if (!runs_after(hook, ended)) continue;
    const std::string failure = run_hook(job, hook, &result);
    if (!failure.empty()) apply_hook_failure(hook, failure, result);
  }
  return result;
}

}  // namespace cyborg
