// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/job_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/direct_access.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"
#include "remote/snapshot_script.h"

namespace cyborg {

namespace {

// The BORG_RSH that connects borg with the relay. borg splits it as a shell would. relay_script() reads
// borg's output directly from the pipe that is its input, which saves one copy of all data.
constexpr const char* kRelayRsh =
    R"sh(sh -c 'echo $$ >"$CYBORG_RELAY/pid"; exec cat "$CYBORG_RELAY/down"')sh";

std::string unlock_cache(const JobSpec& spec) {
  if (spec.borg_id.empty()) return {};
  return scripts::unlock_cache +
         ("unlock \"${BORG_CACHE_DIR:-$BORG_BASE_DIR/.cache/borg}/" + spec.borg_id +
          "/lock\" 2>/dev/null | while IFS= read -r lock; do say lock-removed \"$lock\"; done\n");
}

// The script's private directory. Without a relay word, which is unguessable, `end` makes it unique.
std::string directory_name(const JobSpec& spec, const std::string& relay, const char* end) {
  return "cyborg-job-" + (relay.empty() ? fmt::format("{:016x}-{}", spec.job, end) : relay);
}

std::string relay_directory(const std::string& relay) {
  return "dir=${TMPDIR:-/tmp}/" + quote(directory_name({}, relay, "")) + "\n";
}

std::string exports(const Environment& environment) {
  std::string text;
  for (const auto& [name, value] : environment) text += fmt::format("export {}={}\n", name, quote(value));
  return text;
}

// The private directory, with the FIFOs if there is a relay.
std::string make_directory(const JobSpec& spec, const std::string& relay, bool direct) {
  const std::string made =
      relay.empty() ? fmt::format("dir=$(mktemp -d \"${{TMPDIR:-/tmp}}/{}\") || die no-directory /tmp\n",
                                  directory_name(spec, relay, "XXXXXX"))
                    : relay_directory(relay);
  return made + (direct ? scripts::tell_ssh : "tell_ssh() { :; }\n") + scripts::private_directory +
         (relay.empty() ? "" : "make_relay\n");
}

// Sets the arguments to the existing roots.
std::string existing_roots(const JobSpec& spec) {
  std::string text = "set --\n";
  for (const auto& root : spec.roots) {
    text += fmt::format("[ -e {0} ] && set -- \"$@\" {0}\n", quote(root));
  }
  return text + "[ $# -gt 0 ] || die source-missing all\n";
}

std::string check_roots(const JobSpec& spec) {
  if (spec.any_root) return existing_roots(spec);
  std::string text;
  for (std::size_t i = 0; i < spec.roots.size(); ++i) {
    text += fmt::format("need_root {} {}\n", i, quote(spec.roots[i]));
  }
  return text + "set -- " + quote(spec.roots) + "\n";
}

std::string tell_links(const JobSpec& spec) {
  // The arguments are the roots, and need not be repeated, unless some do not exist.
  if (!spec.any_root) return "tell_links \"$@\"\n";
  std::string text;
  for (std::size_t i = 0; i < spec.roots.size(); ++i) {
    text += fmt::format("tell_link {} {}\n", i, quote(spec.roots[i]));
  }
  return text;
}

bool lies_in(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

std::string assign(const char* name, const std::string& value) {
  return fmt::format("{}={}\n", name, quote(value));
}

std::string assign(const char* name, const std::vector<std::string>& values) {
  return assign(name, fmt::format("{}", fmt::join(values, "\n")));
}

std::string script_prelude(const char* umask, const char* locale) {
  return fmt::format("{}umask {}\nexport LC_ALL={}\nsay started\n", scripts::prelude, umask, locale);
}

std::string script_run_borg() {
  return std::string{scripts::run_borg} + "exit $status\n";
}

std::string script_start(const JobSpec& spec, const std::string& relay, const std::string& sub_directory) {
  const bool direct = relay.empty() && spec.direct.used;
  const std::string rsh = direct ? kDirectRsh : relay.empty() ? std::string{} : kRelayRsh;
  return script_prelude() + make_directory(spec, relay, direct) + fmt::format("SILENCE={}\n", kSilence) +
         "command -v borg >/dev/null || die no-borg\n" + exports(borg_environment({}, rsh, spec)) +
         "export BORG_BASE_DIR=\"${CYBORG_CLIENT_DIR:-" + kClientDirectory + "}" + sub_directory +
         "\"\n"
         "export BORG_PASSPHRASE_FD=3\n"
         "mkdir -p \"$BORG_BASE_DIR\" || die no-directory \"$BORG_BASE_DIR\"\n" +
         unlock_cache(spec) + (direct ? direct_parts(spec) : "");
}

std::string script_repository(const JobSpec& spec, const std::string& relay) {
  const bool here = relay.empty() && spec.repository_host.address.empty();
  return here ? spec.repository_path : relay_url(spec.repository_path);
}

std::string relay_script(const std::string& relay) {
  return relay_directory(relay) + scripts::relay;
}

std::string backup_script(const JobSpec& spec, const std::string& relay) {
  const std::string start =
      script_start(spec, relay, "") + scripts::roots + check_roots(spec) + tell_links(spec);
  const auto create = [&](JobSpec as) {
    // Before any other rule, since the first match decides; and without descending into it.
    as.patterns.insert(as.patterns.begin(), "! sh:**/" + directory_name(spec, relay, "*"));
    return "set -- " + quote(borg_create(as, script_repository(as, relay))) + " \"$@\"\n";
  };
  if (!spec.snapshot) return start + create(spec) + script_run_borg();
  // Names the snapshots as this script's.
  const std::string word = relay.empty() ? fmt::format("{:016x}", spec.job) : relay;
  JobSpec without = spec;
  without.exclude.push_back(snapshot_pattern(word));
  const std::string command = create(without);
  // Making the snapshots uses up the roots.
  return in_mount_namespace(start + snapshot_part(spec, word) + check_roots(spec) + command +
                            "[ -z \"$new_root\" ] || set -- chroot \"$new_root\" \"$@\"\n" +
                            scripts::run_borg + snapshot_check() + "exit $status\n");
}

std::optional<std::string> root_link_warning(const JobSpec& spec, std::size_t root, std::string_view target) {
  if (root >= spec.roots.size()) return std::nullopt;
  const bool saved = std::ranges::any_of(
      spec.roots, [&](const auto& one) { return &one != &spec.roots[root] && lies_in(target, one); });
  if (saved) return std::nullopt;
  return fmt::format(
      "{} on {} is a symbolic link to {}, and nothing but the link is saved: name the folder itself",
      spec.roots[root], spec.client, target);
}

std::optional<std::string> root_link_warning(const JobSpec& spec, std::string_view told) {
  std::size_t root = 0;
  const auto end = std::from_chars(told.data(), told.data() + told.size(), root).ptr;
  const auto number = static_cast<std::size_t>(end - told.data());
  if (number == 0 || number >= told.size() || told[number] != ' ') return std::nullopt;
  return root_link_warning(spec, root, told.substr(number + 1));
}

std::string authorize_script(const std::string& public_key) {
  return script_prelude() + assign("key", public_key) + scripts::authorize;
}

std::string probe_repository_script(const std::string& path) {
  return assign("REPOSITORY", path) + scripts::probe_repository;
}

std::string script_command(const std::string& script, const std::string& user) {
  // exec sh: whatever the user's login shell is, the script runs in a POSIX shell.
  const std::string shell = "sh -c " + quote(script);
  return user == "root" ? "exec " + shell : "exec sudo -n " + shell;
}

}  // namespace cyborg
