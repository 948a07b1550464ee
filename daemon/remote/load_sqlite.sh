# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: a copy of a database of SQLite becomes the file that it was a copy of, or another one. It is complete, beside
# that file, before it takes its place. And what verifies such a copy.
#
# Expects: $TARGET, the file; $ASIDE, a name that is only ours; $OVERWRITE, not empty to replace what is there; $MODE
# and $OWNER, as chmod and chown take them, of a file that is not there, or empty. After tool.sh.
# shellcheck disable=SC3013 # dash, busybox and bash know -ef
# shellcheck disable=SC2154 # verb, name: tool.sh; the others are assigned before it

[ ! -L "$TARGET" ] || TARGET=$(readlink -f -- "$TARGET")
new_file=${TARGET%/*}/.$ASIDE

is_database() { [ "$(head -c 15 -- "$1" 2>/dev/null)" = 'SQLite format 3' ]; }
look() {
  if [ ! -e "$TARGET" ] && [ ! -L "$TARGET" ]; then
    echo missing
  elif [ -s "$TARGET" ] || [ ! -f "$TARGET" ]; then
    echo full
  else
    echo empty
  fi
}
# A process that has it open would continue with a file that no other process sees.
check_unused() {
  for x in /proc/[0-9]*/fd/*; do
    [ "$x" -ef "$TARGET" ] || continue
    x=${x#/proc/}
    x=${x%%/*}
    echo "$TARGET is in use by process $x ($(cat "/proc/$x/comm")), which has to be stopped first" >&2
    exit 1
  done
}
# The files that SQLite keeps beside a database belong to that database only.
move_companions() {
  for x in -wal -shm -journal; do
    [ ! -e "$1$x" ] || mv -f "$1$x" "$2$x" || exit 1
  done
}

case $verb in
  look) look ;;
  prepare)
    case $TARGET in /*) ;; *) echo "$TARGET is no absolute path" >&2; exit 1 ;; esac
    [ -d "${TARGET%/*}/" ] || { echo "there is no folder ${TARGET%/*}" >&2; exit 1; }
    x=$(look)
    case $x$OVERWRITE in full) exit 3 ;; esac
    [ "$x" = missing ] || [ -f "$TARGET" ] || { echo "$TARGET is no file" >&2; exit 1; }
    check_unused
    ;;
  load)
    umask 077
    rm -f "$new_file"
    cat >"$new_file"
    ;;
  finish)
    is_database "$new_file" || { echo 'what the archive has is no SQLite database' >&2; exit 1; }
    if [ -e "$TARGET" ]; then
      MODE=$(stat -L -c %a -- "$TARGET") OWNER=$(stat -L -c %u:%g -- "$TARGET")
    fi
    if [ -n "$OWNER" ]; then
      chown "$OWNER" -- "$new_file" || exit 1
    else
      chown "$(stat -L -c %u:%g -- "${TARGET%/*}/")" -- "$new_file" || exit 1
    fi
    [ -z "$MODE" ] || chmod "$MODE" -- "$new_file" || exit 1
    check_unused
    move_companions "$TARGET" "$new_file"
    mv -f "$new_file" "$TARGET" || exit 1
    rm -f "$new_file-wal" "$new_file-shm" "$new_file-journal"
    ;;
  undo)
    [ -e "$new_file" ] || exit 0
    move_companions "$new_file" "$TARGET"
    rm -f "$new_file"
    ;;
  verify)
    need sqlite3 awk
    ask() { HOME=/nonexistent sqlite3 -batch -bail -safe -init /dev/null "$name" "$1"; }
    rm -f "$name-wal" "$name-shm" "$name-journal"
    # A database that is damaged badly enough fails the question itself.
    x=$(ask 'pragma integrity_check(10)' 2>&1) || x=${x:-sqlite3 gave no reason}
    [ "$x" = ok ] || { printf '%s\n' "$x" | sed '1s/^/ERROR: /' >&2; exit 1; }
    x=$(ask "select 'select count(*) from \"' || replace(name, '\"', '\"\"') || '\";' from sqlite_master
      where type = 'table' and rootpage > 0 and name not like 'sqlite\\_%' escape '\\'") || exit 1
    x=$(ask "$x") || exit 1
    printf '%s\n' "$x" | awk '/./ { tables++; rows += $1 } END { printf "%d %.0f\n", tables, rows }'
    rm -f "$name-wal" "$name-shm" "$name-journal"
    ;;
esac
