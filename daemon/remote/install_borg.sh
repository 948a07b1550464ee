# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs borg if it is missing, with the first package manager found in this order; its output goes to the job's
# log.
#
# Says: installing, no-package-manager, install-failed.

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install borgbackup
}
install_borg() {
  if command -v apt-get; then
    apt_install || { apt-get -q update && apt_install; }
  elif command -v dnf; then
    dnf -y install borgbackup || { dnf -y install epel-release && dnf -y install borgbackup; }
  elif command -v zypper; then
    zypper --non-interactive install borgbackup
  elif command -v apk; then
    apk add borgbackup
  elif command -v pacman; then
    pacman -S --noconfirm borg
  else
    die no-package-manager
  fi
}
if ! command -v borg >/dev/null; then
  say installing
  install_borg >&2 </dev/null || die install-failed
  command -v borg >/dev/null || die install-failed
fi
