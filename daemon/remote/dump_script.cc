#include "remote/dump_script.h"

#include <fmt/format.h>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/dump_tools.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"

namespace cyborg {
namespace {

// What every tool begins with; see dump_tools.h. Descriptor 8 is the file with the password, if there is one.
// The one way from the name of a database to that of a file, and back with any percent-decoder: letters,
// digits, "-", "_", "." and all that is not ASCII stay, other bytes become %xx.
constexpr const char* kEncode = R"sh(
cd /
unset TZ BORG_BASE_DIR BORG_PASSPHRASE_FD BORG_RSH CYBORG_RELAY
v=$1 n=$2
encode() {
  for c in $(printf %s "$1" | od -An -v -tx1); do
    case $c in
      2[de] | 3[0-9] | 4[1-9a-f] | 5[0-9a] | 5f | 6[1-9a-f] | 7[0-9a] | [89a-f]?) printf "\\$(printf %03o "0x$c")" ;;
      *) printf %%%s "$c" ;;
    esac
  done
}
entry() { printf '%s/%s.%s %s\n' "$1" "$(encode "$2")" "$3" "$2"; }
entries() { printf '%s\n' "$1" | while IFS= read -r x; do entry "$2" "$x" "$3"; done; }
need() { for x; do command -v "$x" >/dev/null || { echo "$x is not installed" >&2; exit 1; }; done; }
)sh";

// As root without a user and a host, the tools run as postgres, whom the server knows by the socket. libpq
// takes a password file only if it is a regular file, which descriptor 8 is.
constexpr const char* kPostgresqlAccess = R"sh(
need psql
as=
if [ -z "$PGUSER$PGHOST" ] && [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || { echo 'there is no user postgres: give user and host' >&2; exit 1; }
  if command -v runuser >/dev/null; then as='runuser -u postgres --'; else need sudo; as='sudo -n -u postgres --'; fi
fi
[ ! -e /dev/fd/8 ] || export PGPASSFILE=/dev/fd/8
[ -n "$PGUSER" ] || unset PGUSER
[ -n "$PGHOST" ] || unset PGHOST
export PGDATABASE=postgres PGCONNECT_TIMEOUT=60
)sh";

constexpr const char* kPostgresql = R"sh(
need pg_dump pg_dumpall
ask() { $as psql -XAtqw -c "$1"; }
globals() {
  all=$(ask "select has_table_privilege('pg_catalog.pg_authid', 'select')") || exit 1
  [ "$all" = t ] || {
    echo 'the roles are saved without their passwords, which this user may not read' >&2
    set -- --no-role-passwords
  }
  $as pg_dumpall -w --globals-only "$@"
}
case $v$n in
  list)
    echo 'postgresql/globals.sql '
    if [ -n "$NAMES" ]; then
      x=$NAMES
    else
      export PGCLIENTENCODING=UTF8
      x=$(ask 'select datname from pg_database where datallowconn and not datistemplate order by 1') || exit 1
    fi
    entries "$x" postgresql dump
    ;;
  dump) globals ;;
  *)
    export PGDATABASE="$n"
    $as pg_dump -w -Fc
    ;;
esac
)sh";

// MariaDB's tools have had names of their own for some time.
constexpr const char* kMysqlAccess = R"sh(
client=mariadb dump=mariadb-dump
command -v mariadb >/dev/null || client=mysql
command -v mariadb-dump >/dev/null || dump=mysqldump
need "$client" "$dump"
set --
[ ! -e /dev/fd/8 ] || set -- --defaults-extra-file=/dev/fd/8
[ -z "$DBUSER" ] || set -- "$@" "--user=$DBUSER"
[ -z "$DBHOST" ] || set -- "$@" "--host=$DBHOST"
[ -z "$DBPORT" ] || set -- "$@" "--port=$DBPORT"
)sh";

