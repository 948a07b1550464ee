# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs dump tools beside borg. However this script ends, it ends both, borg first: borg must never see the end of a
# file whose dump has not succeeded. No checkpoint is written, as it would contain a partial dump.
#
# Expects: $dir, the private directory; $TOOL, the tool's script. After secret.sh.
# Descriptors: 4 is standard input, 5 the FIFO of dump_hold.sh, 7 the FIFO that a dump is written to, 8 the password.
# Says: dump-said, dump-warning, and the arguments of `fail`.
#
# tool_pid: the process waited for; words_pid: reports a tool's messages; over: borg has ended.
# shellcheck disable=SC1007 # several are emptied at once
# shellcheck disable=SC2034 # hold_pid: for dump_hold.sh
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # dir: the private directory, C++

borg_pid= tool_pid= over= input_watch= life_watch= hold_pid=
end_dump() { [ -z "$tool_pid" ] || kill -s TERM -- "-$tool_pid" || kill -TERM "$tool_pid"; } 2>/dev/null
end_borg() {
  trap '' USR1
  [ -n "$borg_pid" ] || return 0
  kill -TERM $borg_pid 2>/dev/null
  (sleep 30; kill -KILL $borg_pid) >/dev/null 2>&1 4<&- 5>&- 7>&- &
  timer_pid=$!
  wait $borg_pid
  status=$?
  kill $timer_pid 2>/dev/null
}
leave() {
  trap '' HUP INT TERM
  end_borg
  end_dump
  release
  kill $input_watch $life_watch 2>/dev/null
  exit 143
}
trap leave HUP INT TERM
trap 'over=1; end_dump' USR1
setsid=
command -v setsid >/dev/null && setsid=setsid
run() {
  while IFS= read -r x || [ -n "$x" ]; do
    case $x in '@warning '*) say dump-warning "${x#* }" ;; *) say dump-said "$x" ;; esac
  done <"$dir/words" >/dev/null 4<&- 5>&- 7>&- &
  words_pid=$!
  $setsid sh -c "$TOOL" dump "$@" 2>"$dir/words" </dev/null 4<&- 5>&- 7>&- &
  await
  tool_status=$?
  # What the tool has left in the background may hold its words for ever.
  (trap 'kill $sleep_pid; exit' TERM; sleep 5 & sleep_pid=$!; wait $sleep_pid; kill $words_pid) >/dev/null 2>&1 4<&- 5>&- 7>&- 8<&- &
  timer_pid=$!
  wait $words_pid || [ -n "$over" ] || say dump-said 'it has left a process that holds its output: that is not waited for'
  kill $timer_pid 2>/dev/null
  return $tool_status
}
await() {
  tool_pid=$!
  [ -z "$over" ] || end_dump
  wait $tool_pid
  tool_status=$?
  end_dump_again
  return $tool_status
}
# A signal may have ended the wait before that which is waited for.
end_dump_again() { [ -z "$over" ] || end_dump; tool_pid=; }
fail() {
  # A borg that ended by itself broke the pipe, and has the better reason: its end takes a moment to arrive.
  [ -z "$borg_pid" ] || [ -n "$over" ] || sleep 1
  if [ -z "$over" ]; then
    end_borg
    say "$@"
    status=99
  else
    trap '' USR1
    wait $borg_pid
    status=$?
    case $status in 0 | 1 | 1[0-2]?) say "$@"; status=99 ;; esac
  fi
  release
  kill $input_watch $life_watch 2>/dev/null
  exit $status
}
