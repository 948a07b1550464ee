# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt guests under QEMU: their disks are restored as they were at one moment, and a backup leaves nothing behind."""

import json

from machines import wait_for
from suite import expect, expect_equal, expect_in, test

IMAGES = "/var/lib/libvirt/images"
DEFINITION = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>{disks}</devices></domain>"""
DISK = """<disk type='{kind}' device='disk'><driver name='qemu' type='{format}'/>{source}<target dev='{target}' bus='virtio'/></disk>"""


def virsh(t, *words, **options):
    return t.lab.hyper.run("virsh", "-q", *words, **options)


class Guest:
    """A guest without an operating system: the test writes the contents of its disks."""

    def __init__(self, t, name="guest", formats=("qcow2", "raw"), megabytes=80, more_disks="", on=True, full=None):
        self.t = t
        self.name = t.name(name)
        self.formats = formats
        t.later(self.remove)
        disks = ""
        for number, form in enumerate(formats):
            t.lab.hyper.sh('qemu-img create -q -f "$1" "$2" "$3M"; chmod 644 "$2"', form, self.path(number), str(megabytes))
            disks += DISK.format(kind="file", format=form, target=target(number),
                                 source=f"<source file='{self.path(number).replace('&', '&amp;').replace(chr(39), '&apos;')}'/>")
        t.lab.hyper.sh('cat >/root/"$1".xml; virsh -q define /root/"$1".xml', self.name,
                       data=DEFINITION.format(name=self.name, disks=disks + more_disks))
        if full is not None:
            self.fill(full, megabytes)
        self.write(0, 0, "41")
        if on:
            self.start()

    def path(self, number):
        return f"{IMAGES}/{self.name} & {target(number)}.{self.formats[number]}"

    def start(self):
        virsh(self.t, "start", self.name)

    def state(self):
        return virsh(self.t, "domstate", self.name).out.strip()

    def write(self, number, megabyte, byte):
        """Writes one megabyte of this byte to a disk, as the guest would, or with QEMU's tools if it is off."""
        command = f"write -P 0x{byte} {megabyte}M 1M"
        if self.state() == "running":
            device = f"/machine/peripheral/virtio-disk{number}/virtio-backend"
            virsh(self.t, "qemu-monitor-command", self.name, "--hmp", f'qemu-io -d {device} "{command}"')
        else:
            self.t.lab.hyper.run("qemu-io", "-f", self.formats[number], "-c", command, self.path(number))

    def fill(self, number, megabytes):
        """Writes random bytes, so that borg is busy with them."""
        self.t.lab.hyper.sh('head -c "$1M" /dev/urandom >/root/"$2"; qemu-img convert -n -f raw -O "$3" /root/"$2" "$4"; '
                            'rm /root/"$2"', str(megabytes), self.name, self.formats[number], self.path(number))

    def content(self, number):
        """The hash of a disk's contents."""
        return content(self.t, self.path(number), self.formats[number])

    def expect_untouched(self, state="running"):
        """No backup job is active, and the guest uses its own disks."""
        wait_for(lambda: virsh(self.t, "backup-dumpxml", self.name, check=False).status != 0, 30, "no backup holds the guest")
        wait_for(lambda: not left_overs(self.t, self.name), 30, "scratch files are gone")
        expect_equal(self.state(), state, "state of the guest")
        known = virsh(self.t, "domblklist", self.name).out
        for number in range(len(self.formats)):
            expect_in(self.path(number), known)

    def remove(self):
        virsh(self.t, "destroy", self.name, check=False)
        virsh(self.t, "undefine", self.name, check=False)
        self.t.lab.hyper.sh('rm -f "$1/$2"* "$1/cyborg-$2"* /root/"$2".xml', IMAGES, self.name)


def target(number):
    return f"vd{'abc'[number]}"


def content(t, path, form="raw"):
    return t.lab.hyper.sh('qemu-img convert -U -f "$2" -O raw "$1" /dev/shm/$$ && md5sum </dev/shm/$$; rm /dev/shm/$$', path, form)


def left_overs(t, name):
    return t.lab.hyper.sh('cd "$1" && ls | grep -F "cyborg-$2" || :', IMAGES, name)


def policy_for(t, guests, *options, suffix="policy"):
    variables = ("--var", f"guests={json.dumps([guest if isinstance(guest, str) else guest.name for guest in guests])}")
    return t.policy("vm", t.repository("server", suffix=f"-{suffix}"), t.client("hyper", suffix=f"-{suffix}"),
                    *variables, *options, suffix=suffix)


