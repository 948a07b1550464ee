// SPDX-License-Identifier: GPL-3.0-or-later
// Kind prepare-repository: creates a borg repository, or adopts an existing one.
#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "borg/command.h"
#include "borg/result.h"
#include "core/quote.h"
#include "job/borg/direct_access.h"
#include "job/borg/repository_borg.h"
#include "job/job.h"
#include "remote/job_script.h"
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

// Opens the repository. Of two passphrases, the new one is tried first, since borg may have it already: set
// by hand, or by a job that was interrupted. Only the one that opened it is reported, and only then is the
// other one deleted.
BorgStep open_repository(JobContext& job, const std::string& host_key, Json::Value& facts) {
  const JobSpec& spec = job.spec();
  if (!job.has_new_passphrase()) return run_borg(job, BorgVerb::info, host_key);
  job.output().line(6, "trying the new passphrase");
  job.swap_passphrases();
  BorgStep step = run_borg(job, BorgVerb::info, host_key);
  if (is_good(step.result)) facts["passphrase"] = "new";
  if (step.result.code != ResultCode::passphrase_wrong) return step;
  job.output().line(6, "trying the passphrase that it had");
  job.swap_passphrases();
  step = run_borg(job, BorgVerb::info, host_key);
  if (step.result.code == ResultCode::passphrase_wrong) facts["passphrase"] = "none";
  if (!is_good(step.result)) return step;
  facts["passphrase"] = "old";
  if (!spec.change_passphrase || spec.dry_run) return step;
  facts.removeMember("passphrase");
  job.output().line(6, "changing the passphrase");
  step = run_on_repository(job, BorgVerb::info, borg_change_passphrase, host_key, job.new_passphrase());
  if (!is_good(step.result)) return step;
  job.swap_passphrases();
  step = run_borg(job, BorgVerb::info, host_key);
  if (is_good(step.result)) facts["passphrase"] = "new";
  return step;
}

struct Probe {
  std::string borg_version;
  std::int64_t free = -1;  // bytes; unknown
};

// Parses the line of `df -P -k` after borg's version: device, size, used, free …
std::int64_t read_free(const std::string& output) {
  std::istringstream lines{output.substr(std::min(output.find('\n'), output.size()))};
  std::string device;
  std::int64_t size = 0;
  std::int64_t used = 0;
  std::int64_t free = 0;
  if (!(lines >> device >> size >> used >> free) || free < 0 || free > (std::int64_t{1} << 50)) return -1;
  return free * 1024;
}

// borg's version on the repository host. Without a shell there (a key restricted to `borg serve`), it stays
// unknown: borg serve shows whether it works.
Probe probe_host(JobContext& job, HostKeys& keys) {
  const SshTarget& host = job.spec().repository_host;
  ssh::Session session{host, job.credentials()};
  keys = {session.host_key(), session.host_public_key()};
  job.throw_if_canceled();
  const std::string script = probe_repository_script(job.spec().repository_path);
  auto channel = ssh::Channel::execute(session, "sh -c " + quote(script));
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
    throw Failure(ResultCode::no_borg,
                  fmt::format("borg is not installed on the repository host {}: install it", session.name()));
  }
  if (channel->exit_status() != 0) return {};
  const auto version = parse_borg_version(output);
  if (!version) {
    throw Failure(ResultCode::borg_unsupported,
                  fmt::format("{}: {}", session.name(), version.error().message));
  }
  return {to_string(*version), read_free(output)};
}

std::string server_borg_version(JobContext& job) {
  LocalBorg borg;
  borg.command = {"borg", "--version"};
  borg.base_dir = server_borg_directory();
  const BorgEnd end = run_local(job, borg);
  if (end.status == 127) {
    throw Failure(ResultCode::no_borg, "borg is not installed on the server: apt install borgbackup");
  }
  const auto version = parse_borg_version(end.output);
  if (!version) throw Failure(ResultCode::borg_unsupported, "the server: " + version.error().message);
  return to_string(*version);
}

