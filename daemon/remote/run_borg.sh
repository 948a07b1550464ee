# shellcheck shell=sh
# Runs borg, whose command line is the script's arguments, and ends with its status in $s.
#
# Expects: $D, the private directory; $SILENCE, seconds. Standard input: the passphrase and a line break, then
# keep-alive lines. End of file, or silence, ends borg.
# Descriptors: 3 is borg's passphrase, 4 the original standard input.
# Says: shell-unsupported.
#
# b: borg; w waits for the end of standard input; m notices missing keep-alive lines. borg is first sent SIGINT, so that
# it writes a checkpoint.
# shellcheck disable=SC2034 # x: lines are read for their coming, not for what they say

[ "$(command -v printf)" = printf ] || die shell-unsupported
exec 4<&0
IFS= read -r P <&4 || exit 143
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null 4<&-; } &
b=$!
unset P
stop() { kill -INT $b; sleep 5; kill -TERM $b; sleep 30; kill -KILL $b; }
( while IFS= read -r x <&4 && kill -0 $$; do : >"$D/alive"; done; stop ) >/dev/null 2>&1 &
w=$!
(
  trap 'kill $s; exit' TERM
  while sleep "$SILENCE" & s=$!; wait $s; rm "$D/alive"; do :; done
  stop
) >/dev/null 2>&1 4<&- &
m=$!
trap 'kill -TERM $b; wait $b; exit 143' HUP TERM
exec 4<&-
wait $b
s=$?
kill $w $m
