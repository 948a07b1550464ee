#include "remote/job_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/direct_access.h"
#include "remote/script_parts.h"
#include "remote/snapshot_script.h"

namespace cyborg {

// Functions for all scripts. Directories with system programs may be missing from PATH over ssh.
const char* const kPrelude = R"sh(
umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
)sh";

// b: borg, w: waits for the end of standard input, m: misses signs of life. An ended borg gets SIGINT first,
// to write a checkpoint.
const char* const kRunBorg = R"sh(
[ "$(command -v printf)" = printf ] || die shell-unsupported
exec 4<&0
IFS= read -r P <&4 || exit 143
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null 4<&-; } &
b=$!
unset P
stop() { kill -INT $b; sleep 5; kill -TERM $b; sleep 30; kill -KILL $b; }
( while IFS= read -r x <&4 && kill -0 $$; do : >"$D/alive"; done; stop ) >/dev/null 2>&1 &
w=$!
(
  trap 'kill $s; exit' TERM
  while sleep "$SILENCE" & s=$!; wait $s; rm "$D/alive"; do :; done
  stop
) >/dev/null 2>&1 4<&- &
m=$!
trap 'kill -TERM $b; wait $b; exit 143' HUP TERM
exec 4<&-
wait $b
s=$?
kill $w $m
)sh";
constexpr const char* kEnd = "exit $s\n";

