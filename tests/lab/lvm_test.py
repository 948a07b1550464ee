# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups from snapshots of logical volumes: real ones, on a client with a kernel of its own (virtual.py)."""

import functools
import json

from suite import expect, expect_equal, expect_in, test
from virtual import CLIENT, Guest

# Without KVM the guest is slow: tests share as much as possible.
guest_test = functools.partial(test, slow=True, needs=("hyper",), turns="guest")


class Volume:
    """A mounted file system on a logical volume of the guest."""

    def __init__(self, t, guest, name="volume", megabytes=48, make="mkfs.ext4 -E nodiscard", pool=""):
        self.t = t
        self.guest = guest
        self.name = f"{t.prefix}-{name}"
        self.path = f"/srv/{t.prefix} {name}"
        how = f'-T "system/{pool}" -V' if pool else "system -L"
        # A thin volume of which every block has been written once.
        fill = '! dd if=/dev/zero of="/dev/system/$1" bs=1M 2>/dev/null' if pool else ":"
        t.later(self.remove)
        guest.sh(f'lvcreate -q -y -W y {how} {megabytes}M -n "$1" && {{ {fill}; }} && {make} -q "/dev/system/$1" && '
                 'mkdir "$2" && mount "/dev/system/$1" "$2"', self.name, self.path)

    def remove(self):
        self.guest.sh('! mountpoint -q "$2" || umount "$2"; rmdir "$2"; lvremove -q -y "system/$1"', self.name, self.path)

    def mount(self):
        self.guest.run("mount", f"/dev/system/{self.name}", self.path)

    def write(self, name, text):
        self.guest.sh('printf %s "$2" >"$1"', f"{self.path}/{name}", text)

    def fill(self, megabytes):
        self.guest.sh('head -c "$2M" /dev/urandom >"$1/big"', self.path, str(megabytes))


def boot(t):
    guest = Guest(t.lab).up()
    t.later(lambda: guest.sh("rm -rf /restored; rm -f /root/*.json"))
    return guest


def snapshots(guest):
    return guest.sh("lvs --noheadings -o lv_name -S 'lv_name=~^cyborg-'").split()


def expect_clean(guest):
    # A single command that waits, since polling would take the machine's time.
    guest.sh('for i in $(seq 60); do ls /dev/mapper | grep -q cyborg || break; sleep 1; done')
    expect_equal(snapshots(guest), [], "snapshots that are left")
    mounts = guest.sh("cat /proc/1/mountinfo")
    expect("/var/lib/cyborg-client" not in mounts, f"nobody sees a mount: {mounts}")
    expect_equal(guest.sh("dmsetup ls | grep -c cyborg || :").strip(), "0", "devices that are left")


def expect_no_archive(t, policy):
    """There is no archive that cyborgd knows, and none in the repository."""
    expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")
    repository = t.json("policy", "show", policy)["repositories"][0]
    expect_equal(t.json("repository", "archives", repository), [], "archives in the repository")


def policy_for(t, folders, suffix="policy", limit=1024, **values):
    name = f"/root/{t.name(suffix)}.json"
    t.server.sh('cat >"$1"', name, data=json.dumps({"folders": folders, "snapshot": "auto", **values}))
    t.later(t.server.run, "rm", "-f", name)
    policy = t.policy("folders", t.repository("server", suffix=f"-{suffix}"), CLIENT, "--vars", name, suffix=suffix)
    t.ctl("policy", "set", policy, f"upload_limit={limit}")
    return policy


def start(t, guest, policy):
    """Starts a backup; returns its number and its snapshots once it sends data."""
    number = t.start(policy)
    t.sends_data(number)
    made = snapshots(guest)
    expect(made, "snapshots while it runs")
    return number, made


def log(t, job):
    return t.ctl("job", "log", str(job["id"])).out


def succeeds(t, job):
    expect_equal(job["state"], "successful", f"state of the backup ({job['reason']})")
    return job


@guest_test("files on logical volumes that change meanwhile are as they were: XFS, thin and the root's; nothing is left")
def consistent(t):
    guest = boot(t)
    t.later(guest.run, "lvremove", "-q", "-y", f"system/{t.prefix}-pool")
    guest.run("lvcreate", "-q", "-y", "-T", "-L", "80M", f"system/{t.prefix}-pool")
    thick = Volume(t, guest, "thick", 320, "mkfs.xfs")
    thin = Volume(t, guest, "thin", 40, pool=f"{t.prefix}-pool")
    root = f"/opt/{t.prefix}"
    guest.sh('mkdir "$1"; echo before >"$1/file"', root)
    t.later(guest.run, "rm", "-r", root)
    for volume in (thick, thin):
        volume.write("file", "before")
    guest.sh('head -c 8M /dev/urandom >"$1/0"', thick.path)
    before = guest.sh('md5sum <"$1/0"', thick.path)
    policy = policy_for(t, [thick.path, thin.path, root])
    number, made = start(t, guest, policy)
    expect_equal(len(made), 3, f"snapshots {made}")
    guest.sh('for d; do echo "after, and longer" >"$d/file"; echo new >"$d/new"; done', thick.path, thin.path, root)
    job = succeeds(t, t.ended(number))
    expect_clean(guest)
    expect_in([f"reading {path} from a snapshot (lvm)" for path in (thick.path, thin.path, "/")], log(t, job))
    t.restore(job["archive"], CLIENT, "/restored")
    found = guest.sh('cd /restored && find . -type f | sort && cat "./$1/file" "./$2/file" "./$3/file" && md5sum <"./$1/0"', thick.path,
                     thin.path, root)
    files = [f".{root}/file", f".{thick.path}/0", f".{thick.path}/file", f".{thin.path}/file"]
    expect_equal(found, "\n".join(files) + "\nbeforebeforebefore\n" + before, "what came back")