// MySQL's tools know no --system, so what it prints is asked for.
constexpr const char* kMysql = R"sh(
grants() {
  if "$dump" --help 2>/dev/null | grep -q -e '^ *--system='; then
    exec "$dump" "$@" --system=users
  fi
  users=$("$client" "$@" -NBr -e "select concat(quote(user), '@', quote(host)) from mysql.user") || exit 1
  printf '%s\n' "$users" | while IFS= read -r x; do
    x=$("$client" "$@" -NBr -e "show create user $x; show grants for $x" </dev/null) || exit 1
    printf '%s\n' "$x" | sed 's/$/;/'
  done
}
case $v$n in
  list)
    if [ -z "$NAMES" ]; then
      x=$("$client" "$@" --default-character-set=utf8mb4 -NBr -e "select schema_name from information_schema.schemata
        where schema_name not in ('information_schema', 'performance_schema', 'sys') order by 1") || exit 1
      echo 'mysql/grants.sql '
    elif x=$("$client" "$@" -e 'select 1 from mysql.user limit 1' 2>&1); then
      echo 'mysql/grants.sql '
    else
      # A server that cannot be reached fails with the first dump, and says why.
      echo "the grants are left out: $x" >&2
    fi
    entries "${NAMES:-$x}" mysql sql
    ;;
  dump) grants "$@" ;;
  *)
    exec "$dump" "$@" --single-transaction --quick --routines --events --triggers --hex-blob --no-tablespaces \
      --default-character-set=utf8mb4 -- "$n"
    ;;
esac
)sh";

// A stage of a pipe that fails is a failure, where the shell can tell: bash can. What the command prints is
// passed on by `pass`, which knows whether there was a first byte; its own failure is one, too.
constexpr const char* kPiped = R"sh(
produce() {
  if command -v bash >/dev/null; then exec bash -o pipefail -c "$COMMAND"; fi
  (set -o pipefail) 2>/dev/null && exec sh -o pipefail -c "$COMMAND"
  exec sh -c "$COMMAND"
}
pass() {
  case $(dd bs=1 count=1 2>&1 >&3) in
    1+0*) exec cat >&3 ;;
    0+0*) exit 100 ;;
  esac
  exit 101
}
case $v in
  list) printf '%s -\n' "$FILENAME" ;;
  *)
    exec 3>&1
    r=$({ { (produce) 3>&- 4>&-; echo $? >&4; } | pass 4>&-; } 4>&1)
    p=$?
    [ "$r" = 0 ] || exit "${r:-1}"
    case $p in
      0) ;;
      100) echo "@warning the command printed nothing: $FILENAME in the archive is empty" >&2 ;;
      *) echo 'what the command printed could not be passed on' >&2; exit 1 ;;
    esac
    ;;
esac
)sh";

// The second line of standard input goes to a file without a name, in memory: libpq reads passwords from
// nothing but a regular file or the environment. The name is gone before the password is written.
constexpr const char* kSecret = R"sh(
[ "$(command -v printf)" = printf ] || die shell-unsupported
exec 4<&0
IFS= read -r P <&4 || exit 143
IFS= read -r W <&4 || exit 143
if [ -n "$W" ]; then
  M=
  for x in /dev/shm /run; do
    case $(stat -f -c %T "$x" 2>/dev/null) in tmpfs | ramfs) [ ! -w "$x" ] || { M=$x; break; } ;; esac
  done
  [ -n "$M" ] && M=$(mktemp "$M/cyborg-XXXXXX") && exec 8<>"$M" && rm "$M" || die no-memory-directory /dev/shm
  printf "$FORM" "$W" >&8
fi
unset W
)sh";

// b: borg, d: what is waited for, h: tells what a tool says, over: borg has ended. Whatever ends this, ends
// both, and first borg: it must never see the end of a file whose dump has not ended well. No checkpoint is
// written, as it would hold a part of a dump.
constexpr const char* kFunctions = R"sh(
b= d= over= w= m= g=
end_dump() { [ -z "$d" ] || kill -s TERM -- "-$d" || kill -TERM "$d"; } 2>/dev/null
end_borg() {
  trap '' USR1
  [ -n "$b" ] || return 0
  kill -TERM $b 2>/dev/null
  (sleep 30; kill -KILL $b) >/dev/null 2>&1 4<&- 5>&- 7>&- &
  k=$!
  wait $b
  s=$?
  kill $k 2>/dev/null
}
leave() {
  trap '' HUP INT TERM
  end_borg
  end_dump
  release
  kill $w $m 2>/dev/null
  exit 143
}
trap leave HUP INT TERM
trap 'over=1; end_dump' USR1
setsid=
command -v setsid >/dev/null && setsid=setsid
run() {
  while IFS= read -r x || [ -n "$x" ]; do
    case $x in '@warning '*) say "dump-warning ${x#* }" ;; *) say "dump-said $x" ;; esac
  done <"$D/words" >/dev/null 4<&- 5>&- 7>&- &
  h=$!
  $setsid sh -c "$TOOL" dump "$@" 2>"$D/words" </dev/null 4<&- 5>&- 7>&- &
  await
  r=$?
  # What the tool has left in the background may hold its words for ever.
  (trap 'kill $s; exit' TERM; sleep 5 & s=$!; wait $s; kill $h) >/dev/null 2>&1 4<&- 5>&- 7>&- 8<&- &
  k=$!
  wait $h || [ -n "$over" ] || say 'dump-said it has left a process that holds its output: that is not waited for'
  kill $k 2>/dev/null
  return $r
}
await() {
  d=$!
  [ -z "$over" ] || end_dump
  wait $d
  r=$?
  end_dump_again
  return $r
}
# A signal may have ended the wait before that which is waited for.
end_dump_again() { [ -z "$over" ] || end_dump; d=; }
fail() {
  # A borg that ended by itself broke the pipe, and has the better reason: its end takes a moment to arrive.
  [ -z "$b" ] || [ -n "$over" ] || sleep 1
  if [ -z "$over" ]; then
    end_borg
    say "$@"
    s=99
  else
    trap '' USR1
    wait $b
    s=$?
    case $s in 0 | 1 | 1[0-2]?) say "$@"; s=99 ;; esac
  fi
  release
  kill $w $m 2>/dev/null
  exit $s
}
)sh";

