# shellcheck shell=sh
# sweep KIND: removes snapshots left by killed scripts. The name of a snapshot identifies the script that made it: by
# its process id, and a word in its command line.
#
# After snapshot_paths.sh. Says: snapshot-swept, snapshot-left.
# shellcheck disable=SC2013 # names of files in /proc
# shellcheck disable=SC2034 # i: counts

# Ends processes that a killed script left in its namespace, and those that keep the snapshot in use there. A
# mount in the host's own namespace belongs to somebody else.
release() { # NAME
  grep -q -F "/snapshot/$1 " /proc/1/mountinfo && return
  for m in $(grep -l -F "/snapshot/$1 " /proc/[0-9]*/mountinfo); do
    m=${m#/proc/}
    kill -KILL "${m%%/*}"
  done
} 2>/dev/null
sweep_one() { # KIND NAME
  n=${2##*[/@]}
  p=${n#cyborg-}
  r=${p#*-}
  p=${p%%-*}
  r=${r%-*}
  case $p$r in '' | *[!0-9a-f]*) return ;; esac
  [ -n "$p" ] && [ -n "$r" ] && ! grep -q -e "$r" "/proc/$p/cmdline" 2>/dev/null || return
  for i in 1 2 3; do
    x=$(remove "$1" "$2" 2>&1) && say snapshot-swept "$n" && return
    release "$n"
    sleep 1
  done
  say snapshot-left "$n: $(one_line "$x")"
}
sweep() { # KIND [SOURCE]
  case $1 in
    btrfs) for s in "$T"/cyborg-*-*-*; do [ ! -d "$s" ] || sweep_one btrfs "$s"; done ;;
    lvm)
      lvs --noheadings -o vg_name,lv_name -S 'lv_name=~^cyborg-' 2>/dev/null | while read -r v l; do
        sweep_one lvm "$v/$l" </dev/null
      done
      ;;
    zfs)
      zfs list -H -t snapshot -o name 2>/dev/null | grep '@cyborg-' | while read -r s; do
        sweep_one zfs "$s" </dev/null
      done
      ;;
  esac
}
