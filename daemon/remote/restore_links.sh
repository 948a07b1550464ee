# shellcheck shell=sh
# Called by xargs: prints those of its arguments, entries, that are symbolic links. Root's own links are harmless; with
# a link, another user could make a restore write anywhere.

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
