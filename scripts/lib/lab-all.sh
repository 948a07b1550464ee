# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# All machines of a lab together.  Everything that is made on behalf of one lab
# is found again by its name: the state directory below /run, the disks, the
# network namespaces cyborg-lab-LAB (the bridge) and cyborg-lab-LAB.MACHINE, and
# a control group.  Processes are ended by recorded pid and start time.

lab_machines() { # those that have a disk
  local directory
  for directory in "$LAB_DISKS"/*/; do
    [[ ! -d $directory ]] || basename "$directory"
  done
}

lab_up() {
  local release=bookworm owner='' machine pid failed=0
  local -a machines=() images=() pids=()
  local -A releases=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --release)
        need 2 "$@"
        release=$2
        shift 2
        ;;
      --owner-pid)
        need 2 "$@"
        owner=$2
        shift 2
        ;;
      -*) die "no such option: $1" ;;
      *)
        machines+=("$1")
        shift
        ;;
    esac
  done
  [[ ${#machines[@]} -gt 0 ]] || machines=(server web db vault)
  local -a names=()
  for machine in "${machines[@]}"; do
    local name=${machine%%:*}
    machine_address "$name" >/dev/null
    case $machine in
      *:*) releases[$name]=${machine#*:} ;;
      server | vault) releases[$name]=$release ;;
      db) releases[$name]=trixie ;;
      *) releases[$name]=bookworm ;;
    esac
    [[ ${releases[$name]} =~ ^(bookworm|trixie)$ ]] || die "no such release: ${releases[$name]}"
    names+=("$name")
    [[ " ${images[*]} " == *" ${releases[$name]} "* ]] || images+=("${releases[$name]}")
  done
  local owner_start=''
  if [[ -n $owner ]]; then
    owner_start=$(process_start "$owner") || die "no process $owner"
  fi

  "$LAB_SCRIPTS/deps" lab
  build_images "${images[@]}"

  lab_lock
  if pid=$(process_recorded "$LAB_STATE/owner") && [[ $pid != "$owner" ]]; then
    die "lab $LAB belongs to the running process $pid; take it down first or set CYBORG_LAB"
  fi
  lab_clean
  mkdir -p "$LAB_STATE"
  if [[ -n $owner ]]; then
    echo "$owner $owner_start" >"$LAB_STATE/owner"
    (
      exec 9>&-
      cd /
      lab_detach _watch "$owner" "$owner_start"
    ) </dev/null >/dev/null 2>&1 &
    process_record $! "$LAB_STATE/watcher" || true
  fi
  # A system without systemd may not have mounted any control groups.
  if ! grep -q '^cgroup' /proc/self/mounts; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  fi
  inotify_up
  network_up
  for machine in "${names[@]}"; do
    # Keeps the lock: if this process is killed, the next "up" must not clean up while machines are still
    # being created.
    (
      network_machine_up "$machine"
      disk_up "$machine" "${releases[$machine]}"
      echo "${releases[$machine]}" >"$LAB_STATE/$machine.release"
      machine_start "$machine"
      machine_wait "$machine"
    ) &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  if [[ $failed -ne 0 ]]; then
    lab_clean
    die "lab $LAB did not come up"
  fi
}

# A machine takes up to some twenty of the inotify instances of which root has
# 128 by default, on all machines together: eight of these are too many.
inotify_up() {
  local limit=/proc/sys/fs/inotify/max_user_instances
  [[ $(<"$limit") -ge 2048 ]] || echo 2048 2>/dev/null >"$limit" ||
    say "machines may fail to boot: $limit is $(<"$limit"), and cannot be raised here"
}

# Serialises up and down of one lab.
lab_lock() {
  mkdir -p /run/cyborg-lab
  exec 9>"/run/cyborg-lab/$LAB.lock"
  flock 9
}

lab_clean() {
  local machine pid mount cgroup netns i
  if pid=$(process_recorded "$LAB_STATE/watcher") && [[ $pid != "$$" ]]; then
    kill "$pid" 2>/dev/null || true
  fi
  for machine in $(lab_machines); do
    machine_end "$machine"
    rmdir "/run/systemd/nspawn/propagate/$LAB-$machine" 2>/dev/null || true
  done
  while IFS= read -r mount; do
    # Lazily: a shell may have its working directory in it.
    umount "$mount" 2>/dev/null || umount -l "$mount"
  done < <(awk -v disks="$LAB_DISKS/" 'index($2, disks) == 1 { print $2 }' /proc/mounts | tac)
  [[ ! -d $LAB_DISKS ]] || rm -rf --one-file-system "$LAB_DISKS"
  for netns in /run/netns/"$LAB_NETNS" /run/netns/"$LAB_NETNS".*; do
    [[ ! -e $netns ]] || ip netns delete "$(basename "$netns")"
  done
  # In a hybrid layout nspawn makes the groups in systemd's old hierarchy too.
  for cgroup in /sys/fs/cgroup/{,unified/,systemd/}"cyborg-lab-$LAB"; do
    # A control group can only be removed some time after its last process has ended.
    for ((i = 0; i < 40; i++)); do
      [[ -d $cgroup ]] || break
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
    done
  done
  rm -rf "$LAB_STATE"
}

lab_down() {
  lab_lock
  lab_clean
}

lab_watch() { # PID START
  while [[ $(process_start "$1") == "$2" ]]; do sleep 1; done
  lab_lock
  # Meanwhile the lab may have another owner.
  [[ $(cat "$LAB_STATE/owner" 2>/dev/null) == "$1 $2" ]] || return 0
  lab_clean
}

lab_status() {
  local machine state link pid
  if pid=$(process_recorded "$LAB_STATE/owner"); then echo "lab $LAB, until process $pid ends"; else echo "lab $LAB"; fi
  for machine in $(lab_machines); do
    state=off link=-
    if pid=$(machine_leader "$machine"); then
      state=$(machine_exec "$machine" systemctl is-system-running </dev/null 2>&1) || true
      link=$(ip -n "$LAB_NETNS" -o link show "v-$machine" | grep -q '[<,]UP[,>]' && echo up || echo cut)
    fi
    printf '%-9s %-9s %-12s %-9s link %-4s pid %s\n' "$machine" "$(cat "$LAB_STATE/$machine.release")" \
      "$(machine_address "$machine")" "$state" "$link" "${pid:--}"
  done
}