def bring_back(t, job):
    folder = f"/restored/{t.prefix}-{job['id']}"
    t.restore(job["archive"], job["client"], folder)
    t.later(t.lab.hyper.run, "rm", "-r", folder)
    return folder


def fails(t, policy, *parts, code="dump-failed"):
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", code), f"end of the backup: {job['reason']}")
    expect_in(parts, job["reason"])
    expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")
    return job


def hold_half_way(t, policy, guest):
    """Starts a backup, and stops its borg while it reads a disk; returns the job, borg and the process that holds the
    guest."""
    number = t.start(policy)
    archive = wait_for(lambda: t.job(number).get("archive"), 60, "the job has an archive's name")
    borg = wait_for(lambda: t.lab.hyper.run("pgrep", "-f", f"^[^ ]*python3 .*borg .*::{archive}", check=False).out.split(), 60,
                    "borg runs")[0]
    keeper = wait_for(lambda: t.lab.hyper.sh('virsh -q backup-dumpxml "$1" 2>/dev/null | sed -n "s,.*/cyborg-\\([0-9]*\\)\\.nbd.*,\\1,p"',
                                             guest.name).strip(), 60, "the guest is held")
    t.lab.hyper.run("kill", "-STOP", borg)
    t.later(lambda: t.lab.hyper.run("kill", "-CONT", borg, check=False))
    return number, borg, keeper


@test("a guest that runs is backed up as it is at one moment", needs=("hyper",), slow=True)
def running(t):
    guest = Guest(t, megabytes=150, full=1)
    before = [guest.content(0), guest.content(1)]
    policy = policy_for(t, [guest])
    number, borg, _ = hold_half_way(t, policy, guest)
    guest.write(0, 140, "42")
    guest.write(1, 149, "43")
    t.lab.hyper.run("kill", "-CONT", borg)
    first = t.ended(number)
    expect_equal(first["state"], "successful", f"state: {first['reason']}")
    guest.expect_untouched()
    expect(guest.content(0) != before[0] and guest.content(1) != before[1], "the guest has written")
    after = [guest.content(0), guest.content(1)]
    second = t.backup(policy)
    for job, disks in ((first, before), (second, after)):
        folder = bring_back(t, job)
        files = t.lab.hyper.sh('cd "$1" && find . -type f | sort', folder).splitlines()
        expect_equal(files, [f"./vm/{guest.name}/{name}" for name in ("domain.xml", "vda.img", "vdb.img")], "files")
        for disk in (0, 1):
            expect_equal(content(t, f"{folder}/vm/{guest.name}/{target(disk)}.img"), disks[disk], f"disk {disk} of job {job['id']}")
        expect_in(f"<name>{guest.name}</name>", t.lab.hyper.sh('cat "$1/vm/$2/domain.xml"', folder, guest.name))
    t.ctl("policy", "set", policy, "keep_last=1")
    t.run(policy)
    expect_equal(len(t.json("archive", "list", "--policy", policy)), 1, "archives that retention keeps")


@test("a guest that is off is backed up as it is, unless it starts meanwhile", needs=("hyper",))
def off(t):
    guest, other = Guest(t, "off", on=False), Guest(t, "odd name's é", formats=("qcow2",), megabytes=3)
    policy = policy_for(t, [guest, other])
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    folder = bring_back(t, job)
    for disk in (0, 1):
        expect_equal(content(t, f"{folder}/vm/{guest.name}/{target(disk)}.img"), guest.content(disk), f"disk {disk}")
    expect_equal(content(t, f"{folder}/vm/{t.prefix}-odd%20name%27s%20é/vda.img"), other.content(0), "the other's disk")
    guest.expect_untouched("shut off")
    other.expect_untouched()


@test("a guest that is off is not saved if it was started while it was read", needs=("hyper",))
def started_meanwhile(t):
    guest = Guest(t, formats=("raw",), megabytes=150, on=False, full=0)
    policy = policy_for(t, [guest])
    number = t.start(policy)
    borg = wait_for(lambda: t.lab.hyper.run("pgrep", "-f", f"^[^ ]*python3 .*borg .*::{t.job(number)['archive']}", check=False).out.split(),
                    60, "borg runs")[0]
    t.lab.hyper.run("kill", "-STOP", borg)
    guest.start()
    t.lab.hyper.run("kill", "-CONT", borg)
    job = t.ended(number)
    if job["state"] == "successful":  # the backup was faster, or the guest started before its turn
        return
    expect_equal(job["code"], "dump-failed", "code")
    expect_in([f'guest "{guest.name}"', "was started while"], job["reason"])


