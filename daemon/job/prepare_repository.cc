// Kind prepare-repository: makes a borg repository, or adopts one that exists.
#include <fmt/format.h>

#include "core/borg.h"
#include "core/borg_result.h"
#include "core/job_script.h"
#include "core/quote.h"
#include "job/borg_run.h"
#include "job/direct.h"
#include "job/job.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

BorgStep run_borg(JobContext& job, BorgVerb verb, const std::string& host_key) {
  return run_on_repository(
      job, verb,
      [&](const std::string& repository) {
        return verb == BorgVerb::init ? borg_init(job.spec(), repository) : borg_info(repository);
      },
      host_key);
}

// borg's version on the repository host. Without a shell there (a key bound to `borg serve`), it stays
// unknown: borg serve will tell whether it works.
std::string probe_host(JobContext& job, HostKeys& keys) {
  const SshTarget& host = job.spec().repository_host;
  ssh::Session session{host, job.credentials()};
  keys = {session.host_key(), session.host_public_key()};
  job.throw_if_canceled();
  auto channel = ssh::Channel::execute(session, "borg --version");
  channel->send_eof();
  std::string output;
  ssh::Pump pump;
  pump.add_session(session);
  const auto out = pump.connect(ssh::from_channel(*channel, ssh::Channel::Stream::output),
                                ssh::to_function([&](auto data) { output += data; }));
  pump.connect(ssh::from_channel(*channel, ssh::Channel::Stream::error), ssh::to_function([](auto) {}));
  job.attach(pump);
  pump.run([&] { return job.canceled() || (channel->closed() && pump.finished(out)); });
  job.throw_if_canceled();
  if (channel->exit_status() == 127) {
    throw Failure("no-borg",
                  fmt::format("borg is not installed on the repository host {}: install it", session.name()));
  }
  if (channel->exit_status() != 0) return {};
  const auto version = parse_borg_version(output);
  if (!version) {
    throw Failure("borg-unsupported", fmt::format("{}: {}", session.name(), version.error().message));
  }
  return to_string(*version);
}

std::string server_borg_version(JobContext& job) {
  LocalBorg borg;
  borg.command = {"borg", "--version"};
  borg.base_dir = server_borg_directory();
  const BorgEnd end = run_local(job, borg);
  if (end.status == 127) {
    throw Failure("no-borg", "borg is not installed on the server: apt install borgbackup");
  }
  const auto version = parse_borg_version(end.output);
  if (!version) throw Failure("borg-unsupported", "the server: " + version.error().message);
  return to_string(*version);
}

// borg only says that it may not; we say what to do.
void explain(JobResult& result, const JobSpec& spec) {
  const bool denied = result.code == "repository-denied" ||
                      result.message.find("Permission denied") != std::string::npos ||
                      result.message.find("Errno 13") != std::string::npos ||
                      // What is outside the job's sandbox, or below a directory that is not there.
                      result.message.find("Errno 30") != std::string::npos;
  if (!denied) return;
  result.code = "repository-denied";
  const bool here = spec.repository_host.address.empty();
  const std::string user = here ? "cyborg" : spec.repository_host.user;
  result.message = fmt::format("{} cannot write repository {}: install -d -o {} {}", user,
                               repository_name(spec), user, quote(spec.repository_path));
}

JobResult ready(const JobSpec& spec, const InfoReport& report, bool created, Json::Value facts) {
  if (!spec.borg_id.empty() && report.repository_id != spec.borg_id) {
    return repository_swapped(spec, report.repository_id);
  }
  JobResult result = make_result(
      JobState::successful, "ok",
      fmt::format("repository {} {}: id {}, encryption {}", repository_name(spec),
                  created ? "is made" : "exists and is usable", report.repository_id, report.encryption));
  facts["borg_id"] = report.repository_id;
  facts["encryption"] = report.encryption;
  facts["created"] = created;
  result.facts = std::move(facts);
  return result;
}

}  // namespace

JobResult prepare_repository(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("preparation of repository {}", repository_name(spec)));
  HostKeys keys;
  Json::Value facts{Json::objectValue};
  const bool here = spec.repository_host.address.empty();
  // The connections that follow must be to the machine that showed its key to the first.
  facts["borg_version"] = here ? server_borg_version(job) : probe_host(job, keys);

  BorgStep step = run_borg(job, BorgVerb::info, keys.fingerprint);
  bool created = false;
  // An id that was pinned means that it existed: a new one in its place would hide the loss.
  if (step.result.code == "repository-missing" && spec.borg_id.empty()) {
    step = run_borg(job, BorgVerb::init, keys.fingerprint);
    created = step.result.state == JobState::successful;
    if (created) step = run_borg(job, BorgVerb::info, keys.fingerprint);
  }
  facts["host_key"] = keys.fingerprint;
  if (step.result.state != JobState::successful && step.result.state != JobState::warning) {
    explain(step.result, spec);
    return step.result;
  }
  const auto report = parse_info_report(step.end.output);
  if (!report) return make_result(JobState::failed, "borg-error", "borg printed no repository id");
  JobResult result = ready(spec, *report, created, facts);
  if (!spec.direct.used || result.state != JobState::successful) return result;
  return prepare_direct(job, keys, result);
}

}  // namespace cyborg