// What holds things for the dumps: it lives in a session of its own, gets its orders from the FIFO "ask", and
// lets go at its end, which comes with the end of this shell, whatever that is: nobody else has descriptor 5.
// If nothing is "released" then, this shell was killed, and it ends borg in its place.
// Should it be killed itself, another one does that for it.
constexpr const char* kHold = R"sh(
hold() {
  mkdir "$D/held" && mkfifo "$D/ask" || die no-directory "$D"
  export CYBORG_DUMP="$D"
  $setsid sh -c "$TOOL" dump hold "$D" <"$D/ask" >/dev/null 2>&1 4<&- 8<&- &
  g=$!
  echo $g >"$D/held/pid"
  exec 5>"$D/ask"
}
release() {
  [ -n "$g" ] || return 0
  : >"$D/held/released"
  exec 5>&-
  wait $g || $setsid sh -c "$TOOL" dump hold "$D" </dev/null >/dev/null 2>&1 4<&- 7>&- 8<&- ||
    say "dump-warning what was held for the backup could not be let go; the next backup tries again"
  g=
}
)sh";

// Signs of life, and the end of standard input; see kRunBorg in job_script.cc.
constexpr const char* kWatchers = R"sh(
(
  while IFS= read -r x <&4 && kill -0 $$; do : >"$D/alive"; done
  # If this script was killed, whoever waits to open a FIFO would wait for ever.
  kill -TERM $$ || { find "$D" -type p -exec sh -c ': <>"$1"' sh {} \; ; rm -rf "$D"; }
) >/dev/null 2>&1 8<&- &
w=$!
(
  trap 'kill $s; exit' TERM
  while sleep "$SILENCE" & s=$!; wait $s; rm "$D/alive"; do :; done
  kill -TERM $$
) >/dev/null 2>&1 4<&- 8<&- &
m=$!
)sh";

