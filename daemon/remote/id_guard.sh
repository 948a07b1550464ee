# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Reads the answers of `borg serve`, up to the id of the repository, before borg gets any of them: see IdGuard. Its
# messages arrive one by one, since borg waits for each, so the data of one read can be passed on. To end everything,
# the shell that waits for ssh must go first: it holds borg's end open, and ssh waits for borg.
#
# Expects: $ID, the repository's, in hex; $dir, the private directory. A different id is stored in $dir/swapped.
# shellcheck disable=SC2093 # it goes on only if the id was not there
# shellcheck disable=SC2154 # dir: the private directory, C++

guard() {
  : >"$dir/answer"
  while :; do
    dd bs=65536 count=1 >"$dir/piece" 2>/dev/null
    [ -s "$dir/piece" ] || exit 0
    cat "$dir/piece" >>"$dir/answer"
    hex=" $(od -An -v -tx1 "$dir/answer" | tr -s ' \n' '  ')"
    for begin in ' c4 20 ' ' d9 20 ' ' da 00 20 '; do
      case $hex in *"$begin"*) ;; *) continue ;; esac
      id=$(printf '%s' "${hex#*"$begin"}" | tr -d ' ' | cut -c 1-64)
      [ ${#id} = 64 ] || continue
      [ "$id" = "$ID" ] || { echo "$id" >"$dir/swapped"; kill $$; exit 1; }
      cat "$dir/piece"
      exec cat
    done
    cat "$dir/piece"
  done
}
