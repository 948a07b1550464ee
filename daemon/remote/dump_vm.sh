# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: libvirt guests. Saves the definition of each, and its disks as they are at one moment, while it runs.
#
# libvirt's backup job preserves that moment: QEMU saves blocks that a guest overwrites to a scratch file beside the
# disk, and presents the disk as it was on a socket. The guest keeps using its own disks, so that whatever is killed,
# nothing has to be merged back: the backup job is ended and the scratch file removed. Both have "cyborg-" in their
# names, by which the next backup finds leftovers of a killed one.
#
# `hold` starts and ends a guest's backup job, on request by files. It is the only process that changes anything, so
# that no change is in progress when everything must be undone. End of file on its standard input makes it release the
# guest. `dump_disk` copies a disk piece by piece through memory, because QEMU's tools can only write files.
# Unallocated blocks are not read.
#
# In $held: guest, the held one; state, "off" or the socket; disks, its disks; answer, the reply to a request. Both
# sides of the tool know it as the directory "held" in that of the job.
#
# Expects: $NAMES, the guests, one per line, or none for all; $QUIESCE, not empty to freeze their file systems;
# $CYBORG_DUMP, the private directory. After tool.sh and vm.sh.
# Descriptors: 9 is the file of `memory`.
# shellcheck disable=SC2154 # verb, name: tool.sh
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2030 # guest: list_guest is called where it is assigned
# shellcheck disable=SC2031 # guest: list_guest is called where it is assigned

need virsh qemu-img timeout truncate
scratch() {
  case $2 in block) x=/var/lib/libvirt/images ;; *) x=${4%/*} ;; esac
  printf '%s/cyborg-%s-%s.scratch\n' "$x" "$(encode "$guest")" "$1"
}
scratches() { while read -r target type format source; do scratch "$target" "$type" "$format" "$source"; done <"$held/disks"; }
backup_of() { vir backup-dumpxml "$guest" 2>/dev/null; }
# An error of virsh as one line.
line() { printf %s "$1" | sed 's/^error: //' | tr '\n' ' ' | sed 's/ *$//'; }

tell() { printf '%s\n' "$*" >>"$held/telling"; }
gone() {
  for x in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    backup_of >/dev/null || return 0
    sleep 0.2
    [ $x -lt 10 ] || sleep 2
  done
  return 1
}
thaw() {
  [ -e "$held/frozen" ] || return 0
  x=$(vir domfsthaw "$guest" 2>&1) || [ ! -s "$held/frozen" ] || tell "warn guest \"$guest\" could not be thawed: $(line "$x")"
  rm "$held/frozen"
}
let_go() {
  [ -e "$held/guest" ] || return 0
  guest=$(cat "$held/guest")
  thaw
  x=$(cat "$held/socket")
  # The directory of the socket has the guest's name, which is quoted there.
  case $(backup_of) in
    *"/${x##*/}'"*) vir domjobabort "$guest" && gone || { failed=1; return 1; } ;;
  esac >/dev/null 2>&1
  scratches | while IFS= read -r x; do rm -f "$x"; done
  rm "$held/guest"
}
# Removes what a backup left that was killed, possibly with the machine.
repair() {
  x=$(backup_of) || x=
  pid=$(printf %s "$x" | sed -n "s,.*/cyborg-\([0-9]*\)\.nbd'.*,\1,p")
  [ -z "$x" ] || [ -n "$pid" ] || { why="another program's backup of it is at work"; return 1; }
  if [ -n "$pid" ]; then
    ! kill -0 "$pid" 2>/dev/null || { why="another backup of it is at work (process $pid)"; return 1; }
    why=$(vir domjobabort "$guest" 2>&1) && gone || return 1
    tell "said guest \"$guest\" was still held by a backup that was killed: it was let go"
  fi
  scratches | while IFS= read -r x; do
    [ ! -e "$x" ] || { rm "$x" && tell "said $x was left by a backup that was killed: it was removed"; }
  done
}
# If the guest is started, it may write to its files while they are read.
stamps() {
  while read -r target type format source; do
    case $type in
      block) stat -c '%n %s %y' "/var/log/libvirt/qemu/$guest.log" 2>/dev/null ;;
      *) stat -L -c '%n %s %y %z' -- "$source" ;;
    esac
  done <"$held/disks"
  vir domid "$guest"
}
freeze() {
  : >"$held/frozen"
  x=$(vir domfsfreeze "$guest" 2>&1) && echo frozen >"$held/frozen" ||
    tell "warn guest \"$guest\" could not be quiesced, so its disks are as after a power loss: $(line "$x")"
}
escaped() { printf %s "$1" | sed "s/&/\&amp;/g; s/</\&lt;/g; s/'/\&apos;/g"; }
begin() {
  for x in "/var/lib/libvirt/qemu/domain-$1-"*/; do echo "${x}cyborg-$$.nbd"; done >"$held/socket"
  {
    echo "<domainbackup mode='pull'><server transport='unix' socket='$(escaped "$(cat "$held/socket")")'/><disks>"
    while read -r target type format source; do
      echo "<disk name='$target' type='file'><scratch file='$(escaped "$(scratch "$target" "$type" "$format" "$source")")'/></disk>"
    done <"$held/disks"
    echo '</disks></domainbackup>'
  } >"$held/begin"
  printf '%s\n' "$guest" >"$held/guest"
  [ -z "$QUIESCE" ] || freeze
  why=$(vir backup-begin "$guest" "$held/begin" 2>&1)
  s=$?
  thaw
  [ $s = 0 ] || return 1
  cat "$held/socket" >"$held/state"
}
take() {
  why=$(vir dumpxml "$guest" 2>&1 >"$held/xml") || return 1
  disks <"$held/xml" >"$held/disks"
  sed -n "s,^vm/$(encode "$guest" | sed 's/[.]/\\./g')/[^/ ]*\.img \([^ ]*\) .*,\1,p" "$held/../list" >"$held/listed"
  [ "$(sed 's/ .*//' "$held/disks")" = "$(cat "$held/listed")" ] ||
    { why='its disks are not those that it had when the job began'; return 1; }
  repair || return 1
  id=$(vir domid "$guest" 2>&1) || { why=$id; return 1; }
  [ -s "$held/disks" ] || id=-
  case $id in
    '' | -) echo off >"$held/state"; stamps >"$held/stamps" ;;
    *) begin "$id" ;;
  esac
}
hold() {
  trap '' HUP INT TERM
  failed=0
  while IFS= read -r guest; do
    : >"$held/telling"
    let_go || why='the guest before it could not be let go'
    [ $failed = 0 ] && take && tell ok || tell "no $(line "$why")"
    mv "$held/telling" "$held/answer"
  done
  if [ -e "$held/released" ]; then
    let_go
  else
    # Nobody is left to end borg, which must not take what it gets now for the end of a disk.
    kill -TERM "$(cat "$held/borg")" 2>/dev/null
    let_go
    rm -rf "${held%/held}"
  fi
  exit $failed
}

