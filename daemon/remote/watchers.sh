# shellcheck shell=sh
# Ends the script (TERM) at the end of descriptor 4, or when it stays silent; see run_borg.sh.
#
# Expects: $D, the private directory; $SILENCE, seconds.
# Descriptors: 4 is the original standard input.
# shellcheck disable=SC2034 # x: lines are read for their coming; w, m: for the end of the script

(
  while IFS= read -r x <&4 && kill -0 $$; do : >"$D/alive"; done
  # If this script was killed, processes waiting to open a FIFO would wait for ever.
  kill -TERM $$ || { find "$D" -type p -exec sh -c ': <>"$1"' sh {} \; ; rm -rf "$D"; }
) >/dev/null 2>&1 8<&- &
w=$!
(
  trap 'kill $s; exit' TERM
  while sleep "$SILENCE" & s=$!; wait $s; rm "$D/alive"; do :; done
  kill -TERM $$
) >/dev/null 2>&1 4<&- 8<&- &
m=$!
