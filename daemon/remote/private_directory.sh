# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# clean, at any end of the script: removes its private directory. Whoever still waits to open one of the FIFOs is let
# go by opening it for both directions, which never blocks on Linux.
#
#   make_relay   makes the directory, with the FIFOs of a relay
#
# Expects: $dir, the name of the directory; tell_ssh, a function for the end (tell_ssh.sh).
# Exports: CYBORG_RELAY, for BORG_RSH. Says: no-directory.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2154 # dir: the private directory, C++

clean() {
  tell_ssh
  [ -p "$dir/down" ] && : 5<>"$dir/pid" 6<>"$dir/down"
  rm -rf "$dir"
}
trap clean EXIT
make_relay() {
  mkdir -m 700 "$dir" || die no-directory "$dir"
  mkfifo "$dir/pid" "$dir/down" || die no-directory "$dir"
  export CYBORG_RELAY="$dir"
}
