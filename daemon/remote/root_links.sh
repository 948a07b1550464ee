# shellcheck shell=sh
# link NUMBER PATH: if a root is a symbolic link, reports its target, as one line.
#
# Says: root-link.
link() {
  [ -L "$2" ] || return 0
  l=$(readlink -f "$2" || readlink "$2")
  say "root-link $1 $(printf %s "$l" | tr '\n' ' ')"
}
