# shellcheck shell=sh
# The end of standard input ends this script. $w is what waits for it.
#
# Descriptors: 4 is what was standard input.
# shellcheck disable=SC2034 # x: lines are read for their coming; w: for the end of the script

exec 4<&0 0</dev/null
( while IFS= read -r x <&4; do :; done; kill -TERM $$ ) >/dev/null 2>&1 &
w=$!
exec 4<&-
