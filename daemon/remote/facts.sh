# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints a client's facts as KEY=VALUE lines. Says: no-borg, borg-broken.
# shellcheck disable=SC2034 # number, interface, family, rest: fields that are passed over
# shellcheck disable=SC1090 # a file of the machine

addresses() {
  ip -o addr show scope global 2>/dev/null | while read -r number interface family address rest; do echo "${address%/*}"; done
}
addresses=$(addresses)
[ -n "$addresses" ] || addresses=$(hostname -I 2>/dev/null | tr ' ' '\n')
[ -n "$addresses" ] || addresses=$(hostname -i 2>/dev/null | tr ' ' '\n')
for address in $addresses; do printf 'address=%s\n' "$address"; done
for file in /etc/os-release /usr/lib/os-release; do
  if [ -r "$file" ]; then (. "$file"; printf 'operating_system=%s\n' "$PRETTY_NAME"); break; fi
done
printf 'architecture=%s\n' "$(uname -m)"
printf 'hostname=%s\n' "$(hostname 2>/dev/null || uname -n)"
command -v borg >/dev/null || die no-borg
version=$(borg --version 2>&1) || die borg-broken "$version"
printf 'borg_version=%s\n' "$version"
