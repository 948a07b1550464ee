# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# unlock LOCK: prints the lock and the directory of a borg cache that it removes.
#
# A process that locked borg's cache before this machine booted is gone, even if another process has its id today, or
# the machine has another hardware address. The clock decides how old a lock is: if it is inconsistent about the age
# of
# this very shell, or a borg has that process id, nothing is touched. A cache that was in use during a power loss is
# removed together with its lock, in one step: borg does not sync its writes there, and with an empty index no backup
# would work any more. The next borg rebuilds it.
# shellcheck disable=SC2086 # these are numbers, or words to be split

since() {
  read -r stat_line <"/proc/$1/stat" && set -- ${stat_line##*) } && stat_line=$(sed -n 's/^btime //p' /proc/stat) || return 1
  [ -n "$stat_line" ] && [ -n "${20}" ] && echo $((stat_line + ${20} / 100))
}
held() {
  for holder in "$1"/*; do
    holder_pid=${holder##*.}
    tr '\0' '\n' <"/proc/${holder_pid%%-*}/cmdline" | head -n 2 | grep -q '^borg\|/borg' && return 0
  done
  return 1
}
unlock() {
  [ -d "$1.exclusive" ] && ! held "$1.exclusive" && boot_time=$(since 1) && own_age=$(since $$) || return 0
  own_age=$(($(date +%s) - own_age))
  [ $own_age -gt -5 ] && [ $own_age -lt 60 ] || return 0
  lock_time=$(stat -c %Y "$1.exclusive") && [ "$lock_time" -lt "$boot_time" ] || return 0
  cache=${1%/*}
  rm -rf "$cache.lost"
  # Another script may have been faster.
  lock_time=$(stat -c %Y "$1.exclusive") && [ "$lock_time" -lt "$boot_time" ] || return 0
  mv "$cache" "$cache.lost" && rm -rf "$cache.lost" && printf '%s\n' "$1.exclusive" "$cache"
}
