# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Reads the passphrase into $passphrase and, if the second line of standard input is not empty, stores that in an
# anonymous file
# in memory: libpq reads passwords only from a regular file or the environment. The file's name is removed before the
# password is written.
#
# Expects: $FORM, the printf format of the file.
# Descriptors: 4 is the original standard input, 8 the file.
# Says: shell-unsupported, no-memory-directory.
# shellcheck disable=SC2034 # passphrase: for the part that runs borg
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2059 # the form of the file is a format

[ "$(command -v printf)" = printf ] || die shell-unsupported
exec 4<&0
IFS= read -r passphrase <&4 || exit 143
IFS= read -r password <&4 || exit 143
if [ -n "$password" ]; then
  memory=
  for place in /dev/shm /run; do
    case $(stat -f -c %T "$place" 2>/dev/null) in tmpfs | ramfs) [ ! -w "$place" ] || { memory=$place; break; } ;; esac
  done
  [ -n "$memory" ] && memory=$(mktemp "$memory/cyborg-XXXXXX") && exec 8<>"$memory" && rm "$memory" || die no-memory-directory /dev/shm
  printf "$FORM" "$password" >&8
fi
unset password
