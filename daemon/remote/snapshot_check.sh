# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks whether the snapshots had room until borg ended.
#
# After snapshot_make.sh. Says: snapshot-full, snapshot-unproven.
# shellcheck disable=SC2154 # dir: the private directory, C++

while read -r kind snapshot volume; do
  [ "$kind" = lvm ] || continue
  why=$(lvs "$snapshot" 2>&1) || die snapshot-unproven "$volume: $(one_line "$why")"
  ! full "$snapshot" || die snapshot-full "$volume"
done <"$dir/made"