@guest_test("a logical volume's snapshot is gone after a cancel, a borg that was killed, and a connection that was cut")
def interrupted(t):
    guest = boot(t)
    volume = Volume(t, guest)
    volume.fill(24)
    policy = policy_for(t, [volume.path])
    number, _ = start(t, guest, policy)
    t.ctl("job", "cancel", str(number), "--wait")
    expect_equal(t.job(number)["state"], "canceled", "state of the canceled job")
    expect_clean(guest)
    number, _ = start(t, guest, policy)
    guest.run("pkill", "-KILL", "-f", f"^[^ ]*python.* .*borg .*create.*{policy}")
    expect_equal(t.ended(number)["state"], "failed", "state of the job whose borg was killed")
    expect_clean(guest)
    number, _ = start(t, guest, policy)
    # The sshd of this connection is an ancestor of its borg.
    guest.sh('p=$(pgrep -o -f "borg .*create.*$1"); until grep -q "^sshd" /proc/$p/comm; do '
             'p=$(awk "{ print \\$4 }" /proc/$p/stat); done; kill -KILL "$p"', policy)
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "connection-lost"), f"end of the job ({job['reason']})")
    expect_clean(guest)


@guest_test("what a killed script, or a power loss, has left of a logical volume's snapshot is removed by the next backup")
def left_over(t):
    guest = boot(t)
    volume = Volume(t, guest)
    volume.fill(24)
    volume.write("kept", "1")
    guest.run("sync")
    policy = policy_for(t, [volume.path])
    number, killed = start(t, guest, policy)
    # All are stopped first: a script that outlives its borg by a moment would clean up.
    for signal in ("-STOP", "-KILL"):
        guest.run("pkill", signal, "-f", f"borg .*create.*{policy}")
    expect_equal(t.ended(number)["state"], "failed", "state of the job whose script was killed")
    expect_equal(snapshots(guest), killed, "what is left")
    number, made = start(t, guest, policy)
    expect_in(f"removed snapshot {killed[0]}, which an interrupted backup had left", log(t, t.job(number)))
    guest.power_off()
    guest.boot()
    expect_equal(t.ended(number)["state"], "failed", "state of the job whose client lost its power")
    expect_equal(snapshots(guest), made, "what is left")
    volume.mount()
    volume.write("big", "")
    # borg's cache was in use as well, and not synced: without a new one, no backup would work any more.
    job = succeeds(t, t.backup(policy))
    expect_in([f"removed snapshot {made[0]}, which an interrupted backup had left", "/.cache/borg/"], log(t, job))
    expect_clean(guest)
    t.restore(job["archive"], CLIENT, "/restored")
    expect_equal(guest.sh('cat "/restored/$1/kept"', volume.path), "1", "what came back")


@guest_test("a logical volume's snapshot that fills up, or has no room, fails the backup with the reason, and there is no archive")
def no_room(t):
    guest = boot(t)
    volume = Volume(t, guest)
    volume.fill(16)
    policy = policy_for(t, [volume.path])
    number, _ = start(t, guest, policy)
    guest.sh('dd if=/dev/zero of="$1/big" bs=1M count=16 conv=notrunc,fsync 2>/dev/null', volume.path)
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "snapshot-full"), f"end of the backup ({job['reason']})")
    expect_in([f"the snapshot of system/{volume.name} on {CLIENT} was full", "snapshot_size"], job["reason"])
    expect_no_archive(t, policy)
    expect_clean(guest)
    guest.run("lvcreate", "-q", "-y", "-l", "100%FREE", "-n", f"{t.prefix}-rest", "system")
    t.later(guest.run, "lvremove", "-q", "-y", f"system/{t.prefix}-rest")
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "snapshot-failed"), f"end of the backup ({job['reason']})")
    expect_in([f"no snapshot of {volume.path} on {CLIENT} could be made: ", "Insufficient suitable allocatable extents"], job["reason"])
    expect_no_archive(t, policy)
    expect_clean(guest)
