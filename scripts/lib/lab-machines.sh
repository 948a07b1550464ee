# shellcheck shell=bash
# Machines of scripts/lab.  Everything that is made on behalf of one lab is
# found again by its name: the state directory below /run, the disks, the
# network namespaces cyborg-lab-LAB (the bridge) and cyborg-lab-LAB.MACHINE,
# and a control group.  Processes are ended by recorded pid and start time.

readonly lab_network=10.77.0

machine_address() { # MACHINE
  case $1 in
    server) echo $lab_network.10 ;;
    web) echo $lab_network.11 ;;
    db) echo $lab_network.12 ;;
    vault) echo $lab_network.13 ;;
    client[1-9] | client[1-9][0-9]) echo "$lab_network.$((100 + ${1#client}))" ;;
    *) die "no such machine: $1 (server web db vault client1 to client99)" ;;
  esac
}
machine_ip() { machine_address "$1"; }

machine_netns() { echo "$LAB_NETNS.$1"; }

# --- processes

# A pid alone may meanwhile belong to somebody else.
process_start() { # PID: when it was started, in clock ticks since boot
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # The command name before the last parenthesis may hold blanks.
  read -r -a stat <<<"${stat##*) }"
  [[ ${stat[0]} != [ZX] ]] || return 1
  echo "${stat[19]}"
}
process_record() { # PID FILE
  local start
  start=$(process_start "$1") || return 1
  echo "$1 $start" >"$2"
}
process_recorded() { # FILE: prints the pid if that process still runs
  local pid start
  { read -r pid start <"$1"; } 2>/dev/null || return 1
  [[ $(process_start "$pid") == "$start" ]] || return 1
  echo "$pid"
}

# The machine's PID 1 as seen from here.  It is another one after a reboot.
machine_leader() { # MACHINE
  local file=$LAB_STATE/$1.leader nspawn child children pids
  process_recorded "$file" && return
  nspawn=$(process_recorded "$LAB_STATE/$1.nspawn") || return 1
  { read -r -a children <"/proc/$nspawn/task/$nspawn/children"; } 2>/dev/null || true
  for child in "${children[@]}"; do
    pids=$(grep ^NSpid: "/proc/$child/status" 2>/dev/null) || continue
    # nspawn's other child only lives until the machine is set up.
    [[ ${pids##*[[:blank:]]} == 1 ]] || continue
    [[ $(<"/proc/$child/comm") == systemd ]] || continue
    process_record "$child" "$file" || return 1
    echo "$child"
    return
  done
  return 1
}

# --- control groups

# Where PID 1 is not systemd nobody else keeps the machines apart, and nspawn
# makes its groups below the one that it is started in.
lab_cgroup() { # prints the lab's control group directory, or nothing
  [[ ! -d /run/systemd/system ]] || return 0
  local type
  for type in /sys/fs/cgroup/unified /sys/fs/cgroup; do
    if [[ $(stat -f -c %T "$type" 2>/dev/null) == cgroup2fs ]]; then
      echo "$type/cyborg-lab-$LAB"
      return
    fi
  done
}

# --- network

# Each machine lives in a namespace of its own, joined to the lab's by a veth
# pair.  The namespace is made here rather than by nspawn, so that no interface
# ever shows up in the host's.
network_up() {
  ip netns add "$LAB_NETNS"
  ip -n "$LAB_NETNS" link set lo up
  ip -n "$LAB_NETNS" link add br0 type bridge
  ip -n "$LAB_NETNS" link set br0 up
}
network_machine_up() { # MACHINE
  local machine=$1 netns
  netns=$(machine_netns "$machine")
  ip netns add "$netns"
  ip -n "$LAB_NETNS" link add "v-$machine" type veth peer name host0 netns "$netns"
  ip -n "$LAB_NETNS" link set "v-$machine" master br0 up
  ip -n "$netns" link set lo up
  ip -n "$netns" address add "$(machine_address "$machine")/24" dev host0
  ip -n "$netns" link set host0 up
}
network_machine_down() { # MACHINE
  # A namespace goes some time after its name; its end of the pair goes now.
  ip -n "$LAB_NETNS" link delete "v-$1" 2>/dev/null || true
  ip netns delete "$(machine_netns "$1")" 2>/dev/null || true
}

# --- disks

disk_up() { # MACHINE RELEASE
  local machine=$1 image lower layer layers root name type disk=$LAB_DISKS/$1
  image=$(image_dir "$2")
  touch "$image"
  case $machine in
    server) layers='server vault client' ;;
    vault) layers='vault client' ;;
    *) layers=client ;;
  esac
  lower=
  for layer in $layers; do lower+=${lower:+:}$image/$layer; done
  local options="$LAB_OVERLAY_OPTIONS,lowerdir=$lower,upperdir=$disk/data/upper,workdir=$disk/data/work"
  mkdir -p "$disk/root" "$disk/data/upper" "$disk/data/work"
  if ! mount -t overlay -o "$options" cyborg-lab "$disk/root" 2>/dev/null; then
    # Not every file system can hold the upper side of an overlay, another
    # overlay for one.  Memory can.
    mount -t tmpfs -o size=50% cyborg-lab "$disk/data"
    mkdir -p "$disk/data/upper" "$disk/data/work"
    mount -t overlay -o "$options" cyborg-lab "$disk/root"
  fi
  root=$disk/root
  chmod 755 "$root"
  echo "$machine" >"$root/etc/hostname"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  {
    echo '127.0.0.1 localhost'
    for name in server web db vault client{1..99}; do
      echo "$(machine_address "$name") $name"
    done
  } >"$root/etc/hosts"
  for type in ed25519 ecdsa; do
    ssh-keygen -q -t "$type" -N '' -C "root@$machine" -f "$root/etc/ssh/ssh_host_${type}_key"
  done
}

