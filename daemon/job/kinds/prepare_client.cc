// SPDX-License-Identifier: GPL-3.0-or-later
// Kind prepare-client: finds out about the machine, and installs borg.
#include <fmt/format.h>

#include <map>

#include "borg/command.h"
#include "job/borg/borg_run.h"
#include "job/child.h"
#include "job/job.h"
#include "remote/discovery.h"
#include "remote/job_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr Json::ArrayIndex kMostFound = 2000;

// Converts the script's KEY=VALUE lines to facts; borg's version is checked.
Json::Value read_facts(const std::string& output, const std::string& machine) {
  Json::Value facts{Json::objectValue};
  facts["addresses"] = Json::Value{Json::arrayValue};
  facts["found"] = Json::Value{Json::arrayValue};
  for (const char* key : {"operating_system", "architecture", "hostname", "borg_version"}) facts[key] = "";
  LineSplitter lines{[&](std::string_view line) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string key{line.substr(0, equals)};
    const std::string value = to_valid_utf8(line.substr(equals + 1));
    if (key == "address") {
      facts["addresses"].append(value);
    } else if (key == "found") {
      const Json::Value found = read_found(value);
      if (!found.isNull() && facts["found"].size() < kMostFound) facts["found"].append(found);
    } else if (facts.isMember(key)) {
      facts[key] = value;
    }
  }};
  lines.feed(output);
  lines.finish();
  const auto version = parse_borg_version(facts["borg_version"].asString());
  if (!version)
    throw Failure(ResultCode::borg_unsupported, fmt::format("{}: {}", machine, version.error().message));
  facts["borg_version"] = to_string(*version);
  return facts;
}

// The password is used only for this, and kept no longer.
void install_key(JobContext& job, SshTarget& target) {
  ssh::Session session{target, job.credentials(true)};
  target.host_key = session.host_key();  // the next connection must reach the same machine
  RemoteBorg script;
  script.script = authorize_script(job.spec().ssh_public_key);
  const BorgEnd end = run_remote(job, session, "root", script);  // as the user: no sudo
  job.throw_if_canceled();
  check_script(end, job.spec(), "root");
  if (end.status != 0) {
    throw Failure(ResultCode::authentication_failed,
                  fmt::format("the server's key could not be installed for {}", session.name()));
  }
  job.output().line(6, fmt::format("the server's key is installed for {}", session.name()));
}

Json::Value facts_of_client(JobContext& job) {
  SshTarget target = job.spec().target;
  if (!job.password().empty()) install_key(job, target);
  ssh::Session session{target, job.credentials()};
  job.throw_if_canceled();
  RemoteBorg script;
  script.script = facts_script(!job.spec().dry_run);
  const BorgEnd end = run_remote(job, session, target.user, script);
  job.throw_if_canceled();
  check_script(end, job.spec(), target.user);
  if (end.status != 0) {
    throw Failure(ResultCode::borg_error, fmt::format("the facts of {} could not be read", session.name()),
                  JobState::error);
  }
  Json::Value facts = read_facts(end.output, job.spec().client);
  facts["host_key"] = session.host_key();
  return facts;
}

Json::Value facts_of_server(JobContext& job) {
  LocalBorg script;
  script.command = {"sh", "-c", facts_script(false)};
  script.base_dir = server_borg_directory();
  const BorgEnd end = run_local(job, script);
  job.throw_if_canceled();
  check_script(end, job.spec(), "root");
  Json::Value facts = read_facts(end.output, job.spec().client);
  facts["host_key"] = "";
  return facts;
}

}  // namespace

JobResult prepare_client(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("{} of client {}", spec.dry_run ? "test" : "preparation", spec.client));
  const Json::Value facts = spec.local ? facts_of_server(job) : facts_of_client(job);
  JobResult result = make_result(
      ResultCode::ok, fmt::format("client {} is {}: {}, {}, borg {}", spec.client,
                                  spec.dry_run ? "reachable, and all that it needs is there" : "ready",
                                  facts["operating_system"].asString(), facts["architecture"].asString(),
                                  facts["borg_version"].asString()));
  result.facts = facts;
  return result;
}

}  // namespace cyborg
