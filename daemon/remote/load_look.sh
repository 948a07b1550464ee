# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the state of the database: "missing", "empty" or "full".
#
# After load_functions.sh. Says: load-failed.
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # words_pid: load_functions.sh
hear
sh -c "$TOOL" load look 2>"$dir/words" </dev/null 4<&-
tool_status=$?
wait $words_pid
stop
[ $tool_status -eq 0 ] || die load-failed
exit 0