# --- one machine

machine_start() { # MACHINE
  (
    exec 9>&-
    cd /
    exec setsid "$LAB_SCRIPTS/lab" _supervise "$1"
  ) </dev/null >>"$LAB_STATE/$1.console" 2>&1 &
  process_record $! "$LAB_STATE/$1.supervisor" || true
}

# Runs a machine until it powers off.
machine_supervise() { # MACHINE
  local machine=$1 cgroup pid status
  local -a options=(--register=no)
  # nspawn must not look for a systemd to get a scope from; but then it leaves
  # it to its caller to start a machine again that reboots.
  [[ -d /run/systemd/system ]] || options+=(--keep-unit)
  while true; do
    rm -f "$LAB_STATE/$machine.leader"
    # A group of its own for each start: the one of the start before may still
    # hand controllers to its children, and then takes no process.
    cgroup=$(lab_cgroup)
    if [[ -n $cgroup ]]; then
      cgroup=$(mkdir -p "$cgroup" && mktemp -d "$cgroup/$machine-XXXXXX")
    fi
    # SYSTEMD_NSPAWN_TMPFS_TMP: /tmp is what the release makes it, not a small
    # tmpfs.  _LOCK: this lab has its own, and does not leave files behind for it.
    # CAP_NET_ADMIN is what a machine with its own network would have.
    (
      [[ -z $cgroup ]] || echo "$BASHPID" >"$cgroup/cgroup.procs"
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_TMPFS_TMP=0 SYSTEMD_NSPAWN_LOCK=0 \
        exec systemd-nspawn --quiet --boot --settings=no \
        --directory="$LAB_DISKS/$machine/root" \
        --machine="$LAB-$machine" --hostname="$machine" "${options[@]}" \
        --network-namespace-path="/run/netns/$(machine_netns "$machine")" \
        --capability=CAP_NET_ADMIN --link-journal=no \
        --resolv-conf=off --timezone=off --console=read-only
    ) &
    pid=$!
    process_record "$pid" "$LAB_STATE/$machine.nspawn" || true
    status=0
    wait "$pid" || status=$?
    # What nspawn calls a reboot.
    [[ $status -eq 133 ]] || exit "$status"
  done
}

machine_wait() { # MACHINE
  local machine=$1 state='' failed deadline=$((SECONDS + 60))
  while true; do
    if ! process_recorded "$LAB_STATE/$machine.supervisor" >/dev/null; then
      tail -n 20 "$LAB_STATE/$machine.console" >&2
      die "$machine has ended while it was booting"
    fi
    if machine_leader "$machine" >/dev/null; then
      # Fails at once until systemd listens.
      state=$(machine_exec "$machine" timeout 60 systemctl is-system-running --wait 2>/dev/null </dev/null) || true
      case $state in
        running) return ;;
        degraded)
          failed=$(machine_exec "$machine" systemctl list-units --failed --plain --no-legend </dev/null)
          say "$machine is degraded; failed units:"
          echo "$failed" >&2
          return
          ;;
      esac
    fi
    [[ $SECONDS -lt $deadline ]] || {
      tail -n 20 "$LAB_STATE/$machine.console" >&2
      die "$machine did not boot within a minute (${state:-no answer from systemd})"
    }
    sleep 0.1
  done
}

# Replaces this process.  Also with nsenter the command would stay in the
# caller's control group, where systemd, journald and polkit inside cannot make
# out what it is.
machine_enter() { # MACHINE COMMAND...
  local leader number path group
  leader=$(machine_leader "$1") || die "$1 is not running in lab $LAB"
  shift
  while IFS=: read -r number _ path; do
    [[ $number == 0 ]] || continue
    for group in /sys/fs/cgroup/unified /sys/fs/cgroup; do
      group+=${path%/init.scope}
      [[ -e $group/cgroup.procs ]] || continue
      if mkdir -p "$group/lab-exec"; then echo "$BASHPID" >"$group/lab-exec/cgroup.procs"; fi
      break
    done
  done <"/proc/$leader/cgroup" 2>/dev/null || true
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" \
    "$(type -P nsenter)" -t "$leader" -a -- "$@"
}
machine_exec() (machine_enter "$@")

