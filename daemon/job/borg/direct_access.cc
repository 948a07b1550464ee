// SPDX-License-Identifier: GPL-3.0-or-later
// Transport direct: a client's own key, made there and authorised on the repository host, and its withdrawal.
#include "remote/direct_access.h"

#include <fmt/format.h>

#include "borg/result.h"
#include "job/borg/borg_run.h"
#include "job/borg/direct_access.h"
#include "job/job.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

std::string host_name(const JobSpec& spec) {
  return fmt::format("{}@{}", spec.repository_host.user, spec.repository_host.address);
}

std::string make_client_key(JobContext& job, ssh::Session& client) {
  const JobSpec& spec = job.spec();
  RemoteBorg script;
  script.script = client_key_script(spec);
  const BorgEnd end = run_remote(job, client, spec.target.user, script);
  job.throw_if_canceled();
  check_script(end, spec, spec.target.user);
  const auto key = parse_public_key(end.output);
  if (end.status != 0 || !key) {
    throw Failure(ResultCode::no_client_key, fmt::format("client {} has no usable key: {}", spec.client,
                                                         key ? "ssh-keygen failed" : key.error().message));
  }
  return *key;
}

// Why the host's user could not do it; the account may have no shell.
std::string obstacle(const BorgEnd& end) {
  const auto& failure = end.script_failure;
  if (failure && failure->word == ScriptFailure::cannot_authorize) return failure->detail;
  if (!end.started) return "it runs no shell for the server's key";
  return end.text.empty() ? fmt::format("exit status {}", end.status) : end.text.back();
}

BorgEnd run_on_host(JobContext& job, const std::string& host_key, std::string text) {
  SshTarget host = job.spec().repository_host;
  host.host_key = host_key;
  ssh::Session session{host, job.credentials()};
  job.throw_if_canceled();
  RemoteBorg script;
  script.script = std::move(text);
  BorgEnd end = run_remote(job, session, "root", script);  // as the user: no sudo
  job.throw_if_canceled();
  return end;
}

void authorize(JobContext& job, const std::string& host_key, const KeyGrant& grant, const std::string& line) {
  const JobSpec& spec = job.spec();
  const BorgEnd end = run_on_host(job, host_key, authorize_line_script(grant, line, spec.direct.line));
  if (end.script_failure && end.script_failure->word == ScriptFailure::key_taken) {
    throw Failure(
        ResultCode::key_taken,
        fmt::format("the key that client {} shows is authorised on {} for something else: nothing "
                    "was changed there. If it is not the client's own, somebody controls the client",
                    spec.client, host_name(spec)));
  }
  if (!end.started || end.status != 0) {
    throw Failure(ResultCode::cannot_authorize,
                  fmt::format("authorized_keys of {} cannot be written ({}): cyborgctl repository set {} "
                              "authorize=manual, and have this line put there: {}",
                              host_name(spec), obstacle(end), spec.repository, line));
  }
}

// The client's borg connects directly, and opens the repository.
JobResult check_direct_access(JobContext& job, ssh::Session& client, const JobSpec& spec) {
  const BorgEnd end = run_remote(job, client, spec.target.user,
                                 {direct_check_script(spec), job.passphrase() + "\n", "", nullptr});
  job.throw_if_canceled();
  check_script(end, spec, spec.target.user);
  JobResult result = judge_borg(BorgVerb::list, end.status, end.log, spec);
  return direct_failure(spec, end.ssh_said, conclude(job, std::move(result), end, nullptr));
}

void explain_refusal(JobResult& result, const JobSpec& spec, const std::string& line) {
  if (result.code != ResultCode::authentication_failed) return;
  end_as(
      result, ResultCode::not_authorized,
      spec.direct.manual
          ? fmt::format("the key of client {} is not authorised on {} yet: have this line put into its "
                        "authorized_keys, and prepare the repository again: {}",
                        spec.client, host_name(spec), line)
          : fmt::format("{} refuses the key of client {}, which is in ~/.ssh/authorized_keys there: does its "
                        "sshd read another file? Then cyborgctl repository set {} authorize=manual",
                        host_name(spec), spec.client, spec.repository));
}

