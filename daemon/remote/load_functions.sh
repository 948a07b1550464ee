# shellcheck shell=sh
# Runs borg and the tool that loads its output. Between them is a FIFO, which this shell holds open for writing until
# borg has succeeded. The tool's status is in $D/status, since it may end before borg notices.
#
# Expects: $D, the private directory; $TOOL, the tool's script. After secret.sh.
# Descriptors: 4 is standard input, 7 the FIFO.
# Says: no-directory, dump-said, and the arguments of `fail`.
#
# b: borg; t: the tool; h: reports its messages.
# shellcheck disable=SC1007 # several are emptied at once
# shellcheck disable=SC2086 # these are numbers, or words to be split

b= t= h= w= m=
mkfifo "$D/data" "$D/words" || die no-directory "$D"
hear() {
  while IFS= read -r x || [ -n "$x" ]; do say dump-said "$x"; done <"$D/words" >/dev/null 4<&- 7>&- &
  h=$!
}
step() {
  hear
  sh -c "$TOOL" load "$1" 2>"$D/words" >/dev/null </dev/null 4<&- 7>&-
  r=$?
  wait $h
  return $r
}
end_tool() { [ -z "$t" ] || kill -s TERM -- "-$t" || kill -TERM "$t"; } 2>/dev/null
stop() { [ -z "$w" ] || kill $w $m; } 2>/dev/null
leave() {
  trap '' HUP INT TERM
  [ -z "$b" ] || kill -TERM $b 2>/dev/null
  end_tool
  [ -z "$b" ] || wait $b
  [ -z "$t" ] || wait $t
  exec 7>&-
  step undo
  stop
  exit 143
}
fail() {
  step undo
  stop
  die "$@"
}
trap leave HUP INT TERM
