#include "remote/guest_script.h"

#include <fmt/format.h>

#include "borg/archive_items.h"
#include "borg/command.h"
#include "core/quote.h"
#include "remote/dump_tools.h"
#include "remote/script_parts.h"
#include "remote/vm_parts.h"

namespace cyborg {
namespace {

// A tool's verbs: file, which reads one file of the guest, as tar tells of it;
// finish; and undo. $N is the name that the guest gets, $NEW says that it is
// another one than in the archive. In $H: refused, why there is nothing to be
// done.
constexpr const char* kTool = R"sh(
umask 077  # tar gives its own to nobody
H=$D/guest
refuse() {
  printf '%s\n' "$*" >"$H/refused"
  # tar would go on to read what nobody wants.
  [ "$v" != file ] || kill "$PPID"
  exit 1
}
line() { printf %s "$1" | sed 's/^error: //' | tr '\n' ' ' | sed 's/ *$//'; }
)sh";

// A disk goes to a file beside the one that it is to be, until all of the guest
// is there; a block device is written as it is. In $H: plan, a line "TARGET
// TYPE FORMAT PLACE" for each disk; made, the files beside; written, the disks
// that are.
constexpr const char* kLibvirt = R"sh(
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
  [ -z "$NEW" ] && to=${source##*/} || to=$(printf %s "$N" | tr / _)-$target.$format
  to=${DIRECTORY:-${source%/*}}/$to
  type=file
  ! awk '{ sub(/^[^ ]* [^ ]* [^ ]* /, ""); print }' "$H/plan" | grep -qxF -e "$to" || to=$to.$target
}
definition() {
  cat >"$H/domain.xml"
  : >"$H/plan"
  x=$(vir list --all --name 2>&1) || refuse guest-failed "$(line "$x")"
  if printf '%s\n' "$x" | grep -qxF -e "$N"; then
    [ -n "$OVERWRITE" ] || refuse guest-exists "guest \"$N\" exists"
    x=$(vir domstate "$N") || exit 1
    [ "$x" = 'shut off' ] || refuse guest-exists "guest \"$N\" is $x, and only one that is shut off is overwritten"
    vir domuuid "$N" >"$H/uuid"
  fi
  disks <"$H/domain.xml" >"$H/disks"
  while read -r target type format source; do
    place
    free "$type" "$format" "$to"
    printf '%s %s %s %s\n' "$target" "$type" "$format" "$to" >>"$H/plan"
  done <"$H/disks"
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
  x=$(grep -e "^$1 " "$H/plan") || refuse guest-failed "disk $1 is in the archive, and not in the definition"
  read -r target type format to <<X
$x
X
  zero=
  if [ "$type" = file ]; then
    (umask 022; mkdir -p "${to%/*}") || refuse guest-failed "${to%/*} cannot be made"
    x=$to.cyborg-restore
    printf '%s\n' "$x" >>"$H/made"
    rm -f "$x"
    why=$(qemu-img create -q -f "$format" "$x" "$TAR_SIZE" 2>&1) || refuse guest-failed "$(line "$why")"
    zero=--target-is-zero
  else
    x=$to
  fi
  fill "$(image "$type" "$format" "$x")" "$TAR_SIZE"
  echo "$1" >>"$H/written"
}
edit() {
  NAME=$N PLAN=$H/plan UUID=$(cat "$H/uuid" 2>/dev/null) NEW=$NEW awk '
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
        # The chain of images that it was has become one.
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
  ' <"$H/domain.xml"
}
put_nvram() {
  x=$(vir dumpxml --inactive "$N" | nvram)
  [ -n "$x" ] && [ -e "$H/nvram.fd" ] || return 0
  [ ! -e "$x" ] || [ -n "$OVERWRITE" ] || refuse guest-exists "$x exists"
  (umask 022; mkdir -p "${x%/*}") && cp "$H/nvram.fd" "$x" || refuse guest-failed "$x cannot be written"
}
finish() {
  [ "$(sed 's/ .*//' "$H/plan" | sort)" = "$(sort "$H/written")" ] || refuse guest-failed 'the archive has not all of its disks'
  edit >"$H/new.xml"
  why=$(vir define "$H/new.xml" 2>&1) || refuse guest-failed "it could not be defined: $(line "$why")"
  # The memory of the guest that was there does not go with these disks.
  [ -z "$OVERWRITE" ] || why=$(vir managedsave-remove "$N" 2>&1) || refuse guest-failed "$(line "$why")"
  while read -r target type format to; do
    [ "$type" = file ] || continue
    x=$to.cyborg-restore
    if [ -e "$to" ]; then chown --reference="$to" "$x"; chmod --reference="$to" "$x"; fi
    mv -f "$x" "$to" || refuse guest-failed "$x could not be renamed"
  done <"$H/plan"
  put_nvram
  [ -z "$START" ] || why=$(vir start "$N" 2>&1) || refuse guest-failed "it is there, and could not be started: $(line "$why")"
}
case $v in
  file)
    case ${TAR_FILENAME##*/} in
      domain.xml) definition ;;
      nvram.fd) cat >"$H/nvram.fd" ;;
      *) x=${TAR_FILENAME##*/} && disk "${x%.img}" ;;
    esac
    ;;
  finish) finish ;;
  undo) [ ! -e "$H/made" ] || while IFS= read -r x; do rm -f "$x"; done <"$H/made" ;;
esac
)sh";

