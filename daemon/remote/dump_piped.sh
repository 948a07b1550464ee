# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: the output of a command. If any stage of a pipe fails, so does the dump, if the shell supports that, as bash
# does. `pass` passes on the output and knows whether there was a first byte; if it fails, so does the dump.
#
# Expects: $COMMAND; $FILENAME, its name in the archive. After tool.sh.
# shellcheck disable=SC2154 # verb: tool.sh
# shellcheck disable=SC3040 # tried in a shell of its own

produce() {
  if command -v bash >/dev/null; then exec bash -o pipefail -c "$COMMAND"; fi
  (set -o pipefail) 2>/dev/null && exec sh -o pipefail -c "$COMMAND"
  exec sh -c "$COMMAND"
}
pass() {
  case $(dd bs=1 count=1 2>&1 >&3) in
    1+0*) exec cat >&3 ;;
    0+0*) exit 100 ;;
  esac
  exit 101
}
case $verb in
  list) printf '%s -\n' "$FILENAME" ;;
  *)
    exec 3>&1
    result=$({ { (produce) 3>&- 4>&-; echo $? >&4; } | pass 4>&-; } 4>&1)
    passed=$?
    [ "$result" = 0 ] || exit "${result:-1}"
    case $passed in
      0) ;;
      100) echo "@warning the command printed nothing: $FILENAME in the archive is empty" >&2 ;;
      *) echo 'what the command printed could not be passed on' >&2; exit 1 ;;
    esac
    ;;
esac
