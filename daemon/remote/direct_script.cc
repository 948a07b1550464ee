// SPDX-License-Identifier: GPL-3.0-or-later
// The scripts of direct_access.h.
#include <fmt/format.h>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/direct_access.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

// Where a client keeps its keys. Each client on a machine, and each repository, has its own.
std::string key_path(const JobSpec& spec) {
  return "key=\"${CYBORG_CLIENT_DIR:-" + std::string{kClientDirectory} + "}/keys/\"" +
         quote(spec.client + "@" + spec.repository) + "\n";
}

// Escapes a text so that sed matches exactly that.
std::string sed_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view{"\\/.[]*^$"}.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string blob(const std::string& key) {
  return key.substr(key.find(' ') + 1);
}

std::string rewrite_script(const std::vector<std::string>& patterns, const std::string& line,
                           const std::string& key) {
  std::string removes, prints;
  for (const auto& pattern : patterns) {
    removes += fmt::format("/^{}$/d\n", pattern);
    prints += fmt::format("/^{}$/{{p;d;}}\n", pattern);
  }
  return script_prelude("077", "C") + assign("deletes", removes) + assign("prints", prints) +
         assign("line", line) + assign("blob", blob(key)) + scripts::authorized_keys;
}

std::string marker(const KeyGrant& grant) {
  return sed_pattern(fmt::format("cyborg:{}:{}", grant.client, grant.repository));
}

}  // namespace

const char* const kDirectRsh = R"sh(sh -c '. "$CYBORG_DIRECT/rsh"' ssh)sh";

std::string client_key_script(const JobSpec& spec) {
  return script_prelude() + key_path(spec) +
         assign("comment", fmt::format("cyborg:{}:{}", spec.client, spec.repository)) + scripts::client_key;
}

std::string authorize_line_script(const KeyGrant& grant, const std::string& line, const std::string& old) {
  std::vector<std::string> patterns{"command=\".*\",restrict ssh-ed25519 [A-Za-z0-9+\\/]* " + marker(grant)};
  if (!old.empty()) patterns.push_back(sed_pattern(old));
  return rewrite_script(patterns, line, grant.key);
}

std::string withdraw_line_script(const KeyGrant& grant, const std::string& line) {
  const std::string key =
      grant.key.empty() ? "ssh-ed25519 [A-Za-z0-9+\\/]*" : sed_pattern(grant.key);  // any, if it is unknown
  std::vector<std::string> patterns{"command=\".*\",restrict " + key + " " + marker(grant)};
  if (!line.empty()) patterns.push_back(sed_pattern(line));
  return rewrite_script(patterns, "", grant.key);
}

std::string direct_check_script(const JobSpec& spec) {
  return script_start(spec, "", "") + "set -- " + quote(borg_list_newest(script_repository(spec, ""))) +
         "\n" + script_run_borg();
}

std::string direct_parts(const JobSpec& spec) {
  const SshTarget& host = spec.repository_host;
  const std::string known = fmt::format("cyborg {}", spec.direct.host_public_key);
  const bool guarded = !spec.borg_id.empty();
  const std::string rsh =
      assign("ssh_port", std::to_string(host.port)) + assign("ssh_user", host.user) +
      assign("ssh_host", host.address) + scripts::direct_rsh +
      (guarded ? assign("ID", spec.borg_id) + scripts::id_guard + "connect \"$@\" | guard\n"
               : "connect \"$@\"\n");
  return key_path(spec) +
         "command -v ssh >/dev/null || die no-ssh\n"
         "[ -r \"$key\" ] || die no-client-key\n"
         "printf '%s\\n' " +
         quote(known) + " >\"$dir/known_hosts\" && printf '%s' " + quote(rsh) +
         " >\"$dir/rsh\" || die no-directory \"$dir\"\n"
         "export CYBORG_DIRECT=\"$dir\" CYBORG_KEY=\"$key\"\n";
}

}  // namespace cyborg
