# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: restores a libvirt guest. A disk is written to a file beside its final one until the whole guest is there; a
# block device is written directly.
#
# In $work: plan, a line "TARGET TYPE FORMAT PLACE" for each disk; made, the temporary files; written, the disks
# written.
#
# Expects: as for guest_tool.sh, and $TAR_FILENAME, $TAR_SIZE from tar. After vm.sh and guest_tool.sh.
# Descriptors: 9 is the file of `memory`.
# Says, by refuse: guest-exists, guest-failed.
# shellcheck disable=SC2154 # verb: tool.sh
# shellcheck disable=SC2209 # file is a type
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

need virsh qemu-img timeout
free() {
  case $1 in
    block) [ -n "$OVERWRITE" ] || refuse guest-exists "the block device $3 would be overwritten" ;;
    *)
      [ -e "$3" ] || return 0
      [ -n "$OVERWRITE" ] || refuse guest-exists "$3 exists"
      x=$(qemu-img info --image-opts "driver=raw,$(image "$1" "$2" "$3")" 2>&1 >/dev/null) ||
        case $x in *lock*) refuse guest-failed "$3 is in use: $(line "$x")" ;; esac
      ;;
  esac
}
place() {
  to=$source
  [ -n "$DIRECTORY$NEW" ] || return 0
  [ "$type$DIRECTORY" != block ] ||
    refuse guest-failed "disk $target is the block device $source: --directory says where a copy of it is to be"
  [ -z "$NEW" ] && to=${source##*/} || to=$(printf %s "$GUEST" | tr / _)-$target.$format
  to=${DIRECTORY:-${source%/*}}/$to
  type=file
  ! awk '{ sub(/^[^ ]* [^ ]* [^ ]* /, ""); print }' "$work/plan" | grep -qxF -e "$to" || to=$to.$target
}
definition() {
  cat >"$work/domain.xml"
  : >"$work/plan"
  x=$(vir list --all --name 2>&1) || refuse guest-failed "$(line "$x")"
  if printf '%s\n' "$x" | grep -qxF -e "$GUEST"; then
    [ -n "$OVERWRITE" ] || refuse guest-exists "guest \"$GUEST\" exists"
    x=$(vir domstate "$GUEST") || exit 1
    [ "$x" = 'shut off' ] || refuse guest-exists "guest \"$GUEST\" is $x, and only one that is shut off is overwritten"
    vir domuuid "$GUEST" >"$work/uuid"
  fi
  disks <"$work/domain.xml" >"$work/disks"
  while read -r target type format source; do
    place
    free "$type" "$format" "$to"
    printf '%s %s %s %s\n' "$target" "$type" "$format" "$to" >>"$work/plan"
  done <"$work/disks"
}
fill() { # OPTIONS SIZE
  memory
  at=0
  while [ "$at" -lt "$2" ]; do
    part=$(($2 - at))
    [ "$part" -lt "$STEP" ] || part=$STEP
    head -c "$part" >/dev/fd/9
    [ "$(stat -L -c %s /dev/fd/9)" = "$part" ] || refuse guest-failed 'a disk ended too early'
    x=$(qemu-img convert -n $zero -f raw /dev/fd/9 --target-image-opts "driver=raw,offset=$at,size=$part,$1" 2>&1) ||
      refuse guest-failed "$to could not be written: $(line "$x")"
    at=$((at + part))
  done
}
disk() {
  x=$(grep -e "^$1 " "$work/plan") || refuse guest-failed "disk $1 is in the archive, and not in the definition"
  read -r target type format to <<X
$x
X
  zero=
  if [ "$type" = file ]; then
    (umask 022; mkdir -p "${to%/*}") || refuse guest-failed "${to%/*} cannot be made"
    x=$to.cyborg-restore
    printf '%s\n' "$x" >>"$work/made"
    rm -f "$x"
    why=$(qemu-img create -q -f "$format" "$x" "$TAR_SIZE" 2>&1) || refuse guest-failed "$(line "$why")"
    zero=--target-is-zero
  else
    x=$to
  fi
  fill "$(image "$type" "$format" "$x")" "$TAR_SIZE"
  echo "$1" >>"$work/written"
}
edit() {
  NAME=$GUEST PLAN=$work/plan UUID=$(cat "$work/uuid" 2>/dev/null) NEW=$NEW awk '
    function xml(text) {
      gsub("&", "\\&amp;", text); gsub("<", "\\&lt;", text); gsub("\047", "\\&apos;", text)
      return text
    }
    BEGIN {
      new = ENVIRON["NEW"] != ""
      while ((getline row < ENVIRON["PLAN"]) > 0) {
        split(row, field, " ")
        kind[field[1]] = field[2]
        sub(/^[^ ]* [^ ]* [^ ]* /, "", row)
        place[field[1]] = row
      }
    }
    function flush_disk(  i, target, row, skip) {
      for (i = 1; i <= n; i++)
        if (match(rows[i], /^      <target dev=\047[^\047]*\047/)) target = substr(rows[i], 20, RLENGTH - 20)
      for (i = 1; i <= n; i++) {
        row = rows[i]
        # The chain of images has become a single one.
        if (row ~ /^      <backingStore/) { skip = row !~ /\/>$/; continue }
        if (skip) { skip = row !~ /^      <\/backingStore>/; continue }
        if (kind[target] == "file") {
          if (i == 1) sub("type=\047block\047", "type=\047file\047", row)
          if (row ~ /^      <source /) row = "      <source file=\047" xml(place[target]) "\047" (row ~ /\/>$/ ? "/>" : ">")
        }
        print row
      }
    }
    /^  <name>/ { print "  <name>" xml(ENVIRON["NAME"]) "</name>"; next }
    /^  <uuid>/ {
      if (ENVIRON["UUID"] != "") print "  <uuid>" ENVIRON["UUID"] "</uuid>"
      else if (!new) print
      next
    }
    new && /^      <mac address=/ { next }
    new && /^    <nvram/ { next }
    /^    <disk / { n = 0; disk = 1 }
    disk { rows[++n] = $0 }
    /^    <\/disk>/ { if (disk) flush_disk(); disk = 0; next }
    !disk { print }
  ' <"$work/domain.xml"
}
put_nvram() {
  x=$(vir dumpxml --inactive "$GUEST" | nvram)
  [ -n "$x" ] && [ -e "$work/nvram.fd" ] || return 0
  [ ! -e "$x" ] || [ -n "$OVERWRITE" ] || refuse guest-exists "$x exists"
  (umask 022; mkdir -p "${x%/*}") && cp "$work/nvram.fd" "$x" || refuse guest-failed "$x cannot be written"
}
finish() {
  [ "$(sed 's/ .*//' "$work/plan" | sort)" = "$(sort "$work/written")" ] || refuse guest-failed 'the archive has not all of its disks'
  edit >"$work/new.xml"
  why=$(vir define "$work/new.xml" 2>&1) || refuse guest-failed "it could not be defined: $(line "$why")"
  # The memory of the guest that was there does not go with these disks.
  [ -z "$OVERWRITE" ] || why=$(vir managedsave-remove "$GUEST" 2>&1) || refuse guest-failed "$(line "$why")"
  while read -r target type format to; do
    [ "$type" = file ] || continue
    x=$to.cyborg-restore
    if [ -e "$to" ]; then chown --reference="$to" "$x"; chmod --reference="$to" "$x"; fi
    mv -f "$x" "$to" || refuse guest-failed "$x could not be renamed"
  done <"$work/plan"
  put_nvram
  [ -z "$START" ] || why=$(vir start "$GUEST" 2>&1) || refuse guest-failed "it is there, and could not be started: $(line "$why")"
}
case $verb in
  file)
    case ${TAR_FILENAME##*/} in
      domain.xml) definition ;;
      nvram.fd) cat >"$work/nvram.fd" ;;
      *) x=${TAR_FILENAME##*/} && disk "${x%.img}" ;;
    esac
    ;;
  finish) finish ;;
  undo) [ ! -e "$work/made" ] || while IFS= read -r x; do rm -f "$x"; done <"$work/made" ;;
esac
