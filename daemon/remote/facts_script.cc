// The script that finds out about a client and installs borg there.
#include "remote/discovery.h"
#include "remote/job_script.h"
#include "remote/snapshot_script.h"

namespace cyborg {
namespace {

// Package managers in the order in which they are looked for. Their output goes to the job's log.
constexpr const char* kInstall = R"sh(
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
)sh";

constexpr const char* kFacts = R"sh(
addresses() {
  ip -o addr show scope global 2>/dev/null | while read -r n i f a r; do echo "${a%/*}"; done
}
A=$(addresses)
[ -n "$A" ] || A=$(hostname -I 2>/dev/null | tr ' ' '\n')
[ -n "$A" ] || A=$(hostname -i 2>/dev/null | tr ' ' '\n')
for a in $A; do printf 'address=%s\n' "$a"; done
for f in /etc/os-release /usr/lib/os-release; do
  if [ -r "$f" ]; then (. "$f"; printf 'operating_system=%s\n' "$PRETTY_NAME"); break; fi
done
printf 'architecture=%s\n' "$(uname -m)"
printf 'hostname=%s\n' "$(hostname 2>/dev/null || uname -n)"
command -v borg >/dev/null || die no-borg
V=$(borg --version 2>&1) || die borg-broken "$V"
printf 'borg_version=%s\n' "$V"
)sh";

}  // namespace

std::string facts_script(bool install) {
  return std::string{R"sh(
umask 022
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
say started
)sh"} + (install ? kInstall : "") +
         (install ? sweep_part() : "") + kFacts + discover_part();
}

}  // namespace cyborg
