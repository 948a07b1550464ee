# shellcheck shell=sh
# Prints a client's facts as KEY=VALUE lines. Says: no-borg, borg-broken.
# shellcheck disable=SC2034 # n, i, r: fields that are passed over
# shellcheck disable=SC1090 # a file of the machine

addresses() {
  ip -o addr show scope global 2>/dev/null | while read -r n i f a r; do echo "${a%/*}"; done
}
A=$(addresses)
[ -n "$A" ] || A=$(hostname -I 2>/dev/null | tr ' ' '\n')
[ -n "$A" ] || A=$(hostname -i 2>/dev/null | tr ' ' '\n')
for a in $A; do printf 'address=%s\n' "$a"; done
for f in /etc/os-release /usr/lib/os-release; do
  if [ -r "$f" ]; then (. "$f"; printf 'operating_system=%s\n' "$PRETTY_NAME"); break; fi
done
printf 'architecture=%s\n' "$(uname -m)"
printf 'hostname=%s\n' "$(hostname 2>/dev/null || uname -n)"
command -v borg >/dev/null || die no-borg
V=$(borg --version 2>&1) || die borg-broken "$V"
printf 'borg_version=%s\n' "$V"
