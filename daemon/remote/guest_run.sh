# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs borg, whose command line is the script's arguments, and tar, which calls the tool for each file of the guest in
# borg's output. However this script ends, it ends both, and removes what has been created.
#
# Expects: $dir, the private directory; $TOOL, the tool's script; $passphrase, the passphrase; $DRY, not empty to
# change nothing. After secret.sh and watchers.sh.
# Descriptors: 3 is borg's passphrase, 4 standard input, 8 of secret.sh.
# Says: no-directory, dump-said, guest-exists, guest-failed.
#
# tool_pid is that of tar, or of the tool.
# shellcheck disable=SC1007 # several are emptied at once
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2016 # the shell that tar starts expands it
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2317 # called by the trap
# shellcheck disable=SC2154 # passphrase: secret.sh

borg_pid= tool_pid= input_watch=${input_watch-} life_watch=${life_watch-}
call() { sh -c "$TOOL" guest "$1" 2>"$dir/words" </dev/null; }
hear() {
  while IFS= read -r x || [ -n "$x" ]; do say dump-said "$x"; done <"$dir/words" >/dev/null 4<&- &
  words_pid=$!
}
undo() { hear; call undo; wait $words_pid; }
end_borg() {
  kill -TERM $borg_pid 2>/dev/null
  (sleep 30; kill -KILL $borg_pid) >/dev/null 2>&1 4<&- &
  timer_pid=$!
  wait $borg_pid
  kill $timer_pid 2>/dev/null
}
stop() { kill $input_watch $life_watch 2>/dev/null; }
leave() {
  trap '' HUP INT TERM
  [ -z "$tool_pid" ] || kill -s TERM -- "-$tool_pid" || kill -TERM "$tool_pid"
  [ -z "$borg_pid" ] || end_borg
  undo
  stop
  exit 143
} 2>/dev/null
trap leave HUP INT TERM
setsid=
command -v setsid >/dev/null && setsid=setsid
fail() {
  trap '' HUP INT TERM
  undo
  stop
  [ ! -s "$dir/guest/refused" ] || die "$(cat "$dir/guest/refused")"
  die guest-failed "$1"
}
exec 4<&-
mkdir "$dir/guest" && mkfifo "$dir/words" "$dir/tar" || die no-directory "$dir"
tar --to-command=true -c -f /dev/null -T /dev/null 2>/dev/null || die guest-failed "tar is not GNU's"
export dir TOOL
printf '%s\n' "$passphrase" | { exec "$@" 3<&0 0</dev/null >"$dir/tar" 8<&-; } &
borg_pid=$!
unset passphrase
hear
$setsid tar -x -f "$dir/tar" --to-command='exec sh -c "$TOOL" guest file' 2>"$dir/words" </dev/null 8<&- &
tool_pid=$!
wait $tool_pid
tool_status=$?
tool_pid=
wait $words_pid
if [ $tool_status -ne 0 ] && [ -s "$dir/guest/refused" ]; then
  end_borg
  borg_pid=
  fail
fi
wait $borg_pid
status=$?
borg_pid=
if [ $status -ne 0 ]; then
  undo
  stop
  exit $status
fi
[ $tool_status -eq 0 ] || fail "tar failed with status $tool_status"
if [ -z "$DRY" ]; then
  hear
  $setsid sh -c "$TOOL" guest finish 2>"$dir/words" </dev/null &
  tool_pid=$!
  wait $tool_pid
  tool_status=$?
  tool_pid=
  wait $words_pid
  [ $tool_status -eq 0 ] || fail 'the guest was read, and could not be put in place'
fi
stop
exit 0
