#include "remote/snapshot_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/quote.h"

namespace cyborg {
namespace {

// Paths are handled as /proc/self/mountinfo writes them, with \040 for a blank, so that a line can hold some.
constexpr const char* kPaths = R"sh(
unset CDPATH
export LVM_SUPPRESS_FD_WARNINGS=1
decode() { case $1 in *\\*) printf '%b' "$1" ;; *) printf '%s' "$1" ;; esac; }
encode() { printf '%s\n' "$1" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g'; }
one_line() { printf '%s' "$1" | tr '\n' ' '; }

# TARGET ID TYPE SOURCE DEVICE ROOT, parents before children; of several mounts on one target the last.
mounts() {
  while read -r id x dev root target rest; do
    rest=" $rest"
    set -f
    set -- ${rest#* - }
    set +f
    printf '%s\n' "$target $id $1 $2 $dev $root"
  done </proc/self/mountinfo | LC_ALL=C sort -s -k 1,1 | {
    line=
    while read -r target rest; do
      case $line in '' | "$target "*) ;; *) printf '%s\n' "$line" ;; esac
      line="$target $rest"
    done
    printf '%s\n' "$line"
  }
}

# Mounts the whole of a btrfs, once: T.
top() { # SOURCE
  T=$M/top$(printf '%s' "$1" | tr '/' '_')
  [ -d "$T" ] && return
  mkdir "$T" && mount -t btrfs -o subvolid=5 "$(decode "$1")" "$T"
}

there() { # KIND NAME
  case $1 in
    btrfs) [ -e "$2" ] ;;
    lvm) lvs "$2" ;;
    zfs) zfs list -t snapshot "$2" ;;
  esac >/dev/null 2>&1
}
remove() { # KIND NAME
  case $1 in
    btrfs) btrfs subvolume delete "$2" ;;
    lvm) lvremove -f -y "$2" ;;
    zfs) zfs destroy "$2" ;;
  esac
}
)sh";

// A name says which script made the snapshot: its number, and a word that is in its command line.
constexpr const char* kSweep = R"sh(
# Ends what a script that was killed has left in its namespace, and what keeps the snapshot in use there. A mount that
# the machine itself knows is somebody else's.
release() { # NAME
  grep -q -F "/snapshot/$1 " /proc/1/mountinfo && return
  for m in $(grep -l -F "/snapshot/$1 " /proc/[0-9]*/mountinfo); do
    m=${m#/proc/}
    kill -KILL "${m%%/*}"
  done
} 2>/dev/null
sweep_one() { # KIND NAME
  n=${2##*[/@]}
  p=${n#cyborg-}
  r=${p#*-}
  p=${p%%-*}
  r=${r%-*}
  case $p$r in '' | *[!0-9a-f]*) return ;; esac
  [ -n "$p" ] && [ -n "$r" ] && ! grep -q -e "$r" "/proc/$p/cmdline" 2>/dev/null || return
  for i in 1 2 3; do
    x=$(remove "$1" "$2" 2>&1) && say "snapshot-swept $n" && return
    release "$n"
    sleep 1
  done
  say "snapshot-left $n: $(one_line "$x")"
}
sweep() { # KIND [SOURCE]
  case $1 in
    btrfs) for s in "$T"/cyborg-*-*-*; do [ ! -d "$s" ] || sweep_one btrfs "$s"; done ;;
    lvm)
      lvs --noheadings -o vg_name,lv_name -S 'lv_name=~^cyborg-' 2>/dev/null | while read -r v l; do
        sweep_one lvm "$v/$l" </dev/null
      done
      ;;
    zfs)
      zfs list -H -t snapshot -o name 2>/dev/null | grep '@cyborg-' | while read -r s; do
        sweep_one zfs "$s" </dev/null
      done
      ;;
  esac
}
)sh";

// What was made is written down first, so that it is removed even if its making was interrupted.
constexpr const char* kMake = R"sh(
[ "$(command -v printf)" = printf ] || die shell-unsupported
M=$BORG_BASE_DIR/snapshot
trap '' PIPE
trap 'exit 143' HUP INT TERM
watchers=
drop() {
  trap '' HUP INT TERM
  [ -z "$watchers" ] || kill $watchers 2>/dev/null
  cd /
  m=$(encode "$M")
  mounts | LC_ALL=C sort -r | while read -r target x; do
    case $target in
      "$m"/top* | "$m") ;;
      "$m"/*) umount "$(decode "$target")" || umount -l "$(decode "$target")" ;;
    esac
  done 2>/dev/null
  [ -e "$D/made" ] || return
  while read -r kind name x; do
    there "$kind" "$(decode "$name")" || continue
    for i in 1 2 3 4 5; do
      x=$(remove "$kind" "$(decode "$name")" 2>&1) && continue 2
      sleep 1
    done
    say "snapshot-left ${name##*/}: $(one_line "$x")"
  done <"$D/made"
}
trap 'drop; clean' EXIT
refuse() { die snapshot-failed "$t: $(one_line "$*")"; }
attempt() { x=$("$@" 2>&1) || refuse "$x"; }
need() { command -v "$1" >/dev/null || refuse "$1 is not installed"; }

