# shellcheck shell=sh
# Tool: restores a copy of an SQLite database into its file, or another one. It is written completely beside that file
# before it replaces it. Also verifies such a copy.
#
# Expects: $N, the file; $A, a name that only we use; $OVERWRITE, not empty to replace an existing file; $MODE and $OWNER
# of a new file, for chmod and chown, or empty. After tool.sh.
# shellcheck disable=SC3013 # dash, busybox and bash know -ef
# shellcheck disable=SC2154 # v, n, N, A: tool.sh, and what is assigned before it

[ ! -L "$N" ] || N=$(readlink -f -- "$N")
T=${N%/*}/.$A

is_database() { [ "$(head -c 15 -- "$1" 2>/dev/null)" = 'SQLite format 3' ]; }
look() {
  if [ ! -e "$N" ] && [ ! -L "$N" ]; then
    echo missing
  elif [ -s "$N" ] || [ ! -f "$N" ]; then
    echo full
  else
    echo empty
  fi
}
# A process that has it open would continue with a file that no other process sees.
check_unused() {
  for x in /proc/[0-9]*/fd/*; do
    [ "$x" -ef "$N" ] || continue
    x=${x#/proc/}
    x=${x%%/*}
    echo "$N is in use by process $x ($(cat "/proc/$x/comm")), which has to be stopped first" >&2
    exit 1
  done
}
# The files that SQLite keeps beside a database belong to that database only.
move_companions() {
  for x in -wal -shm -journal; do
    [ ! -e "$1$x" ] || mv -f "$1$x" "$2$x" || exit 1
  done
}

case $v in
  look) look ;;
  prepare)
    case $N in /*) ;; *) echo "$N is no absolute path" >&2; exit 1 ;; esac
    [ -d "${N%/*}/" ] || { echo "there is no folder ${N%/*}" >&2; exit 1; }
    x=$(look)
    case $x$OVERWRITE in full) exit 3 ;; esac
    [ "$x" = missing ] || [ -f "$N" ] || { echo "$N is no file" >&2; exit 1; }
    check_unused
    ;;
  load)
    umask 077
    rm -f "$T"
    cat >"$T"
    ;;
  finish)
    is_database "$T" || { echo 'what the archive has is no SQLite database' >&2; exit 1; }
    if [ -e "$N" ]; then
      MODE=$(stat -L -c %a -- "$N") OWNER=$(stat -L -c %u:%g -- "$N")
    fi
    if [ -n "$OWNER" ]; then
      chown "$OWNER" -- "$T" || exit 1
    else
      chown "$(stat -L -c %u:%g -- "${N%/*}/")" -- "$T" || exit 1
    fi
    [ -z "$MODE" ] || chmod "$MODE" -- "$T" || exit 1
    check_unused
    move_companions "$N" "$T"
    mv -f "$T" "$N" || exit 1
    rm -f "$T-wal" "$T-shm" "$T-journal"
    ;;
  undo)
    [ -e "$T" ] || exit 0
    move_companions "$T" "$N"
    rm -f "$T"
    ;;
  verify)
    need sqlite3 awk
    ask() { HOME=/nonexistent sqlite3 -batch -bail -safe -init /dev/null "$n" "$1"; }
    rm -f "$n-wal" "$n-shm" "$n-journal"
    x=$(ask 'pragma integrity_check(10)') || exit 1
    [ "$x" = ok ] || { printf '%s\n' "$x" | sed '1s/^/ERROR: /' >&2; exit 1; }
    x=$(ask "select 'select count(*) from \"' || replace(name, '\"', '\"\"') || '\";' from sqlite_master
      where type = 'table' and rootpage > 0 and name not like 'sqlite\\_%' escape '\\'") || exit 1
    x=$(ask "$x") || exit 1
    printf '%s\n' "$x" | awk '/./ { tables++; rows += $1 } END { printf "%d %.0f\n", tables, rows }'
    rm -f "$n-wal" "$n-shm" "$n-journal"
    ;;
esac
