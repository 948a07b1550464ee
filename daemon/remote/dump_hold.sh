# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The holder, which holds guests for the dumps: it runs in a session of its own, reads requests from the FIFO "ask",
# and releases everything at end of file, which comes with the end of this shell however it ends, since no other
# process
# has descriptor 5. If there is no file "released" by then, this shell was killed, and the holder ends borg in its
# place. If the holder itself is killed, another process does that.
#
# Expects: $dir, $TOOL, $setsid. After dump_functions.sh.
# Descriptors: 5 is "ask".
# Says: no-directory, dump-warning.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # setsid: dump_functions.sh

hold() {
  mkdir "$dir/held" && mkfifo "$dir/ask" || die no-directory "$dir"
  export CYBORG_DUMP="$dir"
  $setsid sh -c "$TOOL" dump hold "$dir" <"$dir/ask" >/dev/null 2>&1 4<&- 8<&- &
  hold_pid=$!
  echo $hold_pid >"$dir/held/pid"
  exec 5>"$dir/ask"
}
release() {
  [ -n "$hold_pid" ] || return 0
  : >"$dir/held/released"
  exec 5>&-
  wait $hold_pid || $setsid sh -c "$TOOL" dump hold "$dir" </dev/null >/dev/null 2>&1 4<&- 7>&- 8<&- ||
    say dump-warning "what was held for the backup could not be let go; the next backup tries again"
  hold_pid=
}
