# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: restores a Proxmox guest. Refusals of qmrestore and pct are reported in their own words.
#
# Expects: as for guest_tool.sh, and $TAR_FILENAME from tar. After guest_tool.sh.
# Says, by refuse: guest-failed.
# shellcheck disable=SC2154 # verb: tool.sh

restore() {
  set -- "$@" ${OVERWRITE:+--force 1} ${NEW:+--unique 1}
  "$@" >&2 || refuse guest-failed "$1 failed with status $?"
}
case $verb in
  file)
    case ${TAR_FILENAME##*/} in
      vzdump-qemu-*) echo qm >"$work/tool"; need qmrestore qm && restore qmrestore - "$GUEST" ;;
      *) echo pct >"$work/tool"; need pct && restore pct restore "$GUEST" - ;;
    esac
    ;;
  finish)
    [ -e "$work/tool" ] || refuse guest-failed 'it is not in the archive'
    [ -z "$START" ] || "$(cat "$work/tool")" start "$GUEST" >&2 || refuse guest-failed 'it is there, and could not be started'
    ;;
esac
