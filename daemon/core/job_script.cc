#include "core/job_script.h"

#include <fmt/format.h>

#include "core/borg.h"
#include "core/quote.h"

namespace cyborg {
namespace {

// Functions for all scripts. Directories with system programs may be missing from PATH over ssh.
constexpr const char* kPrelude = R"sh(
umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
)sh";

// The private directory with the FIFOs. Whoever still waits to open one is let go by opening it for both
// directions, which never blocks on Linux.
constexpr const char* kMakeRelay = R"sh(
mkdir -m 700 "$D" || die no-directory "$D"
mkfifo "$D/up" "$D/down" || die no-directory "$D"
)sh";

// b: borg, w: the watcher. When standard input ends, borg gets SIGINT to write a checkpoint, then the rest.
constexpr const char* kRunBorg = R"sh(
[ "$(command -v printf)" = printf ] || die shell-unsupported
exec 4<&0
IFS= read -r P <&4 || exit 143
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null 4<&-; } &
b=$!
unset P
(
  while IFS= read -r x <&4; do :; done
  kill -INT $b; sleep 5; kill -TERM $b; sleep 30; kill -KILL $b
) >/dev/null 2>&1 3<&- &
w=$!
trap 'kill -TERM $b; exit 143' HUP TERM
exec 4<&-
wait $b
s=$?
kill $w
exit $s
)sh";

std::string exports(const Environment& environment) {
  std::string text;
  for (const auto& [name, value] : environment) text += fmt::format("export {}={}\n", name, quote(value));
  return text;
}

std::string clean_up(const std::string& relay_directory) {
  if (relay_directory.empty()) return {};
  return fmt::format("D={}\n", quote(relay_directory)) +
         "clean() { [ -p \"$D/down\" ] && : 5<>\"$D/up\" 6<>\"$D/down\"; rm -rf \"$D\"; }\n"
         "trap clean EXIT\n";
}

std::string start(const JobSpec& spec, const std::string& relay_directory, const std::string& sub_directory) {
  const std::string rsh = relay_directory.empty() ? std::string{} : relay_rsh(relay_directory);
  return kPrelude + clean_up(relay_directory) + "say started\n" +
         (relay_directory.empty() ? "" : kMakeRelay) + "command -v borg >/dev/null || die no-borg\n" +
         exports(borg_environment({}, rsh, spec)) + "export BORG_BASE_DIR=\"${CYBORG_CLIENT_DIR:-" +
         kClientDirectory + "}" + sub_directory +
         "\"\n"
         "export BORG_PASSPHRASE_FD=3\n"
         "mkdir -p \"$BORG_BASE_DIR\" || die no-directory \"$BORG_BASE_DIR\"\n";
}

// Every root must be there before borg starts: it would only warn and make an archive without it. Roots are
// told by number, since a name may hold line breaks.
std::string check_roots(const JobSpec& spec) {
  if (spec.any_root) {
    std::string text = "set --\n";
    for (const auto& root : spec.roots) {
      text += fmt::format("[ -e {0} ] && set -- \"$@\" {0}\n", quote(root));
    }
    return text + "[ $# -gt 0 ] || die source-missing all\n";
  }
  std::string text = "need() { [ -r \"$2\" ] || [ -L \"$2\" ] || die source-missing \"$1\"; }\n";
  for (std::size_t i = 0; i < spec.roots.size(); ++i) {
    text += fmt::format("need {} {}\n", i, quote(spec.roots[i]));
  }
  return text + "set -- " + quote(spec.roots) + "\n";
}

std::string repository_for(const JobSpec& spec, const std::string& relay_directory) {
  return relay_directory.empty() ? spec.repository_path : relay_url(spec.repository_path);
}

}  // namespace

std::string relay_rsh(const std::string& relay_directory) {
  // borg splits this like a shell would. The directory's name has no special characters; see the caller.
  return fmt::format("sh -c 'exec 3<&0; cat <&3 >{0}/up & exec cat {0}/down' relay", relay_directory);
}

std::string relay_script(const std::string& relay_directory) {
  return fmt::format("D={}\n", quote(relay_directory)) + R"sh(
n=0
until [ -p "$D/down" ]; do
  n=$((n+1))
  [ $n -lt 100 ] || exit 99
  sleep 0.1 2>/dev/null || sleep 1
done
exec 3<&0
cat <&3 >"$D/down" &
exec cat "$D/up"
)sh";
}

std::string backup_script(const JobSpec& spec, const std::string& relay_directory) {
  const auto borg = borg_create(spec, repository_for(spec, relay_directory));
  return start(spec, relay_directory, "") + check_roots(spec) + "set -- " + quote(borg) + " \"$@\"\n" +
         kRunBorg;
}

std::string restore_script(const JobSpec& spec, const std::string& relay_directory) {
  const auto borg = borg_extract(spec, repository_for(spec, relay_directory));
  // The directory belongs to the user of the machine: not with our umask.
  return start(spec, relay_directory, "/restore") +
         fmt::format("(umask 022; mkdir -p -- {0}) && cd -- {0} || die no-directory {0}\n",
                     quote(spec.directory)) +
         "umask 022\nset -- " + quote(borg) + "\n" + kRunBorg;
}

std::string authorize_script(const std::string& public_key) {
  return std::string{kPrelude} + "K=" + quote(public_key) + R"sh(
say started
cd && mkdir -p .ssh && chmod 700 .ssh || die no-directory "$HOME/.ssh"
F=.ssh/authorized_keys
[ -e "$F" ] || : >"$F"
chmod 600 "$F"
grep -qxF -e "$K" "$F" && exit 0
[ -z "$(tail -c 1 "$F")" ] || echo >>"$F"
printf '%s\n' "$K" >>"$F" || die no-directory "$HOME/$F"
)sh";
}

std::string script_command(const std::string& script, const std::string& user) {
  // exec sh: whatever the user's login shell is, the script sees a POSIX one.
  const std::string shell = "sh -c " + quote(script);
  return user == "root" ? "exec " + shell : "exec sudo -n " + shell;
}

}  // namespace cyborg
