# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by xargs: prints those of its arguments, entries, that are symbolic links. Root's own links are harmless;
# with a link, another user could make a restore write anywhere.

IFS=
check() {
  [ -L "$1" ] || return 0
  [ "$(stat -c %u -- "$1")" = 0 ] || printf '%s\0' "$1"
}
for entry; do
  path=${entry#?}
  case $entry in
    [Gg]*) for match in $path; do check "$match"; done ;;
    *) check "$path" ;;
  esac
done
:
