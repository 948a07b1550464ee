#include "remote/load_script.h"

#include <fmt/format.h>

#include "borg/archive_items.h"
#include "borg/command.h"
#include "core/quote.h"
#include "remote/dump_script.h"
#include "remote/dump_tools.h"
#include "remote/script_parts.h"

namespace cyborg {
namespace {

// A tool's verbs: look, prepare (which ends with 3 when the database may not be touched), load, finish, undo,
// and globals. $N is the database, $O its name in the archive, $A a name that is only ours. Files in $D say
// how far it got: `made` that $N is ours to remove, `other` that $A is there.

// What was there goes by another name until the new one is complete: nothing of it is lost, whatever happens.
// A database that pg_restore makes itself gets its encoding, locale, owner and settings as they were.
constexpr const char* kPostgresql = R"sh(
need pg_restore
M=postgres
[ "$N" != postgres ] || M=template1
sql_in() { $as env PGDATABASE="$1" psql -XAtqw -v ON_ERROR_STOP=1 -v n="$N" -v o="$O" -v a="$A"; }
sql() { printf '%s\n' "$1" | sql_in "$M"; }
has() { sql "select count(*) from pg_database where datname = :'$1'"; }
restore() {
  x=$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g") && shift || exit 1
  $as pg_restore -w --exit-on-error "$@" -d "dbname='$x'"
}
look() {
  x=$(has n) || exit 1
  [ "$x" != 0 ] || { echo missing; return; }
  x=$(echo "with ours as (select oid, nspname from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema')
    select case when exists (select from pg_class join ours on ours.oid = relnamespace)
      or exists (select from pg_proc join ours on ours.oid = pronamespace)
      or exists (select from pg_type join ours on ours.oid = typnamespace)
      or exists (select from ours where nspname <> 'public') then 'full' else 'empty' end" | sql_in "$N") || exit 1
  echo "$x"
}
case $v in
  look) look ;;
  prepare)
    x=$(look) || exit 1
    case $x$OVERWRITE in
      full) exit 3 ;;
      full1)
        : >"$D/other"
        sql "alter database :\"n\" allow_connections false;
          select pg_terminate_backend(pid) from pg_stat_activity where datname = :'n';
          alter database :\"n\" rename to :\"a\"" || exit 1
        ;;
      empty*) exit 0 ;;
    esac
    : >"$D/made"
    [ "$N" != "$O" ] || exit 0
    # Like the one that it is a copy of, if that is there.
    x=$(has o) || exit 1
    if [ "$x" = 0 ]; then
      sql 'create database :"n" template template0'
    else
      sql "select format('create database %I template template0 encoding %L', :'n', pg_encoding_to_char(encoding))
        || case when datlocprovider = 'c' then format(' lc_collate %L lc_ctype %L', datcollate, datctype) else '' end
        from pg_database where datname = :'o' \\gexec"
    fi
    ;;
  load)
    if [ ! -e "$D/made" ]; then
      restore "$N" --single-transaction
    elif [ "$N" = "$O" ]; then
      restore "$M" --create
    else
      restore "$N"
    fi
    ;;
  finish) [ ! -e "$D/other" ] || sql 'drop database :"a" with (force)' ;;
  undo)
    [ ! -e "$D/made" ] || sql 'drop database if exists :"n" with (force)'
    [ -e "$D/other" ] || exit 0
    x=$(has a) || exit 1
    [ "$x" = 0 ] || sql 'alter database :"a" rename to :"n"' || exit 1
    sql 'alter database :"n" allow_connections true'
    ;;
  globals)
    x=$(sql 'select quote_ident(rolname) from pg_roles union all select quote_ident(spcname) from pg_tablespace') ||
      exit 1
    # What exists already stays as it is, unless that was asked for.
    x=$(THERE=$x awk '
      BEGIN { n = split(ENVIRON["THERE"], there, "\n"); keep = ENVIRON["OVERWRITE"] == "" }
      function begins(text) { return index($0, text) == 1 }
      /^(CREATE|ALTER|COMMENT ON) / {
        for (i = 1; i <= n; i++) {
          t = there[i]
          if (begins("CREATE ROLE " t ";") || begins("CREATE TABLESPACE " t " ")) next
          if (keep && (begins("ALTER ROLE " t " ") || begins("COMMENT ON ROLE " t " "))) next
        }
      }
      { print }') || exit 1
    printf '%s\n' "$x" | sql_in "$M"
    ;;
esac
)sh";

