# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Build chroots of scripts/lab.

# Runs a command in a build chroot: the repository read-only at /src, an output
# directory at /out (and, if it lies in the repository, at its place there), all
# other changes are thrown away.  No network.
build_exec() { # RELEASE OUT COMMAND...
  local release=$1 out=$2
  shift 2
  build_image "build-$release"
  local image repository
  image=$(image_dir "build-$release")
  repository=$(cd "$LAB_SCRIPTS/.." && pwd)
  mkdir -p "$out" "$LAB_CACHE/ccache"
  out=$(cd "$out" && pwd)
  # shellcheck disable=SC2016
  LAB_IMAGE=$image LAB_REPOSITORY=$repository LAB_OUT=$out \
    LAB_CCACHE=${CCACHE_DIR:-$LAB_CACHE/ccache} LAB_OPTIONS=$LAB_OVERLAY_OPTIONS \
    unshare --mount --pid --net --ipc --uts --fork --kill-child --propagation private \
    bash -euc '
      # A tmpfs as upper layer: it disappears with the mount namespace.
      mount -t tmpfs -o size=80% tmpfs /mnt
      mkdir /mnt/upper /mnt/work /mnt/root
      mount -t overlay -o "$LAB_OPTIONS,lowerdir=$LAB_IMAGE/root,upperdir=/mnt/upper,workdir=/mnt/work" build /mnt/root
      root=/mnt/root
      mkdir -p "$root/src" "$root/out" "$root/ccache"
      mount -t proc proc "$root/proc"
      mount --rbind /dev "$root/dev"
      mount -t tmpfs tmpfs "$root/tmp"
      mount --bind "$LAB_REPOSITORY" "$root/src"
      mount -o remount,bind,ro "$root/src"
      mkdir -p "$LAB_CCACHE"
      mount --bind "$LAB_CCACHE" "$root/ccache"
      mount --bind "$LAB_OUT" "$root/out"
      case $LAB_OUT in
        "$LAB_REPOSITORY"/?*) mount --bind "$LAB_OUT" "$root/src${LAB_OUT#"$LAB_REPOSITORY"}" ;;
      esac
      ip link set lo up 2>/dev/null || true
      environment=()
      for name in DEB_BUILD_OPTIONS DEB_BUILD_PROFILES SOURCE_DATE_EPOCH; do
        [[ -z ${!name:-} ]] || environment+=("$name=${!name}")
      done
      exec env -i PATH=/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" CCACHE_DIR=/ccache \
        "${environment[@]}" \
        /usr/sbin/chroot "$root" /bin/sh -c "cd /src && exec \"\$@\"" sh "$@"
    ' lab "$@"
}