@test("whatever ends a backup of a guest half-way, the guest is let go", needs=("hyper",), slow=True)
def ended_half_way(t):
    guest = Guest(t, formats=("raw",), megabytes=150, full=0)
    policy = policy_for(t, [guest])

    def kill(what):
        return lambda number, borg, keeper: t.lab.hyper.sh(what, borg, keeper)
    script = '$(ps -o ppid= -p "$2")'
    for end, states in (
            (lambda number, borg, keeper: t.ctl("job", "cancel", str(number)), ["canceled"]),
            (kill('kill -KILL "$1"'), ["failed"]),
            (kill(f'kill -KILL {script}'), ["failed"]),
            (kill('kill -KILL "$2"; kill -TERM "$1"; kill -CONT "$1"'), ["failed"]),
            (kill(f'kill -KILL $(ps -o ppid= -p {script})'), ["failed"]),
            (lambda number, borg, keeper: t.server.run("systemctl", "kill", "-s", "KILL", f"cyborg-job-{number}"), ["failed"])):
        number, borg, keeper = hold_half_way(t, policy, guest)
        end(number, borg, keeper)
        t.lab.hyper.run("kill", "-CONT", borg, check=False)  # it was stopped only for this test
        job = t.ended(number)
        expect(job["state"] in states, f"state {job['state']} among {states}: {job['reason']}")
        guest.expect_untouched()
        expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")


@test("what a killed backup has left is repaired by the next one", needs=("hyper",))
def left_over(t):
    guest = Guest(t, formats=("raw",), megabytes=150, full=0)
    policy = policy_for(t, [guest])
    number, borg, keeper = hold_half_way(t, policy, guest)
    t.lab.hyper.sh('main=$(ps -o ppid= -p "$2"); kill -KILL "$2" $main "$1"', borg, keeper)
    expect_equal(t.ended(number)["state"], "failed", "state")
    expect_in(f"cyborg-{keeper}", virsh(t, "backup-dumpxml", guest.name).out)
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    expect_in(f'guest "{guest.name}" was still held by a backup that was killed: it was let go',
              t.ctl("job", "log", str(job["id"])).out)
    guest.expect_untouched()


@test("all guests, after a power loss of their host in the middle of a backup", needs=("hyper",), alone="hyper")
def power_loss(t):
    guest = Guest(t, megabytes=150, full=0)
    policy = t.policy("vm", t.repository("server"), t.client("hyper"))
    number, _, _ = hold_half_way(t, policy, guest)
    t.lab.do("kill", "hyper")
    t.lab.do("boot", "hyper")
    expect_equal(t.ended(number)["state"], "failed", "state of the backup")
    expect_in("scratch", left_overs(t, guest.name))
    before = guest.content(0), guest.content(1)
    guest.start()
    # The server may try its former hardware address for a while.
    wait_for(lambda: t.server.run("timeout", "2", "bash", "-c", ": </dev/tcp/hyper/22", check=False).status == 0, 90, "ssh answers")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    expect_in("was left by a backup that was killed: it was removed", t.ctl("job", "log", str(job["id"])).out)
    guest.expect_untouched()
    folder = bring_back(t, job)
    for disk in (0, 1):
        expect_equal(content(t, f"{folder}/vm/{guest.name}/{target(disk)}.img"), before[disk], f"disk {disk}")


@test("guests that cannot be saved fail with the reason", needs=("hyper",))
def refused(t):
    fails(t, policy_for(t, [t.name("nobody")], suffix="nobody"), f'there is no guest "{t.name("nobody")}"', code="dump-list-failed")
    network = DISK.format(kind="network", format="raw", target="vdc", source="<source protocol='nbd' name='x'><host name='n'/></source>")
    odd = Guest(t, "odd", formats=("raw",), megabytes=1, more_disks=network, on=False)
    fails(t, policy_for(t, [odd], suffix="network"), f'disk vdc of guest "{odd.name}" is of type network', code="dump-list-failed")
    busy = Guest(t, "busy", formats=("raw",), megabytes=1)
    t.lab.hyper.sh("echo '<domainbackup mode=\"pull\"><server transport=\"unix\" socket=\"/var/lib/libvirt/qemu/mine.sock\"/></domainbackup>'"
                   " >/root/mine.xml; virsh -q backup-begin \"$1\" /root/mine.xml", busy.name)
    fails(t, policy_for(t, [busy], suffix="busy"), f'guest "{busy.name}"', "another program's backup of it is at work")
    expect_in("mine.sock", virsh(t, "backup-dumpxml", busy.name).out)
    policy = t.policy("vm", t.repository("server", suffix="-none"), t.client("web", suffix="-none"), suffix="none")
    fails(t, policy, "virsh is not installed", code="dump-list-failed")