// Each FIFO is held open by this shell until the status of its dump is known. What opens it for writing and
// nothing else waits until borg opens it.
constexpr const char* kRunDumps = R"sh(
exec 4<&-
mkdir "$D/dump" && mkfifo "$D/life" "$D/words" || die no-directory "$D"
run list >"$D/list" || fail dump-list-failed
while IFS= read -r x; do
  f=${x%% *}
  case $f in */*) mkdir -p "$D/dump/${f%/*}" ;; esac
  mkfifo "$D/dump/$f" || fail dump-failed "${x#* }"
  set -- "$@" "$f"
done <"$D/list"
[ -z "$HOLDS" ] || hold
( IFS= read -r x <"$D/life"; kill -USR1 $$ ) >/dev/null 2>&1 5>&- 8<&- &
printf '%s\n' "$P" | { cd "$D/dump" && exec "$@" 3<&0 0</dev/null 5>&- 8<&- 9>"$D/life"; } &
b=$!
unset P
[ -z "$HOLDS" ] || echo $b >"$D/held/borg"
while IFS= read -r x; do
  f=$D/dump/${x%% *}
  exec 6<>"$f" 7>"$f" 6<&-
  ( : >"$f" ) >/dev/null 2>&1 5>&- 7>&- &
  await
  say "dumping ${x#* }"
  [ -z "$over" ] && run dump "${x#* }" >&7 && [ -z "$over" ] || fail dump-failed "${x#* }"
  exec 7>&-
done <"$D/list"
release
trap '' USR1
wait $b
s=$?
kill $w $m 2>/dev/null
exit $s
)sh";

std::string port(const DumpSpec& dump) {
  return dump.port > 0 ? std::to_string(dump.port) : std::string{};
}

std::string tool(const DumpSpec& dump) {
  if (dump.type == "piped") {
    return kEncode + assign("FILENAME", dump.filename) + assign("COMMAND", dump.command) + kPiped;
  }
  if (dump.type == "vm") return kEncode + vm_tool(dump);
  if (dump.type == "proxmox") return kEncode + proxmox_tool(dump);
  return kEncode + assign("NAMES", dump.databases) + tool_access(dump) +
         (dump.type == "mysql" ? kMysql : kPostgresql);
}

std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

bool holds(const DumpSpec& dump) {
  return dump.type == "vm";
}

const char* what_is_listed(const DumpSpec& dump) {
  return dump.type == "vm" || dump.type == "proxmox" ? "guests" : "databases";
}

std::string guest_part(std::string_view name) {
  const auto space = name.find(' ');
  const auto part = name.substr(0, space);
  const auto guest = space == std::string_view::npos ? std::string_view{} : name.substr(space + 1);
  if (part == "-") return fmt::format("the definition of guest \"{}\"", guest);
  if (part == "nvram") return fmt::format("the firmware's variables of guest \"{}\"", guest);
  return fmt::format("disk {} of guest \"{}\"", part, guest);
}

}  // namespace

std::string assign(const char* name, const std::string& value) {
  return fmt::format("{}={}\n", name, quote(value));
}

std::string assign(const char* name, const std::vector<std::string>& values) {
  return assign(name, fmt::format("{}", fmt::join(values, "\n")));
}

std::string script_secret(const DumpSpec& dump) {
  return assign("FORM", dump.type == "mysql" ? "[client]\\n%s\\n" : "%s\\n") + kSecret;
}

std::string script_watchers() {
  return kWatchers;
}

std::string tool_start() {
  return kEncode;
}

std::string tool_access(const DumpSpec& dump) {
  if (dump.type == "mysql") {
    return assign("DBUSER", dump.user) + assign("DBHOST", dump.host) + assign("DBPORT", port(dump)) +
           kMysqlAccess;
  }
  std::string text = assign("PGUSER", dump.user) + assign("PGHOST", dump.host) + "export PGUSER PGHOST\n";
  if (dump.port > 0) text += assign("PGPORT", port(dump)) + "export PGPORT\n";
  return text + kPostgresqlAccess;
}

std::string dump_script(const JobSpec& spec, const std::string& relay) {
  const auto borg = borg_create(spec, script_repository(spec, relay));
  // There, both lines come from the descriptor that a borg alone would read its passphrase from.
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "") + assign("TOOL", tool(spec.dump)) +
         assign("HOLDS", holds(spec.dump) ? "yes" : "") + script_secret(spec.dump) + kFunctions + kHold +
         (spec.local ? "" : kWatchers) + "set -- " + quote(borg) + "\n" + kRunDumps;
}

std::string dump_secret(const JobSpec& spec, const std::string& password) {
  if (password.empty()) return {};
  if (spec.dump.type == "mysql") return "password=\"" + escaped(password, "\\\"") + "\"";
  return "*:*:*:*:" + escaped(password, "\\:");
}

std::string dump_name(const JobSpec& spec, std::string_view name) {
  if (spec.dump.type == "piped") return "the output of the command";
  if (spec.dump.type == "vm") return guest_part(name);
  if (spec.dump.type == "proxmox") return fmt::format("guest {}", name.substr(name.find(' ') + 1));
  if (name.empty()) return spec.dump.type == "mysql" ? "the grants" : "the roles";
  return fmt::format("database \"{}\"", name);
}

std::string dump_failure(const JobSpec& spec, const std::string& code, const std::string& name,
                         const std::string& said) {
  const std::string reason = said.empty() ? "the command gave no reason" : said;
  if (code == "dump-list-failed") {
    return fmt::format("the {} of {} could not be listed: {}", what_is_listed(spec.dump), spec.client,
                       reason);
  }
  return fmt::format("{} of {} could not be saved, so there is no archive: {}", dump_name(spec, name),
                     spec.client, reason);
}

}  // namespace cyborg