// What qmrestore and pct refuse, they say.
constexpr const char* kProxmox = R"sh(
restore() {
  set -- "$@" ${OVERWRITE:+--force 1} ${NEW:+--unique 1}
  "$@" >&2 || refuse guest-failed "$1 failed with status $?"
}
case $v in
  file)
    case ${TAR_FILENAME##*/} in
      vzdump-qemu-*) echo qm >"$H/tool"; need qmrestore qm && restore qmrestore - "$N" ;;
      *) echo pct >"$H/tool"; need pct && restore pct restore "$N" - ;;
    esac
    ;;
  finish)
    [ -e "$H/tool" ] || refuse guest-failed 'it is not in the archive'
    [ -z "$START" ] || "$(cat "$H/tool")" start "$N" >&2 || refuse guest-failed 'it is there, and could not be started'
    ;;
esac
)sh";

// b: borg, d: tar, or the tool. Whatever ends this, ends both, and what has
// been made goes.
constexpr const char* kMain = R"sh(
b= d= w=${w-} m=${m-}
call() { sh -c "$TOOL" guest "$1" 2>"$D/words" </dev/null; }
hear() {
  while IFS= read -r x || [ -n "$x" ]; do say "dump-said $x"; done <"$D/words" >/dev/null 4<&- &
  h=$!
}
undo() { hear; call undo; wait $h; }
end_borg() {
  kill -TERM $b 2>/dev/null
  (sleep 30; kill -KILL $b) >/dev/null 2>&1 4<&- &
  k=$!
  wait $b
  kill $k 2>/dev/null
}
stop() { kill $w $m 2>/dev/null; }
leave() {
  trap '' HUP INT TERM
  [ -z "$d" ] || kill -s TERM -- "-$d" || kill -TERM "$d"
  [ -z "$b" ] || end_borg
  undo
  stop
  exit 143
} 2>/dev/null
trap leave HUP INT TERM
setsid=
command -v setsid >/dev/null && setsid=setsid
fail() {
  trap '' HUP INT TERM
  undo
  stop
  [ ! -s "$D/guest/refused" ] || die "$(cat "$D/guest/refused")"
  die guest-failed "$1"
}
exec 4<&-
mkdir "$D/guest" && mkfifo "$D/words" "$D/tar" || die no-directory "$D"
tar --to-command=true -c -f /dev/null -T /dev/null 2>/dev/null || die guest-failed "tar is not GNU's"
export D TOOL
printf '%s\n' "$P" | { exec "$@" 3<&0 0</dev/null >"$D/tar" 8<&-; } &
b=$!
unset P
hear
$setsid tar -x -f "$D/tar" --to-command='exec sh -c "$TOOL" guest file' 2>"$D/words" </dev/null 8<&- &
d=$!
wait $d
r=$?
d=
wait $h
if [ $r -ne 0 ] && [ -s "$D/guest/refused" ]; then
  end_borg
  b=
  fail
fi
wait $b
s=$?
b=
if [ $s -ne 0 ]; then
  undo
  stop
  exit $s
fi
[ $r -eq 0 ] || fail "tar failed with status $r"
if [ -z "$DRY" ]; then
  hear
  $setsid sh -c "$TOOL" guest finish 2>"$D/words" </dev/null &
  d=$!
  wait $d
  r=$?
  d=
  wait $h
  [ $r -eq 0 ] || fail 'the guest was read, and could not be put in place'
fi
stop
exit 0
)sh";

bool of_proxmox(const JobSpec& spec) {
  return spec.dump.type == "proxmox";
}

bool renamed(const JobSpec& spec) {
  return spec.restore.guest_name != spec.restore.guest;
}

std::string tool(const JobSpec& spec) {
  const auto flag = [](const char* name, bool value) { return assign(name, value ? "yes" : ""); };
  return tool_start() + assign("N", spec.restore.guest_name) + flag("NEW", renamed(spec)) +
         flag("OVERWRITE", spec.restore.conflict == "overwrite") + flag("START", spec.restore.start) +
         assign("DIRECTORY", spec.directory) + kTool +
         (of_proxmox(spec) ? std::string{kProxmox}
                           : std::string{"need virsh qemu-img timeout\n"} + kVmParts + kLibvirt);
}

}  // namespace

std::string guest_script(const JobSpec& spec, const std::string& relay) {
  const auto borg = borg_export_tar(spec, script_repository(spec, relay));
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "/restore") + assign("TOOL", tool(spec)) +
         assign("DRY", spec.dry_run ? "yes" : "") + script_secret(spec.dump) +
         (spec.local ? "" : script_watchers()) + "set -- " + quote(borg) + "\n" + kMain;
}

std::string guest_name(const JobSpec& spec) {
  if (!renamed(spec)) return fmt::format("guest \"{}\"", spec.restore.guest);
  return fmt::format("guest \"{}\" as \"{}\"", spec.restore.guest, spec.restore.guest_name);
}

std::string guest_failure(const JobSpec& spec, const std::string& code, const std::string& reason) {
  std::string text = fmt::format("{} was not restored on {}: {}", guest_name(spec), spec.client,
                                 reason.empty() ? "the tools there gave no reason" : reason);
  if (code == "guest-exists") {
    text += fmt::format(
        "; --conflict overwrite replaces what is there, and "
        "{}=NEWNAME restores beside it",
        spec.restore.guest);
  }
  return text;
}

}  // namespace cyborg
