# shellcheck shell=sh
# unlock LOCK: prints the lock and the directory of a borg cache that it removes.
#
# A process that locked borg's cache before this machine booted is gone, even if another process has its id today, or
# the machine has another hardware address. The clock decides how old a lock is: if it is inconsistent about the age of
# this very shell, or a borg has that process id, nothing is touched. A cache that was in use during a power loss is
# removed together with its lock, in one step: borg does not sync its writes there, and with an empty index no backup
# would work any more. The next borg rebuilds it.
# shellcheck disable=SC2086 # these are numbers, or words to be split

since() {
  read -r t <"/proc/$1/stat" && set -- ${t##*) } && t=$(sed -n 's/^btime //p' /proc/stat) || return 1
  [ -n "$t" ] && [ -n "${20}" ] && echo $((t + ${20} / 100))
}
held() {
  for f in "$1"/*; do
    p=${f##*.}
    tr '\0' '\n' <"/proc/${p%%-*}/cmdline" | head -n 2 | grep -q '^borg\|/borg' && return 0
  done
  return 1
}
unlock() {
  [ -d "$1.exclusive" ] && ! held "$1.exclusive" && b=$(since 1) && o=$(since $$) || return 0
  o=$(($(date +%s) - o))
  [ $o -gt -5 ] && [ $o -lt 60 ] || return 0
  m=$(stat -c %Y "$1.exclusive") && [ "$m" -lt "$b" ] || return 0
  d=${1%/*}
  rm -rf "$d.lost"
  # Another script may have been faster.
  m=$(stat -c %Y "$1.exclusive") && [ "$m" -lt "$b" ] || return 0
  mv "$d" "$d.lost" && rm -rf "$d.lost" && printf '%s\n' "$1.exclusive" "$d"
}
