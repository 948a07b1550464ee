# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Processes and control groups of scripts/lab.

# A pid alone may belong to a different process by now.
process_start() { # PID: when it was started, in clock ticks since boot
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # The command name before the last parenthesis may contain blanks.
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

# The machine's PID 1 in the host's numbering. It changes with a reboot.
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

# Becomes a process of the lab that outlives its caller, with the same pid.
lab_detach() { # COMMAND ARGUMENT...
  local -a scope=()
  # If "up" runs in a service, systemd would end this together with it.
  [[ ! -d /run/systemd/system ]] || scope=(systemd-run --quiet --scope --collect)
  exec setsid "${scope[@]}" "$LAB_SCRIPTS/lab" "$@"
}

# Where PID 1 is not systemd, nothing else separates the machines, and nspawn creates its groups below the one
# that it is started in.
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
