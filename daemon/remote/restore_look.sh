# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by xargs in a separate shell, so that it may change IFS: prints those of its arguments, entries, that exist.
# A pattern (g, G) expands to existing names, if there are any. See remote/restore_script.h.

IFS=
there() { [ -e "$1" ] || [ -L "$1" ]; }
found() { # mark of a directory, of anything else, name
  there "$3" || return 0
  if [ "$1" ] && [ -d "$3" ] && [ ! -L "$3" ]; then printf '%s%s\0' "$1" "$3"; else printf '%s%s\0' "$2" "$3"; fi
}
for entry; do
  path=${entry#?}
  case $entry in
    d*) found d - "$path" ;;
    G*) for match in $path; do found D + "$match"; done ;;
    g*) for match in $path; do found '' + "$match"; done ;;
    *) found '' - "$path" ;;
  esac
done
:
