# shellcheck shell=sh
# Tool: restores a Proxmox guest. Refusals of qmrestore and pct are reported in their own words.
#
# Expects: as for guest_tool.sh, and $TAR_FILENAME from tar. After guest_tool.sh.
# Says, by refuse: guest-failed.
# shellcheck disable=SC2154 # v: tool.sh

restore() {
  set -- "$@" ${OVERWRITE:+--force 1} ${NEW:+--unique 1}
  "$@" >&2 || refuse guest-failed "$1 failed with status $?"
}
case $v in
  file)
    case ${TAR_FILENAME##*/} in
      vzdump-qemu-*) echo qm >"$H/tool"; need qmrestore qm && restore qmrestore - "$N" ;;
      *) echo pct >"$H/tool"; need pct && restore pct restore "$N" - ;;
    esac
    ;;
  finish)
    [ -e "$H/tool" ] || refuse guest-failed 'it is not in the archive'
    [ -z "$START" ] || "$(cat "$H/tool")" start "$N" >&2 || refuse guest-failed 'it is there, and could not be started'
    ;;
esac
