# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes snapshots, and removes them however the script ends. Each is recorded first, so that it is removed even if its
# creation was interrupted.
#
# Expects: $dir, the private directory; $BORG_BASE_DIR; $WORD, a part of each name; $SIZE, percent of a volume;
# $ONE, not empty for one file system; excluded PATH, a function. After snapshot_paths.sh and snapshot_sweep.sh.
# Descriptors: 5 reads subvolumes, 9 a mount.
# Says: shell-unsupported, snapshot, snapshot-left, snapshot-failed, snapshot-full.
# shellcheck disable=SC2034 # i: counts
# shellcheck disable=SC2086 # these are numbers, or words to be split
# shellcheck disable=SC2154 # dir: the private directory, C++; top_dir: snapshot_paths.sh

[ "$(command -v printf)" = printf ] || die shell-unsupported
mounts_dir=$BORG_BASE_DIR/snapshot
trap '' PIPE
trap 'exit 143' HUP INT TERM
watchers=
drop() {
  trap '' HUP INT TERM
  [ -z "$watchers" ] || kill $watchers 2>/dev/null
  cd /
  encoded=$(encode "$mounts_dir")
  mounts | LC_ALL=C sort -r | while read -r target x; do
    case $target in
      "$encoded"/top* | "$encoded") ;;
      "$encoded"/*) umount "$(decode "$target")" || umount -l "$(decode "$target")" ;;
    esac
  done 2>/dev/null
  [ -e "$dir/made" ] || return
  while read -r kind name x; do
    there "$kind" "$(decode "$name")" || continue
    for i in 1 2 3 4 5; do
      x=$(remove "$kind" "$(decode "$name")" 2>&1) && continue 2
      sleep 1
    done
    say snapshot-left "${name##*/}: $(one_line "$x")"
  done <"$dir/made"
}
trap 'drop; clean' EXIT
refuse() { die snapshot-failed "$path: $(one_line "$*")"; }
attempt() { x=$("$@" 2>&1) || refuse "$x"; }
need() { command -v "$1" >/dev/null || refuse "$1 is not installed"; }

