# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs borg, whose command line is the script's arguments, and ends with its status in $status.
#
# Expects: $dir, the private directory; $SILENCE, seconds. Standard input: the passphrase and a line break, then
# keep-alive lines. End of file, or silence, ends borg.
# Descriptors: 3 is borg's passphrase, 4 the original standard input.
# Says: shell-unsupported.
#
# input_watch waits for the end of standard input; life_watch notices missing keep-alive lines. borg is first sent
# SIGINT, so that it writes a checkpoint.
# shellcheck disable=SC2034 # x: lines are read for their coming, not for what they say
# shellcheck disable=SC2154 # dir: the private directory, C++

[ "$(command -v printf)" = printf ] || die shell-unsupported
exec 4<&0
IFS= read -r passphrase <&4 || exit 143
printf '%s\n' "$passphrase" | { exec "$@" 3<&0 0</dev/null 4<&-; } &
borg_pid=$!
unset passphrase
stop() { kill -INT $borg_pid; sleep 5; kill -TERM $borg_pid; sleep 30; kill -KILL $borg_pid; }
( while IFS= read -r x <&4 && kill -0 $$; do : >"$dir/alive"; done; stop ) >/dev/null 2>&1 &
input_watch=$!
(
  trap 'kill $sleep_pid; exit' TERM
  while sleep "$SILENCE" & sleep_pid=$!; wait $sleep_pid; rm "$dir/alive"; do :; done
  stop
) >/dev/null 2>&1 4<&- &
life_watch=$!
trap 'kill -TERM $borg_pid; wait $borg_pid; exit 143' HUP TERM
exec 4<&-
wait $borg_pid
status=$?
kill $input_watch $life_watch
