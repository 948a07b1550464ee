# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Lists the dumps, makes a FIFO for each, and runs borg, whose command line is the script's arguments, to read them.
# This shell holds each FIFO open until the status of its dump is known. Opening it only for writing blocks until borg
# opens it.
#
# Expects: $passphrase, the passphrase; $HOLDS, not empty if the tool needs the holder; $LIKE, not empty if the
# names are those of files. After dump_functions.sh, dump_hold.sh and watchers.sh.
# Descriptors: 3 is borg's passphrase, 6 and 7 a FIFO, 9 of borg signals its end.
# Says: no-directory, dumping, dump-list-failed, dump-failed.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2094 # a FIFO, opened for both directions
# shellcheck disable=SC2154 # input_watch, life_watch: watchers.sh

# borg saves the mode and owner of a FIFO with its content. Nobody else can enter the directory.
like() {
  chmod "$(stat -L -c %a -- "$1")" "$2"
  if [ "$(id -u)" = 0 ]; then chown "$(stat -L -c %u:%g -- "$1")" "$2"; else chmod u+rw "$2"; fi
} 2>/dev/null
exec 4<&-
mkdir "$dir/dump" && mkfifo "$dir/life" "$dir/words" || die no-directory "$dir"
run list >"$dir/list" || fail dump-list-failed
while IFS= read -r x; do
  file=${x%% *}
  case $file in */*) mkdir -p "$dir/dump/${file%/*}" ;; esac
  mkfifo "$dir/dump/$file" || fail dump-failed "${x#* }"
  [ -z "$LIKE" ] || like "${x#* }" "$dir/dump/$file"
  set -- "$@" "$file"
done <"$dir/list"
[ -z "$HOLDS" ] || hold
( IFS= read -r x <"$dir/life"; kill -USR1 $$ ) >/dev/null 2>&1 5>&- 8<&- &
printf '%s\n' "$passphrase" | { cd "$dir/dump" && exec "$@" 3<&0 0</dev/null 5>&- 8<&- 9>"$dir/life"; } &
borg_pid=$!
unset passphrase
[ -z "$HOLDS" ] || echo $borg_pid >"$dir/held/borg"
while IFS= read -r x; do
  file=$dir/dump/${x%% *}
  exec 6<>"$file" 7>"$file" 6<&-
  ( : >"$file" ) >/dev/null 2>&1 5>&- 7>&- &
  await
  say dumping "${x#* }"
  [ -z "$over" ] && run dump "${x#* }" >&7 && [ -z "$over" ] || fail dump-failed "${x#* }"
  exec 7>&-
done <"$dir/list"
release
trap '' USR1
wait $borg_pid
status=$?
kill $input_watch $life_watch 2>/dev/null
exit $status