# As cp does: into DESTINATION if that is a directory, otherwise to that name.
machine_put() { # MACHINE SOURCE DESTINATION
  local source destination=$3
  source=$(realpath -s -- "$2")
  [[ -e $source ]] || die "no such file: $2"
  # shellcheck disable=SC2016
  tar -C "$(dirname "$source")" -c --owner=0 --group=0 -- "./$(basename "$source")" |
    machine_exec "$1" bash -c "$(declare -f unpack)"'; unpack "$@"' lab "$(basename "$source")" "$destination"
}
machine_get() { # MACHINE SOURCE DESTINATION
  # shellcheck disable=SC2016
  machine_exec "$1" bash -euc 'source=$(realpath -s -- "$1")
    exec tar -C "$(dirname "$source")" -c -- "./$(basename "$source")"' lab "$2" </dev/null |
    unpack "$(basename "$2")" "$3"
}
unpack() ( # NAME DESTINATION: archive of one file or directory on stdin
  set -e
  destination=$2
  if [[ -d $destination || $destination == */ ]]; then
    mkdir -p -- "$destination"
    destination=${destination%/}/$1
  fi
  directory=$(mktemp -d -- "$(dirname "$destination")/.lab-XXXXXX")
  trap 'rm -rf -- "$directory"' EXIT
  tar -C "$directory" -x --no-same-owner
  rm -rf -- "$destination"
  mv -T -- "$directory/$1" "$destination"
)

machine_running() { # MACHINE
  machine_leader "$1" >/dev/null || die "$1 is not running in lab $LAB"
}
machine_cut() {
  machine_running "$1"
  ip -n "$LAB_NETNS" link set "v-$1" down
}
machine_heal() {
  machine_running "$1"
  ip -n "$LAB_NETNS" link set "v-$1" up
}

# Ends all processes of a machine.  PID 1 takes all others with it.
machine_end() { # MACHINE
  local machine=$1 kind pid i leader
  # First the one that would start it again.
  if pid=$(process_recorded "$LAB_STATE/$machine.supervisor"); then
    kill -KILL "$pid" 2>/dev/null || true
  fi
  leader=$(machine_leader "$machine") || true
  for pid in "$leader" "$(process_recorded "$LAB_STATE/$machine.nspawn" || true)"; do
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
  done
  for ((i = 0; i < 100; i++)); do
    for kind in leader nspawn supervisor; do
      if process_recorded "$LAB_STATE/$machine.$kind" >/dev/null; then
        sleep 0.05
        continue 2
      fi
    done
    break
  done
  rm -f "$LAB_STATE/$machine".{leader,nspawn,supervisor}
}

machine_kill() {
  local machine=$1
  machine_running "$machine"
  # The link first: a machine without power does not say goodbye to its peers.
  # Its namespace goes as well, or the kernel would go on to close the
  # connections as soon as the link is back.
  ip -n "$LAB_NETNS" link set "v-$machine" down
  machine_end "$machine"
  network_machine_down "$machine"
}

machine_boot() {
  local machine=$1
  [[ -d $LAB_DISKS/$machine/root ]] || die "$machine is not part of lab $LAB"
  ! process_recorded "$LAB_STATE/$machine.supervisor" >/dev/null || die "$machine is running"
  network_machine_down "$machine"
  network_machine_up "$machine"
  machine_start "$machine"
  machine_wait "$machine"
}

# --- the lab

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
      exec setsid "$LAB_SCRIPTS/lab" _watch "$owner" "$owner_start"
    ) </dev/null >/dev/null 2>&1 &
    process_record $! "$LAB_STATE/watcher" || true
  fi
  # A system without systemd may not have mounted any control groups.
  if ! grep -q '^cgroup' /proc/self/mounts; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  fi
  network_up
  for machine in "${names[@]}"; do
    # Keeps the lock: if this process is killed, the next "up" must not clean up
    # while machines are still being made.
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
    # Lazily: somebody's shell may stand in it.
    umount "$mount" 2>/dev/null || umount -l "$mount"
  done < <(awk -v disks="$LAB_DISKS/" 'index($2, disks) == 1 { print $2 }' /proc/mounts | tac)
  [[ ! -d $LAB_DISKS ]] || rm -rf --one-file-system "$LAB_DISKS"
  for netns in /run/netns/"$LAB_NETNS" /run/netns/"$LAB_NETNS".*; do
    [[ ! -e $netns ]] || ip netns delete "$(basename "$netns")"
  done
  # In a hybrid layout nspawn makes the groups in systemd's old hierarchy too.
  for cgroup in /sys/fs/cgroup/{,unified/,systemd/}"cyborg-lab-$LAB"; do
    # A control group can be removed some time after its last process.
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
  # Meanwhile the lab may have become somebody else's.
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
