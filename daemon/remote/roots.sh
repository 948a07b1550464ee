# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The folders that a backup reads. They are told by number, since a name may hold line breaks.
#
#   need_root NUMBER PATH   every root must be there before borg starts: it would only warn and make an archive without it
#   tell_link NUMBER PATH   tells of a root that is a symbolic link where that leads to: the client's to say, and one line
#   tell_links PATH...      ... of all
#
# Says: source-missing, root-link.

need_root() { [ -r "$2" ] || [ -L "$2" ] || die source-missing "$1"; }
tell_link() {
  [ -L "$2" ] || return 0
  target=$(readlink -f "$2" || readlink "$2")
  say root-link "$1 $(printf %s "$target" | tr '\n' ' ')"
}
tell_links() {
  number=0
  for root; do
    tell_link $number "$root"
    number=$((number + 1))
  done
}
