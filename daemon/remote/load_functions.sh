# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs borg and the tool that loads its output. Between them is a FIFO, which this shell holds open for writing until
# borg has succeeded. The tool's status is in $dir/status, since it may end before borg notices.
#
# Expects: $dir, the private directory; $TOOL, the tool's script. After secret.sh.
# Descriptors: 4 is standard input, 7 the FIFO.
# Says: no-directory, dump-said, and the arguments of `fail`.
#
# words_pid is the process that reports the messages of the tool.
# shellcheck disable=SC1007 # several are emptied at once
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # dir: the private directory, C++

borg_pid= tool_pid= words_pid= input_watch= life_watch=
mkfifo "$dir/data" "$dir/words" || die no-directory "$dir"
hear() {
  while IFS= read -r x || [ -n "$x" ]; do say dump-said "$x"; done <"$dir/words" >/dev/null 4<&- 7>&- &
  words_pid=$!
}
step() {
  hear
  sh -c "$TOOL" load "$1" 2>"$dir/words" >/dev/null </dev/null 4<&- 7>&-
  tool_status=$?
  wait $words_pid
  return $tool_status
}
end_tool() { [ -z "$tool_pid" ] || kill -s TERM -- "-$tool_pid" || kill -TERM "$tool_pid"; } 2>/dev/null
stop() { [ -z "$input_watch" ] || kill $input_watch $life_watch; } 2>/dev/null
leave() {
  trap '' HUP INT TERM
  [ -z "$borg_pid" ] || kill -TERM $borg_pid 2>/dev/null
  end_tool
  [ -z "$borg_pid" ] || wait $borg_pid
  [ -z "$tool_pid" ] || wait $tool_pid
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
