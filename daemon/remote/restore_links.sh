# shellcheck shell=sh
# Called by xargs: of the entries that are its arguments, prints those that are symbolic links. Links are root's own,
# or somebody else's, who could have a restore write anywhere.

IFS=
check() {
  [ -L "$1" ] || return 0
  [ "$(stat -c %u -- "$1")" = 0 ] || printf '%s\0' "$1"
}
for e; do
  p=${e#?}
  case $e in
    [Gg]*) for x in $p; do check "$x"; done ;;
    *) check "$p" ;;
  esac
done
:
