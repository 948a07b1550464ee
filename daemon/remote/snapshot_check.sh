# shellcheck shell=sh
# Checks whether the snapshots had room until borg ended.
#
# After snapshot_make.sh. Says: snapshot-full, snapshot-unproven.

while read -r kind x y; do
  [ "$kind" = lvm ] || continue
  w=$(lvs "$x" 2>&1) || die snapshot-unproven "$y: $(one_line "$w")"
  ! full "$x" || die snapshot-full "$y"
done <"$D/made"
