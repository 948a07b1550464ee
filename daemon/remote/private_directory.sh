# shellcheck shell=sh
# clean, at any end of the script: removes its private directory. Whoever still waits to open one of the FIFOs is let
# go by opening it for both directions, which never blocks on Linux.
#
#   make_relay   makes the directory, with the FIFOs of a relay
#
# Expects: $D, the name of the directory; tell_ssh, a function for the end (tell_ssh.sh).
# Exports: CYBORG_RELAY, for BORG_RSH. Says: no-directory.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

clean() {
  tell_ssh
  [ -p "$D/down" ] && : 5<>"$D/pid" 6<>"$D/down"
  rm -rf "$D"
}
trap clean EXIT
make_relay() {
  mkdir -m 700 "$D" || die no-directory "$D"
  mkfifo "$D/pid" "$D/down" || die no-directory "$D"
  export CYBORG_RELAY="$D"
}
