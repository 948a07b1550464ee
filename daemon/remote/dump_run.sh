# shellcheck shell=sh
# Lists the dumps, makes a FIFO for each, and runs borg, whose command line is the script's arguments, to read them.
# This shell holds each FIFO open until the status of its dump is known. Opening it only for writing blocks until borg
# opens it.
#
# Expects: $P, the passphrase; $HOLDS, not empty if the tool needs the holder; $LIKE, not empty if the
# names are those of files. After dump_functions.sh, dump_hold.sh and watchers.sh.
# Descriptors: 3 is borg's passphrase, 6 and 7 a FIFO, 9 of borg signals its end.
# Says: no-directory, dumping, dump-list-failed, dump-failed.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2094 # a FIFO, opened for both directions
# shellcheck disable=SC2154 # w, m: watchers.sh

# borg saves the mode and owner of a FIFO with its content. Nobody else can enter the directory.
like() {
  chmod "$(stat -L -c %a -- "$1")" "$2"
  if [ "$(id -u)" = 0 ]; then chown "$(stat -L -c %u:%g -- "$1")" "$2"; else chmod u+rw "$2"; fi
} 2>/dev/null
exec 4<&-
mkdir "$D/dump" && mkfifo "$D/life" "$D/words" || die no-directory "$D"
run list >"$D/list" || fail dump-list-failed
while IFS= read -r x; do
  f=${x%% *}
  case $f in */*) mkdir -p "$D/dump/${f%/*}" ;; esac
  mkfifo "$D/dump/$f" || fail dump-failed "${x#* }"
  [ -z "$LIKE" ] || like "${x#* }" "$D/dump/$f"
  set -- "$@" "$f"
done <"$D/list"
[ -z "$HOLDS" ] || hold
( IFS= read -r x <"$D/life"; kill -USR1 $$ ) >/dev/null 2>&1 5>&- 8<&- &
printf '%s\n' "$P" | { cd "$D/dump" && exec "$@" 3<&0 0</dev/null 5>&- 8<&- 9>"$D/life"; } &
b=$!
unset P
[ -z "$HOLDS" ] || echo $b >"$D/held/borg"
while IFS= read -r x; do
  f=$D/dump/${x%% *}
  exec 6<>"$f" 7>"$f" 6<&-
  ( : >"$f" ) >/dev/null 2>&1 5>&- 7>&- &
  await
  say dumping "${x#* }"
  [ -z "$over" ] && run dump "${x#* }" >&7 && [ -z "$over" ] || fail dump-failed "${x#* }"
  exec 7>&-
done <"$D/list"
release
trap '' USR1
wait $b
s=$?
kill $w $m 2>/dev/null
exit $s
