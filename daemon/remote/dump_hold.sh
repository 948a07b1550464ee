# shellcheck shell=sh
# The holder, which holds guests for the dumps: it runs in a session of its own, reads requests from the FIFO "ask",
# and releases everything at end of file, which comes with the end of this shell however it ends, since no other process
# has descriptor 5. If there is no file "released" by then, this shell was killed, and the holder ends borg in its place.
# If the holder itself is killed, another process does that.
#
# Expects: $D, $TOOL, $setsid. After dump_functions.sh.
# Descriptors: 5 is "ask".
# Says: no-directory, dump-warning.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # setsid: dump_functions.sh

hold() {
  mkdir "$D/held" && mkfifo "$D/ask" || die no-directory "$D"
  export CYBORG_DUMP="$D"
  $setsid sh -c "$TOOL" dump hold "$D" <"$D/ask" >/dev/null 2>&1 4<&- 8<&- &
  g=$!
  echo $g >"$D/held/pid"
  exec 5>"$D/ask"
}
release() {
  [ -n "$g" ] || return 0
  : >"$D/held/released"
  exec 5>&-
  wait $g || $setsid sh -c "$TOOL" dump hold "$D" </dev/null >/dev/null 2>&1 4<&- 7>&- 8<&- ||
    say dump-warning "what was held for the backup could not be let go; the next backup tries again"
  g=
}
