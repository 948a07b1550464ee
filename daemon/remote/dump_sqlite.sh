# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: databases of SQLite. Of each a copy, page by page as it is at one moment, while others write. SQLite makes
# copies
# in nothing but files: one at a time, in a directory of its own below $FOLDER. It loses its name before it is read,
# so
# that whatever ends this while borg reads it leaves nothing; whatever ends it before has the directory removed by a
# process that waits for just that.
#
# Expects: $NAMES, paths and patterns, a line each; $FOLDER. After tool.sh.
# Descriptors: 7 is open for as long as the directory is to stay, 9 is the copy.
# shellcheck disable=SC2154 # verb, name: tool.sh
# shellcheck disable=SC2153 # NAMES is no misspelling of names
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

need sqlite3 awk df

is_database() { [ -f "$1" ] && [ "$(head -c 15 -- "$1" 2>/dev/null)" = 'SQLite format 3' ]; }
refuse() { printf '%s\n' "$*" >&2; exit 1; }

# The files that match a path or a pattern, without SQLite's own files beside a database.
files_of() {
  if [ -e "$1" ]; then
    printf '%s\n' "$1"
    return
  fi
  case $1 in *[*?[]*) ;; *) refuse "$1 does not exist" ;; esac
  (
    IFS=
    for file in $1; do
      [ -e "$file" ] || continue
      case $file in *-wal | *-shm | *-journal) [ ! -e "${file%-*}" ] || continue ;; esac
      printf '%s\n' "$file"
    done
  )
}

list() {
  all=$(
    printf '%s\n' "$NAMES" | while IFS= read -r pattern; do
      names=$(files_of "$pattern") || exit 1
      [ -n "$names" ] || refuse "no file matches $pattern"
      printf '%s\n' "$names"
    done
  ) || exit 1
  printf '%s\n' "$all" | awk '!seen[$0]++' | while IFS= read -r file; do
    [ -r "$file" ] || refuse "$file cannot be read"
    is_database "$file" || refuse "$file is no SQLite database"
    printf '%s %s\n' "sqlite$(encode "$file" | sed 's,%2f,/,g')" "$file"
  done
}

# Removes what a backup left that was killed, possibly with the machine.
sweep() {
  for copy_dir in "$FOLDER"/cyborg-sqlite-*-*; do
    pid=${copy_dir##*/cyborg-sqlite-}
    [ -d "$copy_dir" ] && [ ! -L "$copy_dir" ] && [ -O "$copy_dir" ] && [ ! -d "/proc/${pid%%-*}" ] || continue
    rm -rf "$copy_dir" && echo "$copy_dir was left by a backup that was killed: it was removed" >&2
  done
}

size_of() { stat -L -c %s -- "$1" 2>/dev/null || echo 0; }
check_room() {
  room=$(df -P -k "$FOLDER" | awk 'END { print $4 }')
  size=$((($(size_of "$1") + $(size_of "$1-wal")) / 1024))
  [ "$room" -ge $((size + 65536)) ] ||
    refuse "its copy needs $size KiB in $FOLDER, where $room KiB are free: the variable copy_folder names another place"
}

# Starts a process that removes the copy after this one and all its children have ended, however they end.
remove_at_end() {
  mkfifo "$1/held" || exit 1
  (
    trap '' HUP INT TERM
    exec >/dev/null 2>&1 <"$1/held"
    cat
    rm -rf "$1"
  ) &
  exec 7>"$1/held"
}

# The transaction fixes the moment: otherwise each write by others would restart the copy.
copy() {
  rm -f copy copy-journal
  HOME=/nonexistent sqlite3 -batch -bail -init /dev/null "$1" <<'X' >/dev/null
.timeout 60000
begin;
select count(*) from sqlite_master;
.backup copy
commit;
X
}
# A database that is not open anywhere and must not be written has to be read without its locks.
copy_locked() {
  [ ! -w "$1" ] && [ ! -e "$1-wal" ] || return 1
  before=$(stat -L -c '%i %s %y %z' -- "$1")
  copy "file:$(encode "$1" | sed 's,%2f,/,g')?immutable=1" || return 1
  [ "$before" = "$(stat -L -c '%i %s %y %z' -- "$1")" ] && [ ! -e "$1-wal" ]
}

dump() {
  is_database "$1" || refuse "$1 is no SQLite database"
  check_room "$1"
  copy_dir=$(mktemp -d "$FOLDER/cyborg-sqlite-$$-XXXXXX") || exit 1
  trap 'exit 143' HUP INT TERM
  remove_at_end "$copy_dir"
  cd "$copy_dir" || exit 1
  why=$(copy "$1" 2>&1) || copy_locked "$1" 2>/dev/null || refuse "${why:-sqlite3 gave no reason}"
  is_database copy || refuse 'sqlite3 made no copy'
  exec 9<copy
  rm copy
  exec 7>&-
  cat <&9
}

case $verb in
  list)
    sweep
    list
    ;;
  dump) dump "$name" ;;
esac
