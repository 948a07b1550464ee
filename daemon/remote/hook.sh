# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a hook, the command that is this script's argument, in a session of its own, and kills it with all its children
# when standard input ends. Its output goes to standard error.
#
# Descriptors: 4 is the original standard input.

exec 4<&0 1>&2
session=; command -v setsid >/dev/null && session=setsid
$session sh -c "$1" </dev/null 4<&- &
hook=$!
(
  cat <&4 >/dev/null
  kill -TERM ${session:+-}$hook
  sleep 5
  kill -KILL ${session:+-}$hook
) >/dev/null 2>&1 &
watch=$!
exec 4<&-
wait $hook
status=$?
kill $watch
exit $status
