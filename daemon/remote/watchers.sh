# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Ends the script (TERM) at the end of descriptor 4, or when it stays silent; see run_borg.sh.
#
# Expects: $dir, the private directory; $SILENCE, seconds.
# Descriptors: 4 is the original standard input.
# shellcheck disable=SC2034 # x: lines are read for their coming; input_watch, life_watch: for the end of the script
# shellcheck disable=SC2154 # dir: the private directory, C++

(
  while IFS= read -r x <&4 && kill -0 $$; do : >"$dir/alive"; done
  # If this script was killed, whoever waits to open a FIFO would wait for ever.
  kill -TERM $$ || { find "$dir" -type p -exec sh -c ': <>"$1"' sh {} \; ; rm -rf "$dir"; }
) >/dev/null 2>&1 8<&- &
input_watch=$!
(
  trap 'kill $sleep_pid; exit' TERM
  while sleep "$SILENCE" & sleep_pid=$!; wait $sleep_pid; rm "$dir/alive"; do :; done
  kill -TERM $$
) >/dev/null 2>&1 4<&- 8<&- &
life_watch=$!
