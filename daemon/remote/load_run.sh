# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prepares the database, runs borg, whose command line is the script's arguments, and the tool, and concludes.
#
# Expects: $PREPARE, $LOAD, verbs of the tool; $passphrase, the passphrase. After load_functions.sh and watchers.sh.
# Descriptors: 3 is borg's passphrase, 6 and 7 the FIFO.
# Says: database-exists, load-failed.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2094 # a FIFO, opened for both directions
# shellcheck disable=SC2154 # words_pid: load_functions.sh

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
exec 6<>"$dir/data" 7>"$dir/data" 6<&-
hear
$setsid sh -c "$TOOL" load "$LOAD" <"$dir/data" >/dev/null 2>"$dir/words" 4<&- 7>&- &
tool_pid=$!
printf '%s\n' "$passphrase" | { exec "$@" 3<&0 0</dev/null 4<&- 7>&- 8<&- >"$dir/data"; } &
borg_pid=$!
unset passphrase
wait $borg_pid
status=$?
borg_pid=
over=
if [ $status -ne 0 ]; then
  tries=0
  until [ -e "$dir/status" ] || [ $tries -ge 10 ]; do
    tries=$((tries+1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  if [ -e "$dir/status" ]; then over=1; else end_tool; fi
fi
exec 7>&-
wait $tool_pid
tool_status=$?
tool_pid=
wait $words_pid
[ -z "$over" ] || fail load-failed
if [ $status -ne 0 ]; then
  step undo
  stop
  exit $status
fi
[ $tool_status -eq 0 ] && step finish || fail load-failed
stop
exit 0
