# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Network of scripts/lab.

readonly lab_network=10.77.0

machine_address() { # MACHINE
  case $1 in
    server) echo $lab_network.10 ;;
    web) echo $lab_network.11 ;;
    db) echo $lab_network.12 ;;
    vault) echo $lab_network.13 ;;
    hyper) echo $lab_network.14 ;;
    client[1-9] | client[1-9][0-9]) echo "$lab_network.$((100 + ${1#client}))" ;;
    *) die "no such machine: $1 (server web db vault hyper client1 to client99)" ;;
  esac
}
machine_ip() { machine_address "$1"; }

machine_netns() { echo "$LAB_NETNS.$1"; }

# Each machine is in a namespace of its own, connected to the lab's by a veth pair. The namespace is created
# here, not by nspawn, so that no interface ever appears in the host's.
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
  # A namespace disappears some time after its name; its end of the pair is removed now.
  ip -n "$LAB_NETNS" link delete "v-$1" 2>/dev/null || true
  ip netns delete "$(machine_netns "$1")" 2>/dev/null || true
}