namespace {

// The BORG_RSH that joins a borg with the relay. borg splits it as a shell would. What borg writes is read by
// relay_script() from the very pipe that this has as its input: one copy of all data less.
constexpr const char* kRelayRsh =
    R"sh(sh -c 'echo $$ >"$CYBORG_RELAY/pid"; exec cat "$CYBORG_RELAY/down"')sh";

// What locked borg's cache before this machine was started is over, whatever process has its number today,
// and whatever name its network card gives the machine. How old a lock is tells the clock: if that does not
// agree with itself about this very shell, or a borg has the number, nothing is touched. A cache that was in
// use when the machine lost its power goes with its lock, in one step: borg does not sync what it writes
// there, and no backup would work any more with an index that is empty. The next borg makes it anew.
constexpr const char* kUnlock = R"sh(
since() {
  read -r t <"/proc/$1/stat" && set -- ${t##*) } && t=$(sed -n 's/^btime //p' /proc/stat) || return 1
  [ -n "$t" ] && [ -n "${20}" ] && echo $((t + ${20} / 100))
}
held() {
  for f in "$1"/*; do
    p=${f##*.}
    tr '\0' '\n' <"/proc/${p%%-*}/cmdline" | head -n 2 | grep -q '^borg\|/borg' && return 0
  done
  return 1
}
unlock() {
  [ -d "$1.exclusive" ] && ! held "$1.exclusive" && b=$(since 1) && o=$(since $$) || return 0
  o=$(($(date +%s) - o))
  [ $o -gt -5 ] && [ $o -lt 60 ] || return 0
  m=$(stat -c %Y "$1.exclusive") && [ "$m" -lt "$b" ] || return 0
  d=${1%/*}
  rm -rf "$d.lost"
  # Another script may have been faster.
  m=$(stat -c %Y "$1.exclusive") && [ "$m" -lt "$b" ] || return 0
  mv "$d" "$d.lost" && rm -rf "$d.lost" && printf '%s\n' "$1.exclusive" "$d"
}
)sh";

std::string unlock_cache(const JobSpec& spec) {
  if (spec.borg_id.empty()) return {};
  return kUnlock + ("unlock \"${BORG_CACHE_DIR:-$BORG_BASE_DIR/.cache/borg}/" + spec.borg_id +
                    "/lock\" 2>/dev/null | while IFS= read -r l; do say lock-removed \"$l\"; done\n");
}

// The script's private directory. Without a relay, which nobody can guess, `end` makes it one of its own.
std::string directory_name(const JobSpec& spec, const std::string& relay, const char* end) {
  return "cyborg-job-" + (relay.empty() ? fmt::format("{:016x}-{}", spec.job, end) : relay);
}

std::string relay_directory(const std::string& relay) {
  return "D=${TMPDIR:-/tmp}/" + quote(directory_name({}, relay, "")) + "\n";
}

std::string exports(const Environment& environment) {
  std::string text;
  for (const auto& [name, value] : environment) text += fmt::format("export {}={}\n", name, quote(value));
  return text;
}

// The private directory, with the FIFOs if there is a relay. Whoever still waits to open one is let go by
// opening it for both directions, which never blocks on Linux.
std::string make_directory(const JobSpec& spec, const std::string& relay, bool direct) {
  std::string text = std::string{"clean() {\n"} + (direct ? kTellSsh : "") + R"sh(
  [ -p "$D/down" ] && : 5<>"$D/pid" 6<>"$D/down"
  rm -rf "$D"
}
trap clean EXIT
)sh";
  if (relay.empty()) {
    return fmt::format("D=$(mktemp -d \"${{TMPDIR:-/tmp}}/{}\") || die no-directory /tmp\n",
                       directory_name(spec, relay, "XXXXXX")) +
           text;
  }
  return relay_directory(relay) + text + R"sh(
mkdir -m 700 "$D" || die no-directory "$D"
mkfifo "$D/pid" "$D/down" || die no-directory "$D"
export CYBORG_RELAY="$D"
)sh";
}

// The arguments are the roots that are there.
std::string existing_roots(const JobSpec& spec) {
  std::string text = "set --\n";
  for (const auto& root : spec.roots) {
    text += fmt::format("[ -e {0} ] && set -- \"$@\" {0}\n", quote(root));
  }
  return text + "[ $# -gt 0 ] || die source-missing all\n";
}

// Every root must be there before borg starts: it would only warn and make an archive without it. Roots are
// told by number, since a name may hold line breaks.
std::string check_roots(const JobSpec& spec) {
  if (spec.any_root) return existing_roots(spec);
  std::string text = "need() { [ -r \"$2\" ] || [ -L \"$2\" ] || die source-missing \"$1\"; }\n";
  for (std::size_t i = 0; i < spec.roots.size(); ++i) {
    text += fmt::format("need {} {}\n", i, quote(spec.roots[i]));
  }
  return text + "set -- " + quote(spec.roots) + "\n";
}

// Where one leads is the client's to say, and one line.
std::string tell_links(const JobSpec& spec) {
  std::string text =
      "link() {\n"
      "  [ -L \"$2\" ] || return 0\n"
      "  l=$(readlink -f \"$2\" || readlink \"$2\")\n"
      "  say \"root-link $1 $(printf %s \"$l\" | tr '\\n' ' ')\"\n"
      "}\n";
  // Otherwise the arguments are the roots, and need not be written once more.
  if (!spec.any_root) return text + "n=0\nfor r; do link $n \"$r\"; n=$((n + 1)); done\n";
  for (std::size_t i = 0; i < spec.roots.size(); ++i) {
    text += fmt::format("link {} {}\n", i, quote(spec.roots[i]));
  }
  return text;
}

bool lies_in(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

std::string script_prelude() {
  return kPrelude + std::string{"say started\n"};
}

std::string script_run_borg() {
  return std::string{kRunBorg} + kEnd;
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

// What borg could not write at once it copies once more for each piece that it can: a pipe of 1 MiB instead
// of 64 KiB saves half of its processor time. Debian always has perl, and whoever has borg mostly has
// python3; without either all goes on as it is. The number is F_SETPIPE_SZ.
constexpr const char* kWidenPipe = R"sh(
{ perl -e 'fcntl(STDIN, 1031, 1 << 20) or exit 1' || python3 -c 'import fcntl; fcntl.fcntl(0, 1031, 1 << 20)'
} <"/proc/$p/fd/0" >/dev/null 2>&1 &
)sh";

// The input of a background command would be /dev/null if it was not taken from elsewhere.
std::string relay_script(const std::string& relay) {
  return relay_directory(relay) + R"sh(
n=0
until [ -p "$D/down" ]; do
  n=$((n+1))
  [ $n -lt 100 ] || exit 99
  sleep 0.1 2>/dev/null || sleep 1
done
read -r p <"$D/pid" || exit 99
exec 3<&0
cat <&3 >"$D/down" &
)sh" + kWidenPipe +
         R"sh(
exec cat "/proc/$p/fd/0"
)sh";
}

std::string backup_script(const JobSpec& spec, const std::string& relay) {
  const std::string start = script_start(spec, relay, "") + check_roots(spec) + tell_links(spec);
  const auto create = [&](JobSpec as) {
    // Before any other rule, since the first that fits decides; and not looked into.
    as.patterns.insert(as.patterns.begin(), "! sh:**/" + directory_name(spec, relay, "*"));
    return "set -- " + quote(borg_create(as, script_repository(as, relay))) + " \"$@\"\n";
  };
  if (!spec.snapshot) return start + create(spec) + kRunBorg + kEnd;
  // Names the snapshots as this script's.
  const std::string word = relay.empty() ? fmt::format("{:016x}", spec.job) : relay;
  JobSpec without = spec;
  without.exclude.push_back(snapshot_pattern(word));
  const std::string command = create(without);
  // Making the snapshots uses up the roots.
  return in_mount_namespace(start + snapshot_part(spec, word) + check_roots(spec) + command +
                            "[ -z \"$N\" ] || set -- chroot \"$N\" \"$@\"\n" + kRunBorg + snapshot_check() +
                            kEnd);
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
