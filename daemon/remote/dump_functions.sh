# shellcheck shell=sh
# Runs dump tools beside borg. However this script ends, it ends both, borg first: borg must never see the end of a file
# whose dump has not succeeded. No checkpoint is written, as it would contain a partial dump.
#
# Expects: $D, the private directory; $TOOL, the tool's script. After secret.sh.
# Descriptors: 4 is standard input, 5 the FIFO of dump_hold.sh, 7 the FIFO that a dump is written to, 8 the password.
# Says: dump-said, dump-warning, and the arguments of `fail`.
#
# b: borg; d: the process waited for; h: reports a tool's messages; over: borg has ended.
# shellcheck disable=SC1007 # several are emptied at once
# shellcheck disable=SC2034 # g: for dump_hold.sh
# shellcheck disable=SC2086 # these are numbers, or words to be split

b= d= over= w= m= g=
end_dump() { [ -z "$d" ] || kill -s TERM -- "-$d" || kill -TERM "$d"; } 2>/dev/null
end_borg() {
  trap '' USR1
  [ -n "$b" ] || return 0
  kill -TERM $b 2>/dev/null
  (sleep 30; kill -KILL $b) >/dev/null 2>&1 4<&- 5>&- 7>&- &
  k=$!
  wait $b
  s=$?
  kill $k 2>/dev/null
}
leave() {
  trap '' HUP INT TERM
  end_borg
  end_dump
  release
  kill $w $m 2>/dev/null
  exit 143
}
trap leave HUP INT TERM
trap 'over=1; end_dump' USR1
setsid=
command -v setsid >/dev/null && setsid=setsid
run() {
  while IFS= read -r x || [ -n "$x" ]; do
    case $x in '@warning '*) say dump-warning "${x#* }" ;; *) say dump-said "$x" ;; esac
  done <"$D/words" >/dev/null 4<&- 5>&- 7>&- &
  h=$!
  $setsid sh -c "$TOOL" dump "$@" 2>"$D/words" </dev/null 4<&- 5>&- 7>&- &
  await
  r=$?
  # Background processes of the tool may hold its standard error open for ever.
  (trap 'kill $s; exit' TERM; sleep 5 & s=$!; wait $s; kill $h) >/dev/null 2>&1 4<&- 5>&- 7>&- 8<&- &
  k=$!
  wait $h || [ -n "$over" ] || say dump-said 'it has left a process that holds its output: that is not waited for'
  kill $k 2>/dev/null
  return $r
}
await() {
  d=$!
  [ -z "$over" ] || end_dump
  wait $d
  r=$?
  end_dump_again
  return $r
}
# A signal may have ended the wait before the process ended.
end_dump_again() { [ -z "$over" ] || end_dump; d=; }
fail() {
  # A borg that ended by itself broke the pipe, and has the better reason: its end takes a moment to arrive.
  [ -z "$b" ] || [ -n "$over" ] || sleep 1
  if [ -z "$over" ]; then
    end_borg
    say "$@"
    s=99
  else
    trap '' USR1
    wait $b
    s=$?
    case $s in 0 | 1 | 1[0-2]?) say "$@"; s=99 ;; esac
  fi
  release
  kill $w $m 2>/dev/null
  exit $s
}