@test("a guest without an agent is saved with a warning if it was to be quiesced", needs=("hyper",))
def quiesce(t):
    guest = Guest(t, formats=("qcow2",), megabytes=1)
    job = t.last(t.run(policy_for(t, [guest], "--var", "quiesce=true"), status=6), "backup")
    expect_equal((job["state"], job["code"]), ("warning", "dump-warning"), "state")
    expect_in([f'guest "{guest.name}" could not be quiesced', "agent"], job["reason"])
    guest.expect_untouched()
    folder = bring_back(t, job)
    expect_equal(content(t, f"{folder}/vm/{guest.name}/vda.img"), guest.content(0), "the disk")


# Proxmox cannot be installed here. These scripts stand in for its tools and record how they were called.
STAND_INS = {
    "qm": "printf '      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID\\n"
          "       100 web                  running    2048               32.00 4711\\n"
          "       102 off                  stopped    512                 8.00 0\\n'",
    "pct": "printf 'VMID       Status     Lock         Name\\n101        running                 ct\\n'",
    "vzdump": 'case $1 in 102) echo "ERROR: Backup of VM 102 failed - no space left" >&2; seq 100000; exit 5;; esac\n'
              'echo "INFO: starting new backup job: vzdump $*" >&2; seq 300000 | sed "s/^/$1 /"',
}


def stand_ins(t, machine):
    log = f"/tmp/{t.prefix}-calls"
    for name, script in STAND_INS.items():
        machine.sh('cat >"$1"; chmod 755 "$1"', f"/usr/local/sbin/{name}",
                   data=f'#!/bin/sh\necho "{name} $*" >>{log}\n{script}\n')
        t.later(machine.run, "rm", "-f", f"/usr/local/sbin/{name}")
    t.later(machine.run, "rm", "-f", log)
    return lambda: machine.sh('cat "$1"; : >"$1"', log).splitlines()


@test("guests of Proxmox, with stand-ins for its tools: the commands, and what comes back")
def proxmox(t):
    calls = stand_ins(t, t.web)
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("proxmox", repository, client, "--var", "guests=[101,100]", "--var", "mode=suspend")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    # Preparations, of this test and of others on this machine, look for guests, too.
    made = calls()
    expect("qm list" in made and "pct list" in made, f"calls: {made}")
    expect_equal([call for call in made if call.startswith("vzdump")],
                 ["vzdump 101 --mode suspend --stdout 1 --compress 0", "vzdump 100 --mode suspend --stdout 1 --compress 0"], "calls")
    folder = f"/restored/{t.prefix}"
    t.restore(job["archive"], job["client"], folder)
    t.later(t.web.run, "rm", "-r", folder)
    hashes = t.web.sh('cd "$1/proxmox" && md5sum * | cut -c1-32,34-', folder)
    wanted = t.web.sh('for f in lxc-101.tar qemu-100.vma; do n=${f#*-}; n=${n%.*}; echo "$(seq 300000 | sed "s/^/$n /" | '
                      'md5sum | cut -c1-32) vzdump-$f"; done')
    expect_equal(hashes, wanted, "files of the archive")
    everything = t.policy("proxmox", repository, client, suffix="all")
    fails(t, everything, "guest 102", "Backup of VM 102 failed - no space left")
    expect_equal([call for call in calls() if call.startswith("vzdump")][-1], "vzdump 102 --mode snapshot --stdout 1 --compress 0", "the last call")
    nobody = t.policy("proxmox", repository, client, "--var", "guests=999", suffix="nobody")
    fails(t, nobody, "there is no guest 999 on this host", code="dump-list-failed")
    t.refused(["policy", "add", t.name("no"), "--type", "proxmox", "--client", client, "--repository", repository,
               "--var", "guests=web"], 2, "guests", "web", "number of a guest")


