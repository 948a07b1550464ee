# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One machine of scripts/lab: its disk, its start, what can be done to it.

disk_up() { # MACHINE RELEASE
  local machine=$1 image lower layer layers root name type disk=$LAB_DISKS/$1
  image=$(image_dir "$2")
  touch "$image"
  case $machine in
    server) layers='server vault client' ;;
    vault) layers='vault client' ;;
    hyper) layers='hypervisor client' ;;
    *) layers='databases client' ;;
  esac
  lower=
  for layer in $layers; do lower+=${lower:+:}$image/$layer; done
  local options="$LAB_OVERLAY_OPTIONS,lowerdir=$lower,upperdir=$disk/data/upper,workdir=$disk/data/work"
  mkdir -p "$disk/root" "$disk/data/upper" "$disk/data/work"
  if ! mount -t overlay -o "$options" cyborg-lab "$disk/root" 2>/dev/null; then
    # Some file systems, such as another overlay, cannot be an overlay's upper layer. A tmpfs can.
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
    for name in server web db vault hyper client{1..99}; do
      echo "$(machine_address "$name") $name"
    done
  } >"$root/etc/hosts"
  for type in ed25519 ecdsa; do
    ssh-keygen -q -t "$type" -N '' -C "root@$machine" -f "$root/etc/ssh/ssh_host_${type}_key"
  done
}

machine_start() { # MACHINE
  (
    exec 9>&-
    cd /
    lab_detach _supervise "$1"
  ) </dev/null >>"$LAB_STATE/$1.console" 2>&1 &
  process_record $! "$LAB_STATE/$1.supervisor" || true
}

# Runs a machine until it powers off.
machine_supervise() { # MACHINE
  local machine=$1 cgroup pid status
  local -a options=(--register=no)
  # nspawn must not look for a systemd that provides a scope; but then its caller must restart a machine that
  # reboots.
  [[ -d /run/systemd/system ]] || options+=(--keep-unit)
  while true; do
    rm -f "$LAB_STATE/$machine.leader"
    # A new group for each start: the previous one may still delegate controllers to its children, and then
    # accepts no process.
    cgroup=$(lab_cgroup)
    if [[ -n $cgroup ]]; then
      cgroup=$(mkdir -p "$cgroup" && mktemp -d "$cgroup/$machine-XXXXXX")
    fi
    # SYSTEMD_NSPAWN_TMPFS_TMP: /tmp is as the release makes it, not a small tmpfs. _LOCK: this lab has its
    # own locks, and leaves no files for nspawn's. A machine with its own network would have CAP_NET_ADMIN.
    (
      [[ -z $cgroup ]] || echo "$BASHPID" >"$cgroup/cgroup.procs"
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_TMPFS_TMP=0 SYSTEMD_NSPAWN_LOCK=0 \
        exec systemd-nspawn --quiet --boot --settings=no \
        --directory="$LAB_DISKS/$machine/root" \
        --machine="$LAB-$machine" --hostname="$machine" "${options[@]}" \
        --network-namespace-path="/run/netns/$(machine_netns "$machine")" \
        --capability=CAP_NET_ADMIN --link-journal=no \
        --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
        --resolv-conf=off --timezone=off --console=read-only
    ) &
    pid=$!
    process_record "$pid" "$LAB_STATE/$machine.nspawn" || true
    status=0
    wait "$pid" || status=$?
    # nspawn's status for a reboot.
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
      # Fails immediately until systemd listens.
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

# Replaces this process. With nsenter alone, the command would stay in the caller's control group, which
# systemd, journald and polkit inside cannot identify.
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

# Like cp: into DESTINATION if that is a directory, otherwise to that name.
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

# Ends all processes of a machine. They end with PID 1.
machine_end() { # MACHINE
  local machine=$1 kind pid i leader
  # First the supervisor, which would restart it.
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
  # The link first: a machine that loses power does not say goodbye to its peers. Its namespace is removed as
  # well, or the kernel would close the connections as soon as the link is back.
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