JobResult grant_direct_access(JobContext& job, const HostKeys& host, Json::Value& facts) {
  JobSpec spec = job.spec();
  spec.borg_id = facts["borg_id"].asString();
  spec.direct.host_public_key = host.public_key;
  ssh::Session client{spec.target, job.credentials()};
  job.throw_if_canceled();
  const KeyGrant grant = key_grant(spec, make_client_key(job, client));
  const auto line = authorized_line(grant);
  if (!line) throw Failure(ResultCode::cannot_authorize, line.error().message);
  facts["direct_key"] = grant.key;
  facts["direct_host_key"] = host.fingerprint;
  facts["direct_manual"] = spec.direct.manual;
  // If a different line was there, it still is.
  facts["direct_line"] = spec.direct.line;
  if (!spec.direct.manual) {
    authorize(job, host.fingerprint, grant, *line);
    facts["direct_line"] = *line;
    job.output().line(6,
                      fmt::format("the key of client {} is authorised on {}", spec.client, host_name(spec)));
  }
  JobResult result = check_direct_access(job, client, spec);
  explain_refusal(result, spec, *line);
  if (is_good(result)) {
    facts["direct_line"] = *line;
    facts["host_public_key"] = host.public_key;
  } else if (spec.direct.manual) {
    facts["direct_line"] = "";
  }
  return result;
}

}  // namespace

namespace {

// Tests the prepared access, and changes nothing.
JobResult test_direct_access(JobContext& job, const HostKeys& host, JobResult result) {
  JobSpec spec = job.spec();
  if (spec.direct.line.empty()) {
    result.message += fmt::format("; client {} has no key there yet: prepare it", spec.client);
    return result;
  }
  spec.borg_id = result.facts["borg_id"].asString();
  spec.direct.host_public_key = host.public_key;
  ssh::Session client{spec.target, job.credentials()};
  job.throw_if_canceled();
  JobResult tried = check_direct_access(job, client, spec);
  if (tried.state != JobState::successful) return tried;
  result.message += fmt::format("; client {} reaches it itself", spec.client);
  return result;
}

}  // namespace

JobResult prepare_direct(JobContext& job, const HostKeys& host, const JobResult& prepared) {
  if (job.spec().dry_run) return test_direct_access(job, host, prepared);
  Json::Value facts = prepared.facts;
  JobResult result;
  try {
    result = grant_direct_access(job, host, facts);
  } catch (const Failure& failure) {
    result = job.canceled() ? make_result(ResultCode::canceled, "the job was canceled")
                            : make_result(failure.code(), failure.what(), failure.state());
  }
  result.facts = std::move(facts);
  if (result.state == JobState::successful) {
    result.message = fmt::format("{}; client {} reaches it itself", prepared.message, job.spec().client);
  }
  return result;
}

JobResult withdraw(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("removing the key of client {} from {}", spec.client, host_name(spec)));
  const BorgEnd end = run_on_host(job, spec.repository_host.host_key,
                                  withdraw_line_script(key_grant(spec, spec.direct.key), spec.direct.line));
  if (!end.started || end.status != 0) {
    return make_result(
        ResultCode::cannot_authorize,
        fmt::format("authorized_keys of {} cannot be written ({}): remove this line by hand, then "
                    "cyborgctl repository withdraw {} --client {} --force: {}",
                    host_name(spec), obstacle(end), spec.repository, spec.client, spec.direct.line));
  }
  JobResult result = make_result(
      ResultCode::ok, fmt::format("{} takes the key of client {} no more", host_name(spec), spec.client));
  result.facts["withdrawn"] = spec.direct.key;
  return result;
}

}  // namespace cyborg