# For a root, selects the mount that contains it, and all mounts below it.
place() {
  if [ -d "$1" ] && [ ! -L "$1" ]; then
    cd -P -- "$1" && pwd -P
  else
    cd -P -- "$(dirname -- "$1")" && x=$(pwd -P) && printf '%s\n' "${x%/}/$(basename -- "$1")"
  fi
}
wanted() { # TARGET PATH ROOT...
  grep -q -x -F -e "$1" "$dir/holds" && return
  [ -z "$ONE" ] || return
  path_below=$2
  shift 2
  for r; do
    case $path_below in "${r%/}"/*) ! excluded "$path_below"; return ;; esac
  done
  return 1
}
# Another file system may be mounted over it.
visible() { ( exec 9<"$1" && grep -q "^mnt_id:[^0-9]*$2\$" /proc/self/fdinfo/9 ) 2>/dev/null; }
inside() { # TARGET: it lies in a snapshot
  while read -r x y; do
    case $1 in "${x%/}"/*) return ;; esac
  done <"$dir/tree"
  return 1
}

# Each file system gets a single snapshot, called $snapshot.
known() { # KIND THING
  [ -e "$dir/swept-$1" ] || { : >"$dir/swept-$1"; sweep "$1"; }
  snapshot=
  while read -r x y z; do [ "$x $z" != "$1 $2" ] || snapshot=$y; done <"$dir/made"
  [ -z "$snapshot" ] || return 0
  count=$((count + 1))
  snapshot=cyborg-$$-$WORD-$count
  return 1
}
made() { printf '%s\n' "$1 $2 $3" >>"$dir/made"; } # KIND NAME THING
use() { printf '%s\n' "$1 $2" >>"$dir/tree"; } # TARGET FROM

take_subvolume() { # SOURCE PATH
  known btrfs "$1$2" && return
  snapshot=$(encode "$top_dir/$snapshot")
  made btrfs "$snapshot" "$1$2"
  attempt btrfs subvolume snapshot -r "$(decode "$top_dir$2")/" "$(decode "$snapshot")"
  say snapshot "btrfs $path"
}
# Nested subvolumes are empty in a snapshot; each needs its own.
take_btrfs() { # TARGET SOURCE ROOT
  need btrfs
  x=$(top "$2" 2>&1) || refuse "$x"
  top "$2"
  sub=${3%/}
  while [ "$(stat -c %i "$(decode "$top_dir$sub")/" 2>/dev/null)" != 256 ] && [ -n "$sub" ]; do sub=${sub%/*}; done
  below=${3%/}
  take_subvolume "$2" "$sub"
  use "$1" "$snapshot${below#"$sub"}"
  [ -z "$ONE" ] || return
  printf '%s\n' "${sub:-/}" >"$dir/queue"
  while read -r volume_path <&5; do
    btrfs subvolume list -o "$(decode "$top_dir$volume_path")" >"$dir/list" 2>"$dir/said" || refuse "$(cat "$dir/said")"
    while IFS= read -r line; do
      case $line in *' path cyborg-'*-*-*) continue ;; esac
      volume_path=/$(encode "${line#* path }")
      printf '%s\n' "$volume_path" >>"$dir/queue"
      case $volume_path in "$below"/*) ;; *) continue ;; esac
      to=${1%/}${volume_path#"$below"}
      path=$(decode "$to")
      ! excluded "$path" || continue
      case $(btrfs property get -ts "$(decode "$top_dir$volume_path")" ro 2>/dev/null) in
        ro=true) use "$to" "$(encode "$top_dir")$volume_path" ;;
        *) take_subvolume "$2" "$volume_path" && use "$to" "$snapshot" || exit ;;
      esac
    done <"$dir/list"
  done 5<"$dir/queue"
}
# Data read from a full snapshot is useless. A thin one has all the room of its pool.
full() { # VOLUME
  case $(lvs --noheadings -o segtype,lv_snapshot_invalid,data_percent "$1" 2>/dev/null) in
    *thin*) return 1 ;;
    *invalid* | *100.00*) ;;
    *) return 1 ;;
  esac
}
# Ends the script when a snapshot is full, before borg can make an archive of data that it could not read.
watch_lvm() { # VOLUME ORIGIN
  device=$(lvs --noheadings -o lv_dm_path "$1" 2>/dev/null)
  device=${device##*/}
  [ -n "$device" ] && command -v dmsetup >/dev/null || return 0
  (
    trap 'kill $wait_pid; exit' TERM
    trap - EXIT
    {
      while events=$(dmsetup info -c --noheadings -o events "$device") && ! full "$1"; do
        dmsetup wait "$device" "$events" &
        wait_pid=$!
        wait $wait_pid || exit
      done
    } >/dev/null 2>&1
    full "$1" && say snapshot-full "$2" && kill -TERM $$
  ) &
  watchers="$watchers $!"
}
take_lvm() { # TARGET SOURCE ROOT TYPE
  need lvcreate
  x=$(lvs --noheadings -o vg_name,lv_name,segtype "$(decode "$2")" 2>&1) || refuse "$x"
  read -r group volume form <<END
$x
END
  if ! known lvm "$group/$volume"; then
    made lvm "$group/$snapshot" "$group/$volume"
    case $form in
      thin*) attempt lvcreate -y -s -k n -a y -n "$snapshot" "$group/$volume" ;;
      *) attempt lvcreate -y -s -l "$SIZE%ORIGIN" -n "$snapshot" "$group/$volume" ;;
    esac
    # Journals are replayed on the snapshot. XFS would see the id of the volume itself twice.
    options=ro
    [ "$4" != xfs ] || options=ro,nouuid
    mkdir "$mounts_dir/$snapshot" && attempt mount -t "$4" -o "$options" "/dev/$group/$snapshot" "$mounts_dir/$snapshot"
    case $form in thin*) ;; *) watch_lvm "$group/$snapshot" "$group/$volume" ;; esac
    say snapshot "lvm $path"
  fi
  use "$1" "$(encode "$mounts_dir")/${snapshot##*/}${3%/}"
}
take_zfs() { # TARGET SOURCE ROOT
  need zfs
  if ! known zfs "$2"; then
    made zfs "$2@$snapshot" "$2"
    attempt zfs snapshot "$(decode "$2")@$snapshot"
    mkdir "$mounts_dir/$snapshot" && attempt mount -t zfs -o ro "$(decode "$2")@$snapshot" "$mounts_dir/$snapshot"
    say snapshot "zfs $path"
  fi
  use "$1" "$(encode "$mounts_dir")/${snapshot##*[/@]}${3%/}"
}
