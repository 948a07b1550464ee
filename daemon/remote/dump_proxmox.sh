# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: guests of a Proxmox host, virtual machines and containers, as saved by its own tools. Must run on the node
# itself: vzdump does not save guests of other nodes.
#
# Expects: $NAMES, the guests' numbers, one per line; empty: all; $MODE of vzdump. After tool.sh.
# shellcheck disable=SC2154 # verb, name: tool.sh
# shellcheck disable=SC2086 # x: KIND ID

need vzdump awk
# Prints "qemu ID" and "lxc ID" for each guest of this node.
guests() {
  for x in qm pct; do
    command -v "$x" >/dev/null || continue
    ids=$("$x" list) || return 1
    [ "$x" = qm ] && kind=qemu || kind=lxc
    printf '%s\n' "$ids" | awk -v "kind=$kind" '$1 ~ /^[0-9]+$/ { print kind, $1 }'
  done
}
line() {
  case $1 in qemu) ext=vma ;; *) ext=tar ;; esac
  printf 'proxmox/vzdump-%s-%s.%s %s %s\n' "$1" "$2" "$ext" "$1" "$2"
}
case $verb in
  list)
    all=$(guests) || exit 1
    [ -n "$all" ] || { echo 'there is no guest on this host' >&2; exit 1; }
    if [ -z "$NAMES" ]; then
      printf '%s\n' "$all" | while read -r kind id; do line "$kind" "$id"; done
    else
      printf '%s\n' "$NAMES" | while read -r id; do
        x=$(printf '%s\n' "$all" | awk -v "id=$id" '$2 == id')
        [ -n "$x" ] || { echo "there is no guest $id on this host" >&2; exit 1; }
        line ${x}
      done
    fi
    ;;
  *) exec vzdump "${name#* }" --mode "$MODE" --stdout 1 --compress 0 ;;
esac
