# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Images of scripts/lab.  Per release some directories that overlay each
# other, so that nothing is unpacked twice:
#
#   client      systemd, sshd, sudo; borg only as packages in an offline source
#   databases   + MariaDB and PostgreSQL, which are not started, and what makes
#               snapshots: for clients
#   hypervisor  + libvirt and QEMU, on Debian 12 only: for the machine hyper; and
#               what a guest of it needs that has a kernel of its own, with LVM
#   vault       client + borg
#   server      vault + PostgreSQL, polkit and all that cyborgd's packages
#               depend on
#
# The name holds a hash of the package lists and of the functions that shape
# the image: whoever changes one of them gets a new image at the next "up".

# The functions below that end in _in_chroot run inside the image.

image_packages() { # RELEASE LAYER
  local release=$1 layer=$2
  case $layer in
    client)
      echo systemd systemd-sysv dbus libpam-systemd openssh-server \
        openssh-client sudo acl attr xz-utils zstd iproute2 procps passwd \
        ca-certificates
      ;;
    databases) echo mariadb-server postgresql sqlite3 btrfs-progs lvm2 ;;
    hypervisor)
      echo libvirt-daemon-system libvirt-clients libvirt-daemon-driver-qemu \
        qemu-system-x86 qemu-utils jq
      echo linux-image-cloud-amd64 kmod udev lvm2 thin-provisioning-tools xfsprogs cpio
      ;;
    vault) echo borgbackup ;;
    server)
      # Only MariaDB's programs: verification of a dump starts a server of its own.
      echo postgresql postgresql-common polkitd libpq5 libssh-4 libsodium23 \
        libstdc++6 libsystemd0 adduser openssl jq mariadb-server-core mariadb-client-core sqlite3
      case $release in
        bookworm) echo libsdbus-c++1 libjsoncpp25 libspdlog1.10 libfmt9 ;;
        trixie) echo libsdbus-c++2 libjsoncpp26 libspdlog1.15 libfmt10 ;;
      esac
      ;;
    build) "$LAB_SCRIPTS/deps" --list build ;;
  esac
}

image_layers() { # RELEASE: those on top of the client's
  echo databases vault server
  [[ $1 != bookworm ]] || echo hypervisor
}

image_sources() { # RELEASE
  local mirror=${CYBORG_MIRROR:-http://deb.debian.org/debian}
  local security=${CYBORG_MIRROR_SECURITY:-http://deb.debian.org/debian-security}
  local key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  echo "deb $key $mirror $1 main"
  echo "deb $key $mirror $1-updates main"
  echo "deb $key $security $1-security main"
}

image_hash() { # RELEASE LAYER...
  local release=$1 layer
  shift
  {
    for layer in "$@"; do image_packages "$release" "$layer"; done
    image_sources "$release"
    # declare -f prints no comments, so they may change freely.
    declare -f bootstrap image_downloads build_machine_image build_layer \
      finish_client_in_chroot finish_layer_in_chroot
  } | sha256sum | cut -c1-12
}

image_dir() { # RELEASE|build-RELEASE
  case $1 in
    build-*) echo "$LAB_CACHE/images/$1-$(image_hash "${1#build-}" build)" ;;
    *)
      # shellcheck disable=SC2046 # words
      echo "$LAB_CACHE/images/$1-$(image_hash "$1" client $(image_layers "$1"))"
      ;;
  esac
}

bootstrap() { # RELEASE LAYER DIR [HOOK]
  local release=$1 layer=$2 dir=$3 hook=${4:-} option
  local -a options=() packages
  # Options given to this machine's apt, such as a proxy or no date check, apply to the image's packages, too,
  # which come from the same mirror.
  while IFS= read -r option; do
    options+=("--aptopt=$option")
  done < <(apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Date|Check-Valid-Until|Retries)\b.* "[^"]+";$')
  read -r -d '' -a packages < <(image_packages "$release" "$layer") || true
  [[ -z $hook ]] || options+=("--customize-hook=$hook")
  image_sources "$release" | mmdebstrap --mode=root --variant=minbase --quiet \
    --format=directory --include="${packages[*]}" \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --aptopt='Acquire::Languages "none"' \
    "${options[@]}" "$release" "$dir" -
  # These would apply to packages that tests install, too.
  rm -f "$dir/etc/apt/apt.conf.d/99mmdebstrap" \
    "$dir/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
}

