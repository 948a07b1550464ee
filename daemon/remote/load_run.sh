# shellcheck shell=sh
# Prepares the database, runs borg, whose command line is the script's arguments, and the tool, and concludes.
#
# Expects: $PREPARE, $LOAD, verbs of the tool; $P, the passphrase. After load_functions.sh and watchers.sh.
# Descriptors: 3 is borg's passphrase, 6 and 7 the FIFO.
# Says: database-exists, load-failed.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2094 # a FIFO, opened for both directions
# shellcheck disable=SC2154 # h: load_functions.sh

[ -z "$PREPARE" ] || step "$PREPARE"
case $? in
  0) ;;
  3)
    stop
    die database-exists
    ;;
  *) fail load-failed ;;
esac
setsid=
command -v setsid >/dev/null && setsid=setsid
exec 6<>"$D/data" 7>"$D/data" 6<&-
hear
$setsid sh -c "$TOOL" load "$LOAD" <"$D/data" >/dev/null 2>"$D/words" 4<&- 7>&- &
t=$!
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null 4<&- 7>&- 8<&- >"$D/data"; } &
b=$!
unset P
wait $b
s=$?
b=
over=
if [ $s -ne 0 ]; then
  n=0
  until [ -e "$D/status" ] || [ $n -ge 10 ]; do
    n=$((n+1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  if [ -e "$D/status" ]; then over=1; else end_tool; fi
fi
exec 7>&-
wait $t
r=$?
t=
wait $h
[ -z "$over" ] || fail load-failed
if [ $s -ne 0 ]; then
  step undo
  stop
  exit $s
fi
[ $r -eq 0 ] && step finish || fail load-failed
stop
exit 0