# Of a root the mount that it lies on is wanted, and all below it.
place() {
  if [ -d "$1" ] && [ ! -L "$1" ]; then
    cd -P -- "$1" && pwd -P
  else
    cd -P -- "$(dirname -- "$1")" && x=$(pwd -P) && printf '%s\n' "${x%/}/$(basename -- "$1")"
  fi
}
wanted() { # TARGET PATH ROOT...
  grep -q -x -F -e "$1" "$D/holds" && return
  [ -z "$ONE" ] || return
  p=$2
  shift 2
  for r; do
    case $p in "${r%/}"/*) ! excluded "$p"; return ;; esac
  done
  return 1
}
# Another one may be mounted over it.
visible() { ( exec 9<"$1" && grep -q "^mnt_id:[^0-9]*$2\$" /proc/self/fdinfo/9 ) 2>/dev/null; }
inside() { # TARGET: it lies in a snapshot
  while read -r x y; do
    case $1 in "${x%/}"/*) return ;; esac
  done <"$D/tree"
  return 1
}

# A snapshot of each thing is made once, and called S.
known() { # KIND THING
  [ -e "$D/swept-$1" ] || { : >"$D/swept-$1"; sweep "$1"; }
  S=
  while read -r x y z; do [ "$x $z" != "$1 $2" ] || S=$y; done <"$D/made"
  [ -z "$S" ] || return 0
  count=$((count + 1))
  S=cyborg-$$-$WORD-$count
  return 1
}
made() { printf '%s\n' "$1 $2 $3" >>"$D/made"; } # KIND NAME THING
use() { printf '%s\n' "$1 $2" >>"$D/tree"; } # TARGET FROM

take_subvolume() { # SOURCE PATH
  known btrfs "$1$2" && return
  S=$(encode "$T/$S")
  made btrfs "$S" "$1$2"
  attempt btrfs subvolume snapshot -r "$(decode "$T$2")/" "$(decode "$S")"
  say "snapshot btrfs $t"
}
# Subvolumes in a subvolume are empty in its snapshot; each needs its own.
take_btrfs() { # TARGET SOURCE ROOT
  need btrfs
  x=$(top "$2" 2>&1) || refuse "$x"
  top "$2"
  sub=${3%/}
  while [ "$(stat -c %i "$(decode "$T$sub")/" 2>/dev/null)" != 256 ] && [ -n "$sub" ]; do sub=${sub%/*}; done
  below=${3%/}
  take_subvolume "$2" "$sub"
  use "$1" "$S${below#"$sub"}"
  [ -z "$ONE" ] || return
  printf '%s\n' "${sub:-/}" >"$D/queue"
  while read -r q <&5; do
    btrfs subvolume list -o "$(decode "$T$q")" >"$D/list" 2>"$D/said" || refuse "$(cat "$D/said")"
    while IFS= read -r line; do
      case $line in *' path cyborg-'*-*-*) continue ;; esac
      q=/$(encode "${line#* path }")
      printf '%s\n' "$q" >>"$D/queue"
      case $q in "$below"/*) ;; *) continue ;; esac
      to=${1%/}${q#"$below"}
      t=$(decode "$to")
      ! excluded "$t" || continue
      case $(btrfs property get -ts "$(decode "$T$q")" ro 2>/dev/null) in
        ro=true) use "$to" "$(encode "$T")$q" ;;
        *) take_subvolume "$2" "$q" && use "$to" "$S" || exit ;;
      esac
    done <"$D/list"
  done 5<"$D/queue"
}
# What is read from a full snapshot is worthless. A thin one has all the room of its pool.
full() { # VOLUME
  case $(lvs --noheadings -o segtype,lv_snapshot_invalid,data_percent "$1" 2>/dev/null) in
    *thin*) return 1 ;;
    *invalid* | *100.00*) ;;
    *) return 1 ;;
  esac
}
# Ends the script then, before borg can make an archive of what it could not read.
watch_lvm() { # VOLUME ORIGIN
  v=$(lvs --noheadings -o lv_dm_path "$1" 2>/dev/null)
  v=${v##*/}
  [ -n "$v" ] && command -v dmsetup >/dev/null || return 0
  (
    trap 'kill $s; exit' TERM
    trap - EXIT
    {
      while n=$(dmsetup info -c --noheadings -o events "$v") && ! full "$1"; do
        dmsetup wait "$v" "$n" &
        s=$!
        wait $s || exit
      done
    } >/dev/null 2>&1
    full "$1" && say "snapshot-full $2" && kill -TERM $$
  ) &
  watchers="$watchers $!"
}
take_lvm() { # TARGET SOURCE ROOT TYPE
  need lvcreate
  x=$(lvs --noheadings -o vg_name,lv_name,segtype "$(decode "$2")" 2>&1) || refuse "$x"
  read -r group volume form <<END
$x
END
  if ! known lvm "$group/$volume"; then
    made lvm "$group/$S" "$group/$volume"
    case $form in
      thin*) attempt lvcreate -y -s -k n -a y -n "$S" "$group/$volume" ;;
      *) attempt lvcreate -y -s -l "$SIZE%ORIGIN" -n "$S" "$group/$volume" ;;
    esac
    # Journals are replayed, on the snapshot. XFS knows the volume itself by the same id.
    options=ro
    [ "$4" != xfs ] || options=ro,nouuid
    mkdir "$M/$S" && attempt mount -t "$4" -o "$options" "/dev/$group/$S" "$M/$S"
    case $form in thin*) ;; *) watch_lvm "$group/$S" "$group/$volume" ;; esac
    say "snapshot lvm $t"
  fi
  use "$1" "$(encode "$M")/${S##*/}${3%/}"
}
take_zfs() { # TARGET SOURCE ROOT
  need zfs
  if ! known zfs "$2"; then
    made zfs "$2@$S" "$2"
    attempt zfs snapshot "$(decode "$2")@$S"
    mkdir "$M/$S" && attempt mount -t zfs -o ro "$(decode "$2")@$S" "$M/$S"
    say "snapshot zfs $t"
  fi
  use "$1" "$(encode "$M")/${S##*[/@]}${3%/}"
}
)sh";

