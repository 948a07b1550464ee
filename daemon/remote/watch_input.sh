# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Ends this script at the end of standard input. $input_watch is the process that waits for it.
#
# Descriptors: 4 is the original standard input.
# shellcheck disable=SC2034 # x: lines are read for their coming; input_watch: for the end of the script

exec 4<&0 0</dev/null
( while IFS= read -r x <&4; do :; done; kill -TERM $$ ) >/dev/null 2>&1 &
input_watch=$!
exec 4<&-
