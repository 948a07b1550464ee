# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Functions for snapshots: mounts and their paths, and making and removing snapshots of each kind. Paths are kept in
# the form of /proc/self/mountinfo, with \040 for a blank, so that a line can contain several.
#
# Expects: $mounts_dir, the directory for mounts. Sets: $top_dir, where `top` has mounted a btrfs.
# shellcheck disable=SC2034 # x: a field that is passed over
# shellcheck disable=SC2086 # fields of mountinfo, with set -f
# shellcheck disable=SC2154 # mounts_dir: snapshot_make.sh

unset CDPATH
export LVM_SUPPRESS_FD_WARNINGS=1
decode() { case $1 in *\\*) printf '%b' "$1" ;; *) printf '%s' "$1" ;; esac; }
encode() { printf '%s\n' "$1" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g'; }
one_line() { printf '%s' "$1" | tr '\n' ' '; }

# TARGET ID TYPE SOURCE DEVICE ROOT, parents before children; of several mounts on one target, the last one.
mounts() {
  while read -r id x dev root target rest; do
    rest=" $rest"
    set -f
    set -- ${rest#* - }
    set +f
    printf '%s\n' "$target $id $1 $2 $dev $root"
  done </proc/self/mountinfo | LC_ALL=C sort -s -k 1,1 | {
    line=
    while read -r target rest; do
      case $line in '' | "$target "*) ;; *) printf '%s\n' "$line" ;; esac
      line="$target $rest"
    done
    printf '%s\n' "$line"
  }
}

# Mounts the top of a btrfs, once, as $top_dir.
top() { # SOURCE
  top_dir=$mounts_dir/top$(printf '%s' "$1" | tr '/' '_')
  [ -d "$top_dir" ] && return
  mkdir "$top_dir" && mount -t btrfs -o subvolid=5 "$(decode "$1")" "$top_dir"
}

there() { # KIND NAME
  case $1 in
    btrfs) [ -e "$2" ] ;;
    lvm) lvs "$2" ;;
    zfs) zfs list -t snapshot "$2" ;;
  esac >/dev/null 2>&1
}
remove() { # KIND NAME
  case $1 in
    btrfs) btrfs subvolume delete "$2" ;;
    lvm) lvremove -f -y "$2" ;;
    zfs) zfs destroy "$2" ;;
  esac
}