// borg only reports that permission is denied; we say what to do.
void explain(JobResult& result, const JobSpec& spec) {
  const bool denied = result.code == ResultCode::repository_denied ||
                      result.message.find("Permission denied") != std::string::npos ||
                      result.message.find("Errno 13") != std::string::npos ||
                      // The path is outside the job's sandbox, or below a directory that does not exist.
                      result.message.find("Errno 30") != std::string::npos;
  if (!denied) return;
  result.code = ResultCode::repository_denied;
  const bool here = spec.repository_host.address.empty();
  const std::string user = here ? "cyborg" : spec.repository_host.user;
  result.message = fmt::format("{} cannot write repository {}: install -d -o {} {}", user,
                               repository_name(spec), user, quote(spec.repository_path));
}

JobResult ready(const JobSpec& spec, const InfoReport& report, bool created, Json::Value facts) {
  if (!spec.borg_id.empty() && report.repository_id != spec.borg_id) {
    return repository_swapped(spec, report.repository_id);
  }
  std::string message =
      fmt::format("repository {} {}: id {}, encryption {}", repository_name(spec),
                  created ? "is made" : "exists and is usable", report.repository_id, report.encryption);
  if (facts.isMember("free")) {
    message += fmt::format(", {:.1f} GiB free", static_cast<double>(facts["free"].asInt64()) / (1 << 30));
  }
  JobResult result = make_result(ResultCode::ok, message);
  facts["borg_id"] = report.repository_id;
  facts["encryption"] = report.encryption;
  facts["created"] = created;
  result.facts = std::move(facts);
  return result;
}

}  // namespace

JobResult prepare_repository(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(
      6, fmt::format("{} of repository {}", spec.dry_run ? "test" : "preparation", repository_name(spec)));
  HostKeys keys;
  Json::Value facts{Json::objectValue};
  const bool here = spec.repository_host.address.empty();
  // Later connections must reach the machine that presented its key to the first.
  const Probe probe = here ? Probe{server_borg_version(job)} : probe_host(job, keys);
  facts["borg_version"] = probe.borg_version;

  BorgStep step = open_repository(job, keys.fingerprint, facts);
  bool created = false;
  // A pinned id means that the repository existed: a new one in its place would hide the loss.
  if (step.result.code == ResultCode::repository_missing && spec.borg_id.empty() && !spec.dry_run) {
    step = run_borg(job, BorgVerb::init, keys.fingerprint);
    created = step.result.state == JobState::successful;
    if (created) step = run_borg(job, BorgVerb::info, keys.fingerprint);
  }
  facts["host_key"] = keys.fingerprint;
  std::error_code error;
  const auto space =
      here ? std::filesystem::space(spec.repository_path, error) : std::filesystem::space_info{};
  const std::int64_t free = here && !error ? static_cast<std::int64_t>(space.available) : probe.free;
  if (free >= 0) facts["free"] = Json::Int64{free};
  if (!is_good(step.result)) {
    explain(step.result, spec);
    if (facts.isMember("passphrase")) step.result.facts["passphrase"] = facts["passphrase"];
    return step.result;
  }
  const auto report = parse_info_report(step.end.output);
  if (!report) return make_result(ResultCode::borg_error, "borg printed no repository id");
  JobResult result = ready(spec, *report, created, facts);
  if (spec.direct.used && result.state == JobState::successful) result = prepare_direct(job, keys, result);
  if (result.state == JobState::successful && facts["passphrase"] == "old") {
    end_as(result, ResultCode::passphrase_wrong,
           fmt::format("{}; but not with the new passphrase, so the one that it had is kept: cyborgctl "
                       "repository change-passphrase {} changes borg's own",
                       result.message, spec.repository),
           JobState::warning);
  }
  return result;
}

}  // namespace cyborg
