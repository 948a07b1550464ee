# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes snapshots of the file systems of the roots, which are the script's arguments, and combines them with those
# read
# directly to a tree with the client's own paths. Sets $new_root: the directory to start borg in, or empty. The
# directories that borg writes to are mounted directly, without mounts below them.
#
# After snapshot_make.sh. Descriptors: 6 reads mounts.
# Says: no-directory, snapshot-none, snapshot-failed.
# shellcheck disable=SC2034 # y: a field that is passed over
# shellcheck disable=SC2086 # a part of a name
# shellcheck disable=SC2154 # mounts_dir: snapshot_make.sh; dir: the private directory, C++

mkdir -p "$mounts_dir" || die no-directory "$mounts_dir"
path=$mounts_dir
attempt mount --make-rprivate /
attempt mount -t tmpfs -o mode=700 cyborg "$mounts_dir"
count=$#
for root_path; do set -- "$@" "$(place "$root_path")"; done
shift $count
count=0
new_root=
: >"$dir/made"
: >"$dir/tree"
mounts >"$dir/mounts"
for root_path; do
  x=
  while read -r target y; do
    path=$(decode "$target")
    case $root_path/ in "${path%/}"/*) x=$target ;; esac
  done <"$dir/mounts"
  printf '%s\n' "$x"
done >"$dir/holds"
while read -r target id type source dev root <&6; do
  path=$(decode "$target")
  case $path in "$mounts_dir" | "$mounts_dir"/*) continue ;; esac
  at=$target
  kind=
  if wanted "$target" "$path" "$@"; then
    case $type in
      btrfs | zfs) kind=$type ;;
      *) case $(cat "/sys/dev/block/$dev/dm/uuid" 2>/dev/null) in LVM-*) kind=lvm ;; esac ;;
    esac
    [ -z "$kind" ] || visible "$path" "$id" || kind=
  fi
  if [ -n "$kind" ]; then
    new_root=$mounts_dir/root
    take_$kind "$target" "$source" "$root" "$type" </dev/null
  elif inside "$target" && [ -e "$path" ]; then
    # What borg may need is there even if it is excluded; a server that is away must not hold it up then.
    case $path:$type in
      /proc/* | /sys/*) ;;
      *:nfs* | *:cifs | *:smb* | *:ceph* | *:fuse* | *:autofs) excluded "$path" || use "$at" "$at" ;;
      *) use "$at" "$at" ;;
    esac
  fi
done 6<"$dir/mounts"
if [ -n "$new_root" ]; then
  LC_ALL=C sort -s -k 1,1 "$dir/tree" >"$dir/sorted"
  path=/
  mkdir "$new_root"
  case $(head -n 1 "$dir/sorted") in '/ '*) ;; *) attempt mount --rbind / "$new_root" ;; esac
  while read -r target x <&6; do
    path=$(decode "$target")
    attempt mount --bind "$(decode "$x")" "$new_root${path%/}"
  done 6<"$dir/sorted"
  for path in "$dir" "$BORG_BASE_DIR"; do attempt mount --bind "$path" "$new_root$path"; done
  export TMPDIR="$dir"
else
  say snapshot-none
fi
