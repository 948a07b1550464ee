# shellcheck shell=sh
# Runs borg, whose command line is the script's arguments, and tar, which calls the tool for each file of the guest in
# borg's output. However this script ends, it ends both, and removes what has been created.
#
# Expects: $D, the private directory; $TOOL, the tool's script; $P, the passphrase; $DRY, not empty to change nothing.
# After secret.sh and watchers.sh.
# Descriptors: 3 is borg's passphrase, 4 standard input, 8 of secret.sh.
# Says: no-directory, dump-said, guest-exists, guest-failed.
#
# b: borg; d: tar, or the tool.
# shellcheck disable=SC1007 # several are emptied at once
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2016 # the shell that tar starts expands it
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2317 # called by the trap

b= d= w=${w-} m=${m-}
call() { sh -c "$TOOL" guest "$1" 2>"$D/words" </dev/null; }
hear() {
  while IFS= read -r x || [ -n "$x" ]; do say dump-said "$x"; done <"$D/words" >/dev/null 4<&- &
  h=$!
}
undo() { hear; call undo; wait $h; }
end_borg() {
  kill -TERM $b 2>/dev/null
  (sleep 30; kill -KILL $b) >/dev/null 2>&1 4<&- &
  k=$!
  wait $b
  kill $k 2>/dev/null
}
stop() { kill $w $m 2>/dev/null; }
leave() {
  trap '' HUP INT TERM
  [ -z "$d" ] || kill -s TERM -- "-$d" || kill -TERM "$d"
  [ -z "$b" ] || end_borg
  undo
  stop
  exit 143
} 2>/dev/null
trap leave HUP INT TERM
setsid=
command -v setsid >/dev/null && setsid=setsid
fail() {
  trap '' HUP INT TERM
  undo
  stop
  [ ! -s "$D/guest/refused" ] || die "$(cat "$D/guest/refused")"
  die guest-failed "$1"
}
exec 4<&-
mkdir "$D/guest" && mkfifo "$D/words" "$D/tar" || die no-directory "$D"
tar --to-command=true -c -f /dev/null -T /dev/null 2>/dev/null || die guest-failed "tar is not GNU's"
export D TOOL
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null >"$D/tar" 8<&-; } &
b=$!
unset P
hear
$setsid tar -x -f "$D/tar" --to-command='exec sh -c "$TOOL" guest file' 2>"$D/words" </dev/null 8<&- &
d=$!
wait $d
r=$?
d=
wait $h
if [ $r -ne 0 ] && [ -s "$D/guest/refused" ]; then
  end_borg
  b=
  fail
fi
wait $b
s=$?
b=
if [ $s -ne 0 ]; then
  undo
  stop
  exit $s
fi
[ $r -eq 0 ] || fail "tar failed with status $r"
if [ -z "$DRY" ]; then
  hear
  $setsid sh -c "$TOOL" guest finish 2>"$D/words" </dev/null &
  d=$!
  wait $d
  r=$?
  d=
  wait $h
  [ $r -eq 0 ] || fail 'the guest was read, and could not be put in place'
fi
stop
exit 0
