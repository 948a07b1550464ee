# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with a kernel of its own, for features that a container's kernel lacks: Debian's, in QEMU on the machine hyper.

Its root is a logical volume with a copy of hyper's own files. It needs no KVM.
"""

import pathlib
import shlex
import subprocess
import threading

from machines import Machine, wait_for

CLIENT = "guest"
PORT = "2200"  # on hyper, which forwards it to the guest's sshd
HERE = pathlib.Path(__file__).parent
_UNIT = "guest.service"
_SSH = ("ssh", "-S", "/run/guest.ssh", "-o", "StrictHostKeyChecking=no", "-p", PORT, "root@localhost")

# The guest's first root: the files of this machine, without those that only the machine itself needs, and
# those that other tests write there meanwhile.
_PACK = r"""
mkdir -p /var/tmp/guest /root/.ssh
[ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cat /root/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys
cat >/init
chmod 755 /init
cd /
kernel=$(ls /usr/lib/modules)
cp "/boot/vmlinuz-$kernel" /var/tmp/guest/kernel
{
  find . -xdev \( -path ./root -o -path ./tmp -o -path ./restored -o -path ./var/log \
    -o -path ./var/tmp -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./boot \
    -o -path './usr/lib/modules/*/*' -o -path './usr/share/[dlmpqsv]*' -o -path './usr/lib/udev/hwdb*' -o -path '*/perl' \
    -o -path '*-linux-gnu/dri' -o -name '*qemu*' -o -name '*libvirt*' -o -name 'libLLVM*' -o -name 'libicu*' \
    -o -name 'libcapstone*' -o -name 'libgst*' -o -name 'libspice*' -o -name 'libperl*' -o -name 'libgio*' -o -path '*-linux-gnu/gconv' \) \
    -prune -o -print
  printf '%s\n' ./tmp ./var/log ./root ./root/.ssh ./root/.ssh/authorized_keys
  ls -d "./usr/lib/modules/$kernel/modules."*
  for module in virtio_pci virtio_blk virtio_net dm_snapshot dm_thin_pool xfs; do
    modprobe -S "$kernel" --show-depends "$module"
  done | sed -n 's,^insmod /lib\(.*[^ ]\) *$,./usr/lib\1,p' | sort -u | while read -r file; do
    p=$file
    while [ "${p%/*}" != "./usr/lib/modules/$kernel" ]; do p=${p%/*}; echo "$p"; done
    echo "$file"
  done | sort -u
} >/var/tmp/guest/files
cpio --quiet -o -H newc </var/tmp/guest/files >/var/tmp/guest/initramfs
truncate -s 2G /var/tmp/guest/disk
"""

# Its processor is the slowest thing in the lab, and waits for no other.
_BOOT = f"""
systemctl reset-failed {_UNIT} 2>/dev/null || :
rm -f /run/guest.ssh
systemd-run -q --unit={_UNIT} --property=KillSignal=SIGKILL --property=Nice=-10 \
  sh -c 'echo -10 >/proc/self/autogroup || :; exec "$@"' sh qemu-system-x86_64 -accel tcg -m 1024 -nodefaults -no-user-config -display none -serial stdio -no-reboot \
  -kernel /var/tmp/guest/kernel -initrd /var/tmp/guest/initramfs \
  -append 'console=ttyS0 rdinit=/init quiet panic=-1 mitigations=off net.ifnames=0' \
  -drive file=/var/tmp/guest/disk,if=virtio,format=raw,cache=unsafe,discard=unmap \
  -netdev user,id=net0,hostfwd=tcp::{PORT}-:22 -device virtio-net-pci,netdev=net0,romfile= \
  -device virtio-rng-pci
"""

_CONNECT = f"""
systemctl is-active -q {_UNIT} || {{ journalctl -q -n 50 -o cat -u {_UNIT} >&2; exit 1; }}
"$@" >/run/guest.log 2>&1 && echo up || sleep 0.5
"""


class Guest(Machine):
    """Commands reach it by ssh, through the machine that it runs on."""

    _lock = threading.Lock()

    def __init__(self, lab):
        super().__init__(lab, "hyper")
        self.host = lab.hyper

    def up(self):
        """Boots it, and makes it a client, unless another test has done so already."""
        with self._lock:
            if self.host.run("test", "-e", "/var/tmp/guest/disk", check=False).status != 0:
                self.host.sh(_PACK, data=(HERE / "virtual-init").read_text())
            if self.host.run("systemctl", "is-active", "-q", _UNIT, check=False).status != 0:
                self.boot()
            if self.lab.server.run("cyborgctl", "client", "show", CLIENT, check=False).status != 0:
                self.lab.server.run("cyborgctl", "client", "add", CLIENT, "--address", "hyper", "--port", PORT)
        return self

    def boot(self):
        self.host.sh(_BOOT)
        # In the background, for all later commands: the start of a connection is the slowest part here.
        connect = (*_SSH[:-1], "-f", "-N", "-M", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR", _SSH[-1])
        wait_for(lambda: self.host.sh(_CONNECT, *connect).strip(), 300, "the guest lets in by ssh: see journalctl -u guest on hyper")

    def power_off(self):
        """Its processes, and data that they have written but not synced, are lost."""
        self.host.run("systemctl", "stop", _UNIT)

    def start(self, *command, **options):
        return self.host.start(*_SSH, shlex.join(command), **options)

    def run(self, *command, **options):
        return self.host.run(*_SSH, shlex.join(str(word) for word in command), **options)

    def sh(self, script, *arguments, **options):
        """As for other machines, but in sh: a bash below sshd reads files that are not made for -u."""
        return self.run("sh", "-euc", script, "sh", *arguments, **options).out
