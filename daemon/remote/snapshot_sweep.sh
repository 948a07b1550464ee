# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# sweep KIND: removes snapshots left by killed scripts. The name of a snapshot identifies the script that made it: by
# its process id, and a word in its command line.
#
# After snapshot_paths.sh. Says: snapshot-swept, snapshot-left.
# shellcheck disable=SC2013 # names of files in /proc
# shellcheck disable=SC2034 # i: counts
# shellcheck disable=SC2154 # top_dir: snapshot_paths.sh

# Ends processes that a killed script left in its namespace, and those that keep the snapshot in use there. A
# mount in the host's own namespace belongs to somebody else.
release() { # NAME
  grep -q -F "/snapshot/$1 " /proc/1/mountinfo && return
  for info in $(grep -l -F "/snapshot/$1 " /proc/[0-9]*/mountinfo); do
    info=${info#/proc/}
    kill -KILL "${info%%/*}"
  done
} 2>/dev/null
sweep_one() { # KIND NAME
  name=${2##*[/@]}
  pid=${name#cyborg-}
  word=${pid#*-}
  pid=${pid%%-*}
  word=${word%-*}
  case $pid$word in '' | *[!0-9a-f]*) return ;; esac
  [ -n "$pid" ] && [ -n "$word" ] && ! grep -q -e "$word" "/proc/$pid/cmdline" 2>/dev/null || return
  for i in 1 2 3; do
    x=$(remove "$1" "$2" 2>&1) && say snapshot-swept "$name" && return
    release "$name"
    sleep 1
  done
  say snapshot-left "$name: $(one_line "$x")"
}
sweep() { # KIND [SOURCE]
  case $1 in
    btrfs) for snapshot in "$top_dir"/cyborg-*-*-*; do [ ! -d "$snapshot" ] || sweep_one btrfs "$snapshot"; done ;;
    lvm)
      lvs --noheadings -o vg_name,lv_name -S 'lv_name=~^cyborg-' 2>/dev/null | while read -r group volume; do
        sweep_one lvm "$group/$volume" </dev/null
      done
      ;;
    zfs)
      zfs list -H -t snapshot -o name 2>/dev/null | grep '@cyborg-' | while read -r snapshot; do
        sweep_one zfs "$snapshot" </dev/null
      done
      ;;
  esac
}
