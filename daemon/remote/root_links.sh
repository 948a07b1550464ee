# shellcheck shell=sh
# link NUMBER PATH: tells of a root that is a symbolic link where that leads to. The target is the client's to say, and
# one line.
#
# Says: root-link.
link() {
  [ -L "$2" ] || return 0
  l=$(readlink -f "$2" || readlink "$2")
  say "root-link $1 $(printf %s "$l" | tr '\n' ' ')"
}
