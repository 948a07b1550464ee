# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Removes left-over snapshots of all kinds. Runs in a mount namespace of its own.
#
# After snapshot_paths.sh and snapshot_sweep.sh.
# shellcheck disable=SC2034 # target, id, x: fields that are passed over
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

mount --make-rprivate / && mounts_dir=$(mktemp -d) && trap 'umount "$mounts_dir"/* 2>/dev/null; rmdir "$mounts_dir"/* "$mounts_dir" 2>/dev/null' EXIT || exit 0
mounts | while read -r target id type source x; do
  [ "$type" != btrfs ] || printf '%s\n' "$source"
done | sort -u | while read -r source; do
  command -v btrfs >/dev/null && top "$source" && sweep btrfs
done
! command -v lvremove >/dev/null || sweep lvm
! command -v zfs >/dev/null || sweep zfs