# Runs as mmdebstrap's hook, while its apt can reach the mirror: downloads the packages that later layers, and
# machines without a network, install.
image_downloads() { # RELEASE ROOT
  local release=$1 root=$2 layer
  local -a packages
  for layer in $(image_layers "$release"); do
    read -r -d '' -a packages < <(image_packages "$release" "$layer") || true
    local archives=$root/var/cache/lab-$layer
    [[ $layer != vault ]] || archives=$root/var/cache/lab-apt
    mkdir -p "$archives/partial"
    if [[ $layer == server ]]; then
      cp -l "$root/var/cache/lab-apt"/*.deb "$archives/"
      packages+=(borgbackup)
    fi
    APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get install -q -y --download-only \
      --no-install-recommends -o Dir::Cache::archives="$archives/" \
      "${packages[@]}"
    rm -rf "$archives/partial" "$archives/lock"
  done
}

finish_client_in_chroot() { # RELEASE
  local release=$1 user
  rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
  mkdir -p /var/lib/apt/lists/partial /var/lib/apt/lists/auxfiles
  # The machines reach no mirror; nevertheless "apt-get install borgbackup" works on a client by this source.
  echo 'deb [trusted=yes] file:/var/cache/lab-apt ./' >/etc/apt/sources.list.d/lab.list
  apt-get update -q

  for user in admin outsider; do
    useradd --create-home --shell /bin/bash "$user"
    echo "$user:lab" | chpasswd
  done
  echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
  chmod 0440 /etc/sudoers.d/admin

  # Many connections at once from one address, some with a wrong key on purpose: sshd must not start to refuse
  # them.
  mkdir -p /etc/ssh/sshd_config.d
  {
    echo 'Port 22'
    echo 'Port 2222'
    echo 'PermitRootLogin prohibit-password'
    echo 'PasswordAuthentication yes'
    echo 'MaxStartups 500:30:1000'
    echo 'MaxSessions 200'
    echo 'UseDNS no'
    [[ $release == bookworm ]] || echo 'PerSourcePenalties no'
  } >/etc/ssh/sshd_config.d/lab.conf
  # Each machine gets its own when it is created.
  rm -f /etc/ssh/ssh_host_*
  systemctl enable ssh.service

  # Nothing may take dpkg's lock during a test, and nothing needs a console.
  systemctl mask apt-daily.timer apt-daily-upgrade.timer console-getty.service \
    systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service
  # Names come from /etc/hosts; others do not exist, and must fail without waiting for a name server.
  sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf
  rm -f /etc/resolv.conf /etc/hostname
  : >/etc/resolv.conf
  echo LANG=C.UTF-8 >/etc/default/locale
  ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime
  : >/etc/machine-id
  rm -f /var/lib/dbus/machine-id
  rm -rf /var/log/journal /var/log/apt/* /var/log/dpkg.log /var/cache/apt/*.bin
}

finish_layer_in_chroot() { # LAYER
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 LANG=C.UTF-8
  # Services must not be started in the chroot.
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  local -a options=(-q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io
    -o 'Dpkg::Options::=--path-exclude=/usr/share/locale/*'
    -o 'Dpkg::Options::=--path-exclude=/usr/share/doc/*'
    -o 'Dpkg::Options::=--path-include=/usr/share/doc/*/copyright')
  case $1 in
    vault) apt-get install "${options[@]}" borgbackup ;;
    databases)
      apt-get install "${options[@]}" /lab-debs/*.deb
      # Tests start the one that they need.
      systemctl disable -q mariadb.service postgresql.service
      ;;
    hypervisor)
      # No initramfs: nothing boots from this disk.
      INITRD=No apt-get install "${options[@]}" /lab-debs/*.deb
      # They wait for devices that no container has, and for guests that do not exist.
      systemctl disable -q libvirt-guests.service
      systemctl mask lvm2-monitor.service systemd-machined.service
      ;;
    server)
      apt-get install "${options[@]}" /lab-debs/*.deb
      mkdir -p /etc/systemd/journald.conf.d /var/log/journal
      printf '[Journal]\nStorage=persistent\n' >/etc/systemd/journald.conf.d/lab.conf
      ;;
  esac
  rm -rf /usr/sbin/policy-rc.d /var/log/apt/* /var/log/dpkg.log /var/cache/apt/*.bin
}

# Runs a function of this file in a directory tree, in namespaces of its own, so that no mounts or processes
# are left, however it ends.
in_chroot() { # ROOT DEBS|- FUNCTION ARGUMENT...
  local root=$1 debs=$2
  shift 2
  # shellcheck disable=SC2016
  unshare --mount --pid --net --ipc --uts --fork --kill-child --propagation private \
    bash -euc '
      root=$1 debs=$2; shift 2
      mount -t proc proc "$root/proc"
      mount -t tmpfs -o mode=755 dev "$root/dev"
      mkdir "$root/dev/pts" "$root/dev/shm"
      for node in null zero full random urandom tty; do
        touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"
      done
      ln -s /proc/self/fd "$root/dev/fd"
      if [[ $debs != - ]]; then mkdir -p "$root/lab-debs"; mount --bind "$debs" "$root/lab-debs"; fi
      status=0
      env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
        chroot "$root" bash -euc "$(cat); \"\$@\"" lab "$@" </dev/null || status=$?
      if [[ $debs != - ]]; then umount "$root/lab-debs"; rmdir "$root/lab-debs"; fi
      exit $status
    ' lab "$root" "$debs" "$@" < <(declare -f "$1")
}

build_layer() { # IMAGE LAYER LOWERDIRS DEBS|-
  local image=$1 layer=$2 lower=$3 debs=$4
  mkdir "$image/$layer" "$image/work" "$image/merged"
  # No sync until the whole image is complete: dpkg requests one per package.
  mount -t overlay -o "$LAB_OVERLAY_OPTIONS,lowerdir=$lower,upperdir=$image/$layer,workdir=$image/work" \
    lab-image "$image/merged"
  local status=0
  in_chroot "$image/merged" "$debs" finish_layer_in_chroot "$layer" || status=$?
  umount "$image/merged"
  rm -rf "$image/work" "$image/merged"
  return "$status"
}

build_machine_image() { # RELEASE IMAGE
  local release=$1 image=$2 layer
  bootstrap "$release" client "$image/client" \
    "'$LAB_SCRIPTS/lab' _downloads $release \"\$1\""
  mkdir "$image/debs"
  for layer in databases hypervisor server; do
    [[ ! -d $image/client/var/cache/lab-$layer ]] || mv "$image/client/var/cache/lab-$layer" "$image/debs/$layer"
  done
  (cd "$image/client/var/cache/lab-apt" && dpkg-scanpackages --multiversion . /dev/null >Packages 2>/dev/null)
  in_chroot "$image/client" - finish_client_in_chroot "$release"
  build_layer "$image" databases "$image/client" "$image/debs/databases"
  [[ ! -d $image/debs/hypervisor ]] ||
    build_layer "$image" hypervisor "$image/client" "$image/debs/hypervisor"
  build_layer "$image" vault "$image/client" -
  build_layer "$image" server "$image/vault:$image/client" "$image/debs/server"
  rm -rf "$image/debs"
}

# Builds an image unless it exists. Concurrent builds of the same image wait for each other; a failed build
# leaves nothing that looks like an image.
build_image() { # RELEASE|build-RELEASE
  local name=$1 dir started=$SECONDS
  dir=$(image_dir "$name")
  if [[ -d $dir ]]; then
    touch "$dir"
    return
  fi
  mkdir -p "$LAB_CACHE/images"
  local log="$LAB_CACHE/images/$name.log" lock
  exec {lock}>"$LAB_CACHE/images/$name.lock"
  flock "$lock"
  if [[ ! -d $dir ]]; then
    say "building the image of $name (log: $log)"
    # Leftovers of a killed build; the lock guarantees that none is running.
    remove_image_trees "$LAB_CACHE/images/.tmp-$name-"*
    local temporary="$LAB_CACHE/images/.tmp-$name-$$"
    mkdir -p "$temporary"
    chmod 755 "$temporary"
    local status=0
    # On the left of "||", the subshell's set -e would be off.
    set +e
    (
      set -e
      exec </dev/null >"$log" 2>&1
      exec {lock}>&-
      case $name in
        build-*) bootstrap "${name#build-}" build "$temporary/root" ;;
        *) build_machine_image "$name" "$temporary" ;;
      esac
    )
    status=$?
    set -e
    if [[ $status -ne 0 ]]; then
      tail -n 30 "$log" >&2
      remove_image_trees "$temporary"
      die "the image of $name could not be built; see $log"
    fi
    mv -T "$temporary" "$dir"
    say "image of $name built in $((SECONDS - started)) s"
    expire_images "$name" "$dir"
  fi
  exec {lock}>&-
}

remove_image_trees() {
  local tree
  for tree in "$@"; do
    [[ -d $tree ]] || continue
    if mountpoint -q "$tree/merged"; then umount "$tree/merged"; fi
    rm -rf --one-file-system "$tree"
  done
}

# Removes images of former package lists. Another checkout may still use one: "up" touches the images that it
# uses, and only those untouched for three days are removed.
expire_images() { # NAME DIR
  local old
  while IFS= read -r old; do
    [[ $old != "$2" ]] || continue
    grep -q -F "$old" /proc/mounts || rm -rf --one-file-system "$old"
  done < <(find "$LAB_CACHE/images" -maxdepth 1 -name "$1-????????????" -mtime +2)
}

build_images() { # NAME...
  local name pid failed=0
  local -a pids=()
  for name in "$@"; do
    build_image "$name" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return "$failed"
}
