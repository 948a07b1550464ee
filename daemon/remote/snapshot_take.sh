# shellcheck shell=sh
# Makes snapshots of the file systems of the roots, which are the script's arguments, and combines them with those read
# directly to a tree with the client's own paths. Sets $N: the directory to start borg in, or empty. The directories that
# borg writes to are mounted directly, without mounts below them.
#
# After snapshot_make.sh. Descriptors: 6 reads mounts.
# Says: no-directory, snapshot-none, snapshot-failed.
# shellcheck disable=SC2034 # y: a field that is passed over
# shellcheck disable=SC2086 # a part of a name

mkdir -p "$M" || die no-directory "$M"
t=$M
attempt mount --make-rprivate /
attempt mount -t tmpfs -o mode=700 cyborg "$M"
count=$#
for r; do set -- "$@" "$(place "$r")"; done
shift $count
count=0
N=
: >"$D/made"
: >"$D/tree"
mounts >"$D/mounts"
for r; do
  x=
  while read -r target y; do
    t=$(decode "$target")
    case $r/ in "${t%/}"/*) x=$target ;; esac
  done <"$D/mounts"
  printf '%s\n' "$x"
done >"$D/holds"
while read -r target id type source dev root <&6; do
  t=$(decode "$target")
  case $t in "$M" | "$M"/*) continue ;; esac
  at=$target
  kind=
  if wanted "$target" "$t" "$@"; then
    case $type in
      btrfs | zfs) kind=$type ;;
      *) case $(cat "/sys/dev/block/$dev/dm/uuid" 2>/dev/null) in LVM-*) kind=lvm ;; esac ;;
    esac
    [ -z "$kind" ] || visible "$t" "$id" || kind=
  fi
  if [ -n "$kind" ]; then
    N=$M/root
    take_$kind "$target" "$source" "$root" "$type" </dev/null
  elif inside "$target" && [ -e "$t" ]; then
    # Paths that borg may need are kept even if excluded; an unreachable server must not delay it then.
    case $t:$type in
      /proc/* | /sys/*) ;;
      *:nfs* | *:cifs | *:smb* | *:ceph* | *:fuse* | *:autofs) excluded "$t" || use "$at" "$at" ;;
      *) use "$at" "$at" ;;
    esac
  fi
done 6<"$D/mounts"
if [ -n "$N" ]; then
  LC_ALL=C sort -s -k 1,1 "$D/tree" >"$D/sorted"
  t=/
  mkdir "$N"
  case $(head -n 1 "$D/sorted") in '/ '*) ;; *) attempt mount --rbind / "$N" ;; esac
  while read -r target x <&6; do
    t=$(decode "$target")
    attempt mount --bind "$(decode "$x")" "$N${t%/}"
  done 6<"$D/sorted"
  for t in "$D" "$BORG_BASE_DIR"; do attempt mount --bind "$t" "$N$t"; done
  export TMPDIR="$D"
else
  say snapshot-none
fi
