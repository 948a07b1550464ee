# shellcheck shell=sh
# Prints the state of the database: "missing", "empty" or "full".
#
# After load_functions.sh. Says: load-failed.
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # h: load_functions.sh
hear
sh -c "$TOOL" load look 2>"$D/words" </dev/null 4<&-
r=$?
wait $h
stop
[ $r -eq 0 ] || die load-failed
exit 0
