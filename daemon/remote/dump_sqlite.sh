# shellcheck shell=sh
# Tool: SQLite databases. Makes a page-by-page copy of each, as it is at one moment, while others write. SQLite can only
# copy to files: one at a time, in a private directory below $FOLDER. The copy is unlinked before it is read, so that an
# interruption while borg reads it leaves nothing; after an earlier interruption, a process that waits for that removes
# the directory.
#
# Expects: $NAMES, paths and patterns, one per line; $FOLDER. After tool.sh.
# Descriptors: 7 is open as long as the directory must stay, 9 is the copy.
# shellcheck disable=SC2154 # v, n: tool.sh
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
    for f in $1; do
      [ -e "$f" ] || continue
      case $f in *-wal | *-shm | *-journal) [ ! -e "${f%-*}" ] || continue ;; esac
      printf '%s\n' "$f"
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
  printf '%s\n' "$all" | awk '!seen[$0]++' | while IFS= read -r f; do
    [ -r "$f" ] || refuse "$f cannot be read"
    is_database "$f" || refuse "$f is no SQLite database"
    printf '%s %s\n' "sqlite$(encode "$f" | sed 's,%2f,/,g')" "$f"
  done
}

# Removes what a backup left that was killed, possibly with the machine.
sweep() {
  for d in "$FOLDER"/cyborg-sqlite-*-*; do
    pid=${d##*/cyborg-sqlite-}
    [ -d "$d" ] && [ ! -L "$d" ] && [ -O "$d" ] && [ ! -d "/proc/${pid%%-*}" ] || continue
    rm -rf "$d" && echo "$d was left by a backup that was killed: it was removed" >&2
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
  d=$(mktemp -d "$FOLDER/cyborg-sqlite-$$-XXXXXX") || exit 1
  trap 'exit 143' HUP INT TERM
  remove_at_end "$d"
  cd "$d" || exit 1
  why=$(copy "$1" 2>&1) || copy_locked "$1" 2>/dev/null || refuse "${why:-sqlite3 gave no reason}"
  is_database copy || refuse 'sqlite3 made no copy'
  exec 9<copy
  rm copy
  exec 7>&-
  cat <&9
}

case $v in
  list)
    sweep
    list
    ;;
  dump) dump "$n" ;;
esac