// A database cannot be renamed, so what is to replace one is loaded beside it first, and copied when it is
// complete.
constexpr const char* kMysql = R"sh(
sql() { "$client" "$@" --default-character-set=utf8mb4 -NBr; }
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F; }
word() { printf %s "$1" | sed 's/`/``/g; 1s/^/`/; $s/$/`/'; }
n=$(hex "$N") o=$(hex "$O") a=$(hex "$A")
load() { db=$1; shift; "$client" "$@" --default-character-set=utf8mb4 "--database=$db"; }
look() {
  x=$(echo "select count(*) from information_schema.schemata where hex(schema_name) = '$n'" | sql "$@") || exit 1
  [ "$x" != 0 ] || { echo missing; return; }
  x=$(echo "select if((select count(*) from information_schema.tables where hex(table_schema) = '$n')
    + (select count(*) from information_schema.routines where hex(routine_schema) = '$n')
    + (select count(*) from information_schema.events where hex(event_schema) = '$n') > 0, 'full', 'empty')" |
    sql "$@") || exit 1
  echo "$x"
}
# The character set of new tables is that of the database which is replaced or copied.
make() {
  db=$1
  shift
  x=$(echo "select concat(' character set ', default_character_set_name, ' collate ', default_collation_name)
    from information_schema.schemata where hex(schema_name) in ('$n', '$a', '$o')
    order by field(hex(schema_name), '$n', '$a', '$o') limit 1" | sql "$@") || exit 1
  echo "create database $(word "$db")$x" | sql "$@"
}
drop() {
  db=$1
  shift
  echo "drop database if exists $(word "$db")" | sql "$@"
}
case $v in
  look) look "$@" ;;
  prepare)
    x=$(look "$@") || exit 1
    case $x$OVERWRITE in
      full) exit 3 ;;
      full1)
        need "$dump"
        : >"$D/other"
        make "$A" "$@"
        ;;
      missing*)
        : >"$D/made"
        make "$N" "$@"
        ;;
    esac
    ;;
  load) if [ -e "$D/other" ]; then load "$A" "$@"; else load "$N" "$@"; fi ;;
  finish)
    [ -e "$D/other" ] || exit 0
    # From now on this is all that there is of it.
    rm "$D/other"
    drop "$N" "$@" && make "$N" "$@" && {
      "$dump" "$@" --single-transaction --quick --routines --events --triggers --hex-blob --no-tablespaces \
        --default-character-set=utf8mb4 -- "$A" || : >"$D/bad"
    } | load "$N" "$@" && [ ! -e "$D/bad" ] && drop "$A" "$@" && exit 0
    echo "what was loaded is in the database $A" >&2
    exit 1
    ;;
  undo)
    [ ! -e "$D/made" ] || drop "$N" "$@"
    [ ! -e "$D/other" ] || drop "$A" "$@"
    ;;
  globals)
    x=$(echo "select concat(char(96), replace(user, char(96), repeat(char(96), 2)), char(96), '@', char(96), host,
      char(96)) from mysql.user" | sql "$@") || exit 1
    # Names are quoted by ` or by a single quote (\047); a role has no host.
    x=$(THERE=$x awk '
      BEGIN { n = split(ENVIRON["THERE"], there, "\n"); keep = ENVIRON["OVERWRITE"] == "" }
      function has(text) { return index($0 ";", text) > 0 }
      /^(\/\*[M!0-9]* *)?(CREATE (USER|ROLE)|ALTER USER|GRANT|SET DEFAULT ROLE) / {
        for (i = 1; i <= n; i++) {
          t = there[i]
          if (t == "") continue
          sub(/@``$/, "", t)
          q = t
          gsub(/`/, "\047", q)
          if (has("CREATE ROLE " t) || has("CREATE ROLE " q)) next
          if (keep && (has("CREATE USER " t) || has(" TO " t) || has(" TO " q) || has(" FOR " q) || has("ALTER USER " q))) next
        }
      }
      { sub(/^CREATE USER /, "CREATE USER IF NOT EXISTS "); print }') || exit 1
    printf '%s\n' "$x" | sql "$@"
    ;;
esac
)sh";

// b: borg, t: the tool, h: tells what it says. A FIFO is between them, which this shell holds open for
// writing until borg has ended well. The tool's status is in $D/status, since it may be over before borg
// notices.
constexpr const char* kFunctions = R"sh(
b= t= h= w= m=
mkfifo "$D/data" "$D/words" || die no-directory "$D"
hear() {
  while IFS= read -r x || [ -n "$x" ]; do say "dump-said $x"; done <"$D/words" >/dev/null 4<&- 7>&- &
  h=$!
}
step() {
  hear
  sh -c "$TOOL" load "$1" 2>"$D/words" >/dev/null </dev/null 4<&- 7>&-
  r=$?
  wait $h
  return $r
}
end_tool() { [ -z "$t" ] || kill -s TERM -- "-$t" || kill -TERM "$t"; } 2>/dev/null
stop() { [ -z "$w" ] || kill $w $m; } 2>/dev/null
leave() {
  trap '' HUP INT TERM
  [ -z "$b" ] || kill -TERM $b 2>/dev/null
  end_tool
  [ -z "$b" ] || wait $b
  [ -z "$t" ] || wait $t
  exec 7>&-
  step undo
  stop
  exit 143
}
fail() {
  step undo
  stop
  die "$@"
}
trap leave HUP INT TERM
)sh";

constexpr const char* kLoad = R"sh(
[ -z "$PREPARE" ] || step "$PREPARE"
case $? in
  0) ;;
  3)
    stop
    die database-exists
    ;;
  *) fail load-failed ;;
esac
setsid=
command -v setsid >/dev/null && setsid=setsid
exec 6<>"$D/data" 7>"$D/data" 6<&-
hear
$setsid sh -c "$TOOL" load "$LOAD" <"$D/data" >/dev/null 2>"$D/words" 4<&- 7>&- &
t=$!
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null 4<&- 7>&- 8<&- >"$D/data"; } &
b=$!
unset P
wait $b
s=$?
b=
over=
if [ $s -ne 0 ]; then
  n=0
  until [ -e "$D/status" ] || [ $n -ge 10 ]; do
    n=$((n+1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  if [ -e "$D/status" ]; then over=1; else end_tool; fi
fi
exec 7>&-
wait $t
r=$?
t=
wait $h
[ -z "$over" ] || fail load-failed
if [ $s -ne 0 ]; then
  step undo
  stop
  exit $s
fi
[ $r -eq 0 ] && step finish || fail load-failed
stop
exit 0
)sh";

std::string tool(const JobSpec& spec, const Load& load) {
  return tool_start() + "case $v in load | globals) trap 'echo $? >\"$D/status\"' EXIT ;; esac\n" +
         assign("N", load.target) + assign("O", load.name) +
         assign("A", fmt::format("cyborg-{}-{}", spec.job, load.number)) +
         assign("OVERWRITE", spec.restore.conflict == "overwrite" ? "1" : "") + "export OVERWRITE\n" +
         tool_access(spec.dump) + (spec.dump.type == "mysql" ? kMysql : kPostgresql);
}

std::string begin(const JobSpec& spec, const std::string& relay, const Load& load) {
  // There, both lines come from the descriptor that a borg alone would read its passphrase from.
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "/restore") + "export D\n" + assign("TOOL", tool(spec, load)) +
         script_secret(spec.dump) + kFunctions + (spec.local ? "" : script_watchers());
}

}  // namespace

std::string load_script(const JobSpec& spec, const std::string& relay, const Load& load) {
  const auto borg =
      borg_extract_file(spec, script_repository(spec, relay), path_of_database(load.name, spec.dump.type));
  // Roles and grants need no preparation: what is there is looked at when they are read.
  const bool globals = load.name.empty();
  return begin(spec, relay, load) + assign("PREPARE", globals ? "" : "prepare") +
         assign("LOAD", globals ? "globals" : "load") + "set -- " + quote(borg) + "\n" + kLoad;
}

std::string database_look_script(const JobSpec& spec, const Load& load) {
  return begin(spec, "", load) +
         "hear\nsh -c \"$TOOL\" load look 2>\"$D/words\" </dev/null 4<&-\nr=$?\nwait $h\nstop\n"
         "[ $r -eq 0 ] || die load-failed\nexit 0\n";
}

std::string load_name(const JobSpec& spec, const Load& load) {
  if (load.name.empty()) return dump_name(spec, "");
  if (load.target == load.name) return fmt::format("database \"{}\"", load.name);
  return fmt::format("database \"{}\" as \"{}\"", load.name, load.target);
}

std::string load_failure(const JobSpec& spec, const Load& load, const std::string& code,
                         const std::string& said) {
  if (code == "database-exists") {
    return fmt::format(
        "database \"{}\" is on {} and not empty, so it was not touched: --conflict overwrite "
        "replaces it, and {}=NEWNAME restores beside it",
        load.target, spec.client, load.name);
  }
  std::string text = fmt::format("{} could not be loaded on {}: {}", load_name(spec, load), spec.client,
                                 said.empty() ? "the server's tool gave no reason" : said);
  const bool role = said.find("role \"") != std::string::npos;
  if (role && said.find("does not exist") != std::string::npos)
    text += "; --globals restores the roles first";
  return text;
}

}  // namespace cyborg
