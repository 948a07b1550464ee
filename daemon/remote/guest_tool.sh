# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Begins the tool that restores a guest. Its verbs: file, which reads one file of the guest, described by tar's
# variables; finish; and undo.
#
#   refuse WORD DETAIL   gives up
#
# Expects: $dir, the private directory; $GUEST, the name for the guest; $NEW, not empty if that differs from the
# archive's; $OVERWRITE, $START, not empty for yes; $DIRECTORY for the disks, or empty. After tool.sh.
# In $work: refused, the reason why nothing is done.
# shellcheck disable=SC2154 # verb: tool.sh

umask 077  # tar gives its own to nobody
work=$dir/guest
refuse() {
  printf '%s\n' "$*" >"$work/refused"
  # tar would go on to read what nobody wants.
  [ "$verb" != file ] || kill "$PPID"
  exit 1
}
line() { printf %s "$1" | sed 's/^error: //' | tr '\n' ' ' | sed 's/ *$//'; }