def restore_guest(t, job, guest, *options, status=0):
    """Restores one guest of an archive; returns the restore job."""
    jobs = t.json("restore", job["archive"], "--guest", guest, *options, "--wait", status=status)["jobs"]
    t.jobs_seen.update(one["id"] for one in jobs)
    return jobs[-1]


@test("a guest is restored beside itself, in its place and to a folder, and started again", needs=("hyper",), slow=True)
def restored(t):
    guest = Guest(t)
    guest.write(1, 70, "42")
    wanted = [guest.content(0), guest.content(1)]
    job = t.backup(policy_for(t, [guest]))
    expect_equal(job["state"], "successful", f"state: {job['reason']}")

    copy = t.name("guest-copy")
    t.later(lambda: (virsh(t, "destroy", copy, check=False), virsh(t, "undefine", copy, check=False)))
    done = restore_guest(t, job, f"{guest.name}={copy}", "--start")
    expect_in(f'guest "{guest.name}" as "{copy}" of archive {job["archive"]} was restored and started', done["reason"])
    expect_equal(virsh(t, "domstate", copy).out.strip(), "running", "state of the copy")
    for disk, form in enumerate(guest.formats):
        path = f"{IMAGES}/{copy}-{target(disk)}.{form}"
        expect_in(path, virsh(t, "domblklist", copy).out)
        expect_equal(content(t, path, form), wanted[disk], f"disk {disk} of the copy")
    used, size = t.lab.hyper.sh('stat -c "%b %s" "$1"', f"{IMAGES}/{copy}-vdb.raw").split()
    expect(int(used) * 512 < int(size) // 4, "a raw disk is sparse")

    said = restore_guest(t, job, guest.name, status=7)["reason"]
    expect_in([f'guest "{guest.name}" exists', "--conflict overwrite", f"{guest.name}=NEWNAME"], said)
    said = restore_guest(t, job, guest.name, "--conflict", "overwrite", status=7)["reason"]
    expect_in(["is running", "shut off"], said)
    expect_equal([guest.content(0), guest.content(1)], wanted, "the guest's own disks")
    virsh(t, "destroy", guest.name)
    guest.write(0, 10, "66")
    guest.write(1, 0, "67")
    restore_guest(t, job, guest.name, "--conflict", "overwrite", "--dry-run")
    expect(guest.content(0) != wanted[0], "a dry run writes nothing")
    restore_guest(t, job, guest.name, "--conflict", "overwrite", "--start")
    expect_equal([guest.content(0), guest.content(1)], wanted, "the disks")
    guest.expect_untouched()

    folder = f"/srv/{t.prefix}"
    t.later(t.lab.hyper.run, "rm", "-rf", folder)
    virsh(t, "destroy", guest.name)
    virsh(t, "undefine", guest.name)
    restore_guest(t, job, guest.name, "--directory", folder)
    expect_equal(guest.state(), "shut off", "the guest is defined, and was not to be started")
    for disk in (0, 1):
        path = guest.path(disk).replace(IMAGES, folder)
        expect_in(path, virsh(t, "domblklist", guest.name).out)
        expect_equal(content(t, path, guest.formats[disk]), wanted[disk], f"disk {disk} in the folder")
    expect_in(f'guest "nobody" is not in archive {job["archive"]}', restore_guest(t, job, "nobody", status=7)["reason"])
    expect_equal(t.lab.hyper.sh('ls "$1" "$2" | grep cyborg-restore || :', IMAGES, folder), "", "what is left of a restore")


@test("a restore of a guest that is canceled leaves the guest as it was", needs=("hyper",))
def restore_canceled(t):
    guest = Guest(t, formats=("qcow2",), megabytes=150, on=False, full=0)
    job = t.backup(policy_for(t, [guest]))
    guest.write(0, 5, "66")
    now = guest.content(0)
    number = t.json("restore", job["archive"], "--guest", guest.name, "--conflict", "overwrite")["jobs"][-1]
    wait_for(lambda: t.lab.hyper.sh('ls "$1" | grep -F "$2" | grep cyborg-restore || :', IMAGES, guest.name), 60, "a disk is written")
    t.ctl("job", "cancel", str(number))
    expect_equal(t.ended(number)["state"], "canceled", "state")
    wait_for(lambda: not t.lab.hyper.sh('ls "$1" | grep -F "$2" | grep cyborg-restore || :', IMAGES, guest.name), 60, "nothing is left")
    expect_equal(guest.content(0), now, "the disk")
