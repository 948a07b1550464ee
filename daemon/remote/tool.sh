# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Begins every tool: a separate script, which runs in a session of its own and is called with a verb, $verb, and a
# name, $name.
#
#   encode NAME             the only conversion of a name to that of a file, reversed by any percent-decoder: letters,
#                           digits, "-", "_", "." and non-ASCII characters stay, other bytes become %xx
#   entry FOLDER NAME SUFFIX, entries NAMES FOLDER SUFFIX
#                           lines of a list of dumps: the file's path and the name
#   need PROGRAM...         fails if a program is missing
#
# Descriptors: 8 is the file with the password, if there is one.
# shellcheck disable=SC2034 # verb, name: for the tool that follows
# shellcheck disable=SC2059 # the format is the byte

cd /
unset TZ BORG_BASE_DIR BORG_PASSPHRASE_FD BORG_RSH CYBORG_RELAY
verb=$1 name=$2
encode() {
  for byte in $(printf %s "$1" | od -An -v -tx1); do
    case $byte in
      2[de] | 3[0-9] | 4[1-9a-f] | 5[0-9a] | 5f | 6[1-9a-f] | 7[0-9a] | [89a-f]?) printf "\\$(printf %03o "0x$byte")" ;;
      *) printf %%%s "$byte" ;;
    esac
  done
}
entry() { printf '%s/%s.%s %s\n' "$1" "$(encode "$2")" "$3" "$2"; }
entries() { printf '%s\n' "$1" | while IFS= read -r x; do entry "$2" "$x" "$3"; done; }
need() { for x; do command -v "$x" >/dev/null || { echo "$x is not installed" >&2; exit 1; }; done; }
