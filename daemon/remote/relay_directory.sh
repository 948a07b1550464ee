# shellcheck shell=sh
# The private directory, with the FIFOs of a relay.
#
# Expects: $D, its name. Exports: CYBORG_RELAY, for BORG_RSH. Says: no-directory.

mkdir -m 700 "$D" || die no-directory "$D"
mkfifo "$D/pid" "$D/down" || die no-directory "$D"
export CYBORG_RELAY="$D"