// The directories that borg writes to are shown as they are, without what is mounted below them.
constexpr const char* kTake = R"sh(
mkdir -p "$M" || die no-directory "$M"
t=$M
attempt mount --make-rprivate /
attempt mount -t tmpfs -o mode=700 cyborg "$M"
count=$#
for r; do set -- "$@" "$(place "$r")"; done
shift $count
count=0
N=
: >"$D/made"
: >"$D/tree"
mounts >"$D/mounts"
for r; do
  x=
  while read -r target y; do
    t=$(decode "$target")
    case $r/ in "${t%/}"/*) x=$target ;; esac
  done <"$D/mounts"
  printf '%s\n' "$x"
done >"$D/holds"
while read -r target id type source dev root <&6; do
  t=$(decode "$target")
  case $t in "$M" | "$M"/*) continue ;; esac
  at=$target
  kind=
  if wanted "$target" "$t" "$@"; then
    case $type in
      btrfs | zfs) kind=$type ;;
      *) case $(cat "/sys/dev/block/$dev/dm/uuid" 2>/dev/null) in LVM-*) kind=lvm ;; esac ;;
    esac
    [ -z "$kind" ] || visible "$t" "$id" || kind=
  fi
  if [ -n "$kind" ]; then
    N=$M/root
    take_$kind "$target" "$source" "$root" "$type" </dev/null
  elif inside "$target" && [ -e "$t" ]; then
    # What borg may need is there even if it is excluded; a server that is away must not hold it up then.
    case $t:$type in
      /proc/* | /sys/*) ;;
      *:nfs* | *:cifs | *:smb* | *:ceph* | *:fuse* | *:autofs) excluded "$t" || use "$at" "$at" ;;
      *) use "$at" "$at" ;;
    esac
  fi
done 6<"$D/mounts"
if [ -n "$N" ]; then
  LC_ALL=C sort -s -k 1,1 "$D/tree" >"$D/sorted"
  t=/
  mkdir "$N"
  case $(head -n 1 "$D/sorted") in '/ '*) ;; *) attempt mount --rbind / "$N" ;; esac
  while read -r target x <&6; do
    t=$(decode "$target")
    attempt mount --bind "$(decode "$x")" "$N${t%/}"
  done 6<"$D/sorted"
  for t in "$D" "$BORG_BASE_DIR"; do attempt mount --bind "$t" "$N$t"; done
  export TMPDIR="$D"
else
  say snapshot-none
fi
)sh";

constexpr const char* kCheck = R"sh(
while read -r kind x y; do
  [ "$kind" = lvm ] || continue
  w=$(lvs "$x" 2>&1) || die snapshot-unproven "$y: $(one_line "$w")"
  ! full "$x" || die snapshot-full "$y"
done <"$D/made"
)sh";

// Only those that are plain paths are understood here; borg knows them all.
std::string excluded_function(const std::vector<std::string>& patterns) {
  std::string words;
  for (std::string_view pattern : patterns) {
    if (pattern.starts_with("pp:")) pattern.remove_prefix(3);
    if (!pattern.starts_with('/') || pattern.find_first_of("*?[") != std::string_view::npos) continue;
    while (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
    const std::string word = quote(std::string{pattern});
    words += fmt::format("{}{} | {}/*", words.empty() ? "" : " | ", word, word);
  }
  if (words.empty()) return "excluded() { return 1; }\n";
  return fmt::format("excluded() {{ case $1 in {}) return 0 ;; *) return 1 ;; esac; }}\n", words);
}

}  // namespace

std::string snapshot_functions(const JobSpec& spec, const std::string& relay) {
  return std::string{kPaths} + kSweep + excluded_function(spec.exclude) + "WORD=" + quote(relay) +
         fmt::format("\nSIZE={}\nONE={}\n", spec.snapshot_size, spec.one_file_system ? "1" : "") + kMake;
}

std::string snapshot_part(const JobSpec& spec, const std::string& relay) {
  return snapshot_functions(spec, relay) + kTake;
}

std::string snapshot_check() {
  return kCheck;
}

std::string snapshot_pattern(const std::string& relay) {
  return fmt::format("sh:**/cyborg-*-{}-*", relay);
}