ask() {
  rm -f "$held/answer"
  printf '%s\n' "$1" 1<>"$held/../ask"
  until [ -e "$held/answer" ]; do
    kill -0 "$(cat "$held/pid")" 2>/dev/null || { echo 'what holds the guests has ended' >&2; exit 1; }
    sleep 0.1
  done
  while IFS= read -r x; do
    case $x in
      said\ *) echo "${x#* }" >&2 ;;
      warn\ *) echo "@warning ${x#* }" >&2 ;;
      no\ *) echo "${x#* }" >&2; exit 1 ;;
    esac
  done <"$held/answer"
}
copy() {
  size=$(qemu-img info -U --output=json --image-opts "driver=raw,$1" | sed -n 's/^    "virtual-size": \([0-9]*\).*/\1/p')
  [ -n "$size" ] || exit 1
  memory
  at=0
  while [ "$at" -lt "$size" ]; do
    part=$((size - at))
    [ "$part" -lt "$STEP" ] || part=$STEP
    : >/dev/fd/9
    truncate -s "$part" /dev/fd/9 || exit 1
    qemu-img convert -U -n --image-opts "driver=raw,offset=$at,size=$part,$1" -O raw /dev/fd/9 >&2 || exit 1
    cat /dev/fd/9 || exit 1
    at=$((at + part))
  done
}
dump_disk() {
  read -r target type format source <<X
$(awk -v "target=$1" '$1 == target' "$held/disks")
X
  state=$(cat "$held/state")
  if [ "$state" = off ]; then
    copy "$(image "$type" "$format" "$source")"
    [ "$(stamps)" = "$(cat "$held/stamps")" ] || { echo 'the guest was started while its disk was read' >&2; exit 1; }
  else
    copy "file.driver=nbd,file.path=$(printf %s "$state" | sed 's/,/,,/g'),file.export=$1"
  fi
}

list() {
  all=$(vir list --all --name) || exit 1
  if [ -z "$NAMES" ]; then
    NAMES=$(printf '%s\n' "$all" | sed '/^$/d')
    [ -n "$NAMES" ] || { echo 'there is no guest on this host' >&2; exit 1; }
  fi
  printf '%s\n' "$NAMES" | while IFS= read -r guest; do
    printf '%s\n' "$all" | grep -qxF -e "$guest" || { echo "there is no guest \"$guest\"" >&2; exit 1; }
    list_guest || exit 1
  done
}
list_guest() {
  xml=$(vir dumpxml "$guest") || return 1
  to=vm/$(encode "$guest")
  echo "$to/domain.xml - $guest"
  x=$(printf '%s\n' "$xml" | nvram)
  [ ! -r "$x" ] || echo "$to/nvram.fd nvram $guest"
  printf '%s\n' "$xml" | disks | while read -r target type format source; do
    case $type:$format:$source in
      file:raw:/* | file:qcow2:/* | block:raw:/* | block:qcow2:/*) echo "$to/$target.img $target $guest" ;;
      *)
        echo "disk $target of guest \"$guest\" is of type $type, format $format: only files and block devices" \
          "in raw or qcow2 can be saved" >&2
        return 1
        ;;
    esac
  done
}
guest=${name#* }
case $verb in
  list) list ;;
  hold) held=$name/held; hold ;;
  *)
    held=$CYBORG_DUMP/held
    case ${name%% *} in
      -) ask "$guest" && vir dumpxml --inactive --security-info "$guest" ;;
      nvram) cat "$(nvram <"$held/xml")" ;;
      *) dump_disk "${name%% *}" ;;
    esac
    ;;
esac
