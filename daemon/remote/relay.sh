# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The other end of the relay, for a second channel: it copies borg's data between its standard input and output and
# the FIFOs of private_directory.sh.
#
# Expects: $dir, the private directory of the script that runs borg.
# Descriptors: 3 is standard input: that of a background command would be /dev/null unless it is redirected.
#
# For each piece that borg can write, it copies the unwritten rest once more: a pipe of 1 MiB instead of 64 KiB saves
# half of its processor time. Debian always has perl, and machines with borg mostly have python3; without either, the
# pipe stays as it is. The number is F_SETPIPE_SZ.
# shellcheck disable=SC2154 # dir: the private directory, C++

tries=0
until [ -p "$dir/down" ]; do
  tries=$((tries+1))
  [ $tries -lt 100 ] || exit 99
  sleep 0.1 2>/dev/null || sleep 1
done
read -r borg_pid <"$dir/pid" || exit 99
exec 3<&0
cat <&3 >"$dir/down" &

{ perl -e 'fcntl(STDIN, 1031, 1 << 20) or exit 1' || python3 -c 'import fcntl; fcntl.fcntl(0, 1031, 1 << 20)'
} <"/proc/$borg_pid/fd/0" >/dev/null 2>&1 &

exec cat "/proc/$borg_pid/fd/0"