std::string in_mount_namespace(const std::string& script) {
  return R"sh(PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
x=$(unshare -m true 2>&1) || {
  printf '@cyborg started\n@cyborg snapshot-failed the folders: %s\n' "$x" >&2
  exit 99
}
exec unshare -m sh -c )sh" +
         quote(script);
}

std::string sweep_part() {
  const std::string inner =
      std::string{"say() { printf '@cyborg %s\\n' \"$*\" >&2; }\n"} + kPaths + kSweep + R"sh(
mount --make-rprivate / && M=$(mktemp -d) && trap 'umount "$M"/* 2>/dev/null; rmdir "$M"/* "$M" 2>/dev/null' EXIT || exit 0
mounts | while read -r target id type source x; do
  [ "$type" != btrfs ] || printf '%s\n' "$source"
done | sort -u | while read -r source; do
  command -v btrfs >/dev/null && top "$source" && sweep btrfs
done
! command -v lvremove >/dev/null || sweep lvm
! command -v zfs >/dev/null || sweep zfs
)sh";
  return "if unshare -m true 2>/dev/null; then unshare -m sh -c " + quote(inner) +
         " </dev/null >/dev/null || :; fi\n";
}

std::optional<SnapshotNote> read_snapshot_line(std::string_view line) {
  const auto after = [&](std::string_view word) -> std::optional<std::string_view> {
    if (!line.starts_with(word)) return std::nullopt;
    return line.substr(word.size());
  };
  if (line == "snapshot-none") {
    return SnapshotNote{5, "none of the folders lies on btrfs, LVM or ZFS: they are read as they are"};
  }
  if (const auto name = after("snapshot-swept ")) {
    return SnapshotNote{5, fmt::format("removed snapshot {}, which an interrupted backup had left", *name)};
  }
  if (const auto name = after("snapshot-left ")) {
    return SnapshotNote{4, fmt::format("a snapshot could not be removed, {}", *name)};
  }
  if (const auto what = after("snapshot ")) {
    const auto space = what->find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    return SnapshotNote{
        6, fmt::format("reading {} from a snapshot ({})", what->substr(space + 1), what->substr(0, space))};
  }
  return std::nullopt;
}

std::string snapshot_failure(const JobSpec& spec, const std::string& code, const std::string& detail) {
  if (code == "snapshot-full") {
    return fmt::format(
        "the snapshot of {} on {} was full before the backup had ended, so what it read is worthless: "
        "give it more room with snapshot_size",
        detail, spec.client);
  }
  const auto colon = detail.find(": ");
  const std::string path = detail.substr(0, colon);
  const std::string words = colon == std::string::npos ? "no reason given" : detail.substr(colon + 2);
  if (code == "snapshot-unproven") {
    return fmt::format(
        "whether the snapshot of {} on {} had room until the end could not be told, so what was read from it "
        "is not "
        "trusted: {}",
        path, spec.client, words);
  }
  return fmt::format("no snapshot of {} on {} could be made: {}", path, spec.client, words);
}

}  // namespace cyborg
