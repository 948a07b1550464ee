// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of a script's failure before it got as far as borg.
#include <fmt/format.h>

#include <cstdlib>

#include "job/borg/borg_run.h"
#include "remote/dump_script.h"
#include "remote/guest_script.h"
#include "remote/snapshot_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

std::string last_words(const BorgEnd& end) {
  return end.text.empty() ? "no reason given" : end.text.back();
}

std::string missing_source(const std::string& detail, const JobSpec& spec) {
  if (detail == "all") return fmt::format("none of the folders exists on {}", spec.client);
  const std::size_t number = std::strtoul(detail.c_str(), nullptr, 10);
  const std::string root = number < spec.roots.size() ? spec.roots[number] : detail;
  return fmt::format("{} does not exist on {}, or cannot be read", root, spec.client);
}

// For a requirement that a client does not meet.
std::string lack(const Said<ScriptFailure>& said, const JobSpec& spec) {
  const std::string& client = spec.client;
  switch (said.word) {
    case ScriptFailure::shell_unsupported:
      return fmt::format(
          "the shell of {} has no printf of its own, and in the arguments of a program the "
          "passphrase would be seen: make dash, bash or busybox its /bin/sh",
          client);
    case ScriptFailure::no_memory_directory:
      return fmt::format(
          "{} has no file system in memory where the job may write ({} was looked at), and the "
          "database's password goes to no disk: mount a tmpfs there",
          client, said.detail);
    case ScriptFailure::no_borg:
      return fmt::format("borg is not installed on {}: prepare the client", client);
    case ScriptFailure::borg_broken:
      return fmt::format("borg is installed on {}, and does not run ({}): install it anew there", client,
                         said.detail);
    case ScriptFailure::no_tool:
      return fmt::format("{} is not installed on {}", said.detail, client);
    case ScriptFailure::no_package_manager:
      return fmt::format("{} has no borg and no known package manager: install borg by hand", client);
    case ScriptFailure::install_failed:
      return fmt::format("borg could not be installed on {}: see the job's output", client);
    case ScriptFailure::no_ssh:
      return fmt::format(
          "client {} has no OpenSSH: install openssh-client there, or let the server carry the "
          "data: cyborgctl repository set {} transport=relay",
          client, spec.repository);
    case ScriptFailure::no_client_key:
      return fmt::format("client {} has lost its key: cyborgctl repository prepare {} --client {}", client,
                         spec.repository, client);
    case ScriptFailure::no_key:
      return fmt::format(
          "the key of client {} for repository {} could not be made or read ({}): see the job's "
          "output; a damaged file is to be removed by hand",
          client, spec.repository, said.detail);
    default:
      return {};
  }
}

std::string sentence(const Said<ScriptFailure>& said, const BorgEnd& end, const JobSpec& spec) {
  const AnyCode code{to_string(said.word)};
  const std::string tool = fmt::format("{}", fmt::join(end.said, "; "));
  switch (said.word) {
    case ScriptFailure::shell_unsupported:
    case ScriptFailure::no_memory_directory:
    case ScriptFailure::no_borg:
    case ScriptFailure::borg_broken:
    case ScriptFailure::no_tool:
    case ScriptFailure::no_package_manager:
    case ScriptFailure::install_failed:
    case ScriptFailure::no_ssh:
    case ScriptFailure::no_client_key:
    case ScriptFailure::no_key:
      return lack(said, spec);
    case ScriptFailure::no_directory:
      return fmt::format("{} on {} cannot be made or entered: is it writable?", said.detail, spec.client);
    case ScriptFailure::source_missing:
      return missing_source(said.detail, spec);
    case ScriptFailure::snapshot_failed:
    case ScriptFailure::snapshot_full:
    case ScriptFailure::snapshot_unproven:
      return snapshot_failure(spec, code, said.detail);
    case ScriptFailure::dump_list_failed:
    case ScriptFailure::dump_failed:
      return dump_failure(spec, code, said.detail, tool);
    case ScriptFailure::guest_exists:
    case ScriptFailure::guest_failed:
      return guest_failure(spec, code, tool.empty() ? said.detail : said.detail + ": " + tool);
    case ScriptFailure::rename_failed:
      return fmt::format("nothing was restored, since a file on {} could not be renamed: {}", spec.client,
                         last_words(end));
    case ScriptFailure::repository_swapped:
      return repository_swapped(spec, said.detail).message;
    // Their callers have messages of their own.
    case ScriptFailure::database_exists:
    case ScriptFailure::load_failed:
    case ScriptFailure::cannot_authorize:
    case ScriptFailure::key_taken:
      break;
  }
  return fmt::format("{} on {}: {}", to_string(said.word), spec.client, said.detail);
}

}  // namespace

void check_script(const BorgEnd& end, const JobSpec& spec, const std::string& user) {
  const std::string machine = fmt::format("{}@{}", user, spec.target.address);
  if (!end.started && end.status >= 0) {
    const std::string reason = last_words(end);
    if (user != "root") {
      throw Failure(ResultCode::no_sudo,
                    fmt::format("{} cannot use sudo without a password ({}): allow it in "
                                "/etc/sudoers.d, or use root",
                                machine, reason));
    }
    throw Failure(ResultCode::shell_unsupported,
                  fmt::format("{} cannot run a shell script: {}", machine, reason));
  }
  if (!end.script_failure) return;
  const Said<ScriptFailure>& said = *end.script_failure;
  const AnyCode code{to_string(said.word)};
  // Of this one, the code stands for a machine on which no script begins; here, one had begun.
  const bool begun = said.word == ScriptFailure::shell_unsupported;
  throw Failure(code, sentence(said, end, spec), begun ? JobState::failed : code.state());
}

}  // namespace cyborg
