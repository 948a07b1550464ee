# shellcheck shell=sh
# Reads the answers of `borg serve`, up to the id of the repository, before borg gets any of them: see IdGuard. Its
# messages arrive one by one, since borg waits for each, so the data of one read can be passed on. To end everything, the
# shell that waits for ssh must go first: it holds borg's end open, and ssh waits for borg.
#
# Expects: $ID, the repository's, in hex; $D, the private directory. A different id is stored in $D/swapped.
# shellcheck disable=SC2093 # it goes on only if the id was not there

guard() {
  : >"$D/answer"
  while :; do
    dd bs=65536 count=1 >"$D/piece" 2>/dev/null
    [ -s "$D/piece" ] || exit 0
    cat "$D/piece" >>"$D/answer"
    h=" $(od -An -v -tx1 "$D/answer" | tr -s ' \n' '  ')"
    for begin in ' c4 20 ' ' d9 20 ' ' da 00 20 '; do
      case $h in *"$begin"*) ;; *) continue ;; esac
      i=$(printf '%s' "${h#*"$begin"}" | tr -d ' ' | cut -c 1-64)
      [ ${#i} = 64 ] || continue
      [ "$i" = "$ID" ] || { echo "$i" >"$D/swapped"; kill $$; exit 1; }
      cat "$D/piece"
      exec cat
    done
    cat "$D/piece"
  done
}
