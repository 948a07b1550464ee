# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups from snapshots, on btrfs in a loop device. The host's kernel need not have LVM or ZFS: lvm_test.py boots one
with LVM; for ZFS see the unit tests."""

import json

from machines import wait_for
from suite import expect, expect_equal, expect_in, test

# A container has no devices of its own: the two that this needs are created in it. The loop device disappears
# with its mount.
_MAKE = """
# Another test may make them at the same moment.
node() { [ -e "$1" ] || mknod "$@" 2>/dev/null || [ -e "$1" ]; }
node /dev/loop-control c 10 237
node /dev/btrfs-control c 10 234
for n in $(seq 0 63); do node /dev/loop$n b 7 $n; done
truncate -s 300M "$1.img"
mkfs.btrfs -q "$1.img"
mkdir "$1"
mount -o loop "$1.img" "$1"
"""
_REMOVE = 'umount "$1" && rmdir "$1" && rm "$1.img"'


class Disk:
    """A file system on a machine, and a client and policies that back it up."""

    def __init__(self, t, machine, *options, suffix=""):
        self.t = t
        self.machine = machine
        self.path = f"/srv/{t.prefix} disk{suffix}"
        machine.sh(_MAKE, self.path)
        t.later(machine.sh, _REMOVE, self.path)
        self.client = t.client(machine.name, *options, suffix=suffix)
        self.suffix = suffix

    def policy(self, folder="", **values):
        variables = json.dumps({"folders": [self.path + folder], "snapshot": "auto", **values})
        return self.t.policy("folders", self.t.repository("server", suffix=self.suffix), self.client, "--vars",
                             self.file(variables), suffix=f"policy{self.suffix}")

    def file(self, text):
        name = f"/root/{self.client}.json"
        self.t.server.sh('cat >"$1"', name, data=text)
        self.t.later(self.t.server.run, "rm", "-f", name)
        return name

    def write(self, name, text):
        self.machine.sh('mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"', f"{self.path}/{name}", text)

    def snapshots(self):
        return self.machine.sh('btrfs subvolume list "$1" | sed -n "s/.* path \\(cyborg-.*\\)/\\1/p"', self.path).split()

    def expect_clean(self, seconds=60):
        wait_for(lambda: not self.snapshots(), seconds, "the snapshots are gone")
        mounts = self.machine.sh("cat /proc/1/mountinfo")
        expect("/var/lib/cyborg-client" not in mounts, f"nobody sees a mount: {mounts}")

    def log(self, job):
        return self.t.ctl("job", "log", str(job["id"])).out


def slow(t, disk):
    """Starts a backup that runs until it is told otherwise; returns its job once it sends data from snapshots."""
    disk.machine.sh('head -c 60M /dev/urandom >"$1/big"', disk.path)
    policy = disk.policy()
    t.ctl("policy", "set", policy, "upload_limit=1024")
    number = t.start(policy)
    t.sends_data(number)
    expect(disk.snapshots(), "snapshots while it runs")
    return policy, number


def next_works(t, disk, policy):
    disk.machine.sh('echo small >"$1/big"', disk.path)
    t.ctl("policy", "set", policy, "upload_limit=0")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state of the next backup ({job['reason']})")
    return job


@test("files that change meanwhile are as they were, subvolumes included; nothing is left")
def consistent(t):
    disk = Disk(t, t.web)
    disk.write("a file", "before")
    t.web.sh('btrfs -q subvolume create "$1/inner vol"; btrfs -q subvolume create "$1/inner vol/deep"', disk.path)
    disk.write("inner vol/deep/file", "before")
    # borg reads the first file slowly, and the files behind it change before it reaches them.
    t.web.sh('head -c 12M /dev/urandom >"$1/0"', disk.path)
    policy = disk.policy()
    t.ctl("policy", "set", policy, "upload_limit=1024")
    number = t.start(policy)
    t.sends_data(number)
    disk.write("a file", "after, and longer")
    disk.write("inner vol/deep/file", "after, and longer")
    disk.write("new", "after")
    job = t.ended(number)
    expect_equal(job["state"], "successful", f"state of the backup ({job['reason']})")
    expect_in([f"reading {disk.path} from a snapshot (btrfs)", f"{disk.path}/inner vol/deep from"], disk.log(job))
    disk.expect_clean()
    target = f"/restored/{t.prefix}"
    t.restore(job["archive"], disk.client, target)
    found = t.web.sh('cd "$1" && find . -type f | sort && cat "./a file" "inner vol/deep/file"', target + disk.path)
    expect_equal(found, "./0\n./a file\n./inner vol/deep/file\nbeforebefore", "what came back")
    # The second backup finds the files under the same paths, unchanged.
    t.ctl("policy", "set", policy, "upload_limit=0")
    second = t.backup(policy)
    sizes = {a["job"]: a["deduplicated_size"] for a in t.json("archive", "list", "--policy", policy)}
    expect(sizes[second["id"]] < 100_000, f"only what has changed is read again: {sizes}")


@test("a snapshot as a user with sudo; folders elsewhere are read as they are, and the log says so")
def with_sudo(t):
    disk = Disk(t, t.web, "--user", "admin")
    disk.write("f", "1")
    policy = disk.policy()
    t.ctl("policy", "set", policy, f"var.folders={json.dumps([disk.path, '/etc/apt'])}")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state of the backup ({job['reason']})")
    expect_in(f"reading {disk.path} from a snapshot", disk.log(job))
    t.restore(job["archive"], disk.client, f"/restored/{t.prefix}")
    t.web.run("test", "-e", f"/restored/{t.prefix}/etc/apt/sources.list.d/lab.list")
    t.ctl("policy", "set", policy, 'var.folders=["/etc/apt"]')
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state of the backup ({job['reason']})")
    expect_in("none of the folders lies on btrfs, LVM or ZFS", disk.log(job))
    disk.expect_clean()


@test("the snapshot is gone after a cancel, and after a borg that was killed", slow=True)
def interrupted(t):
    disk = Disk(t, t.db)
    policy, number = slow(t, disk)
    t.ctl("job", "cancel", str(number), "--wait")
    expect_equal(t.job(number)["state"], "canceled", "state of the canceled job")
    disk.expect_clean(5)
    number = t.start(policy)
    t.sends_data(number)
    expect(disk.snapshots(), "snapshots while it runs")
    t.db.run("pkill", "-KILL", "-f", f"^[^ ]*python.* .*borg .*create.*{policy}")
    expect_equal(t.ended(number)["state"], "failed", "state of the job whose borg was killed")
    disk.expect_clean(5)
    next_works(t, disk, policy)


@test("the snapshot is gone after the connection was cut", slow=True)
def cut(t):
    disk = Disk(t, t.lab.client3)
    policy, number = slow(t, disk)
    # The sshd of this connection is an ancestor of its borg.
    disk.machine.sh('p=$(pgrep -o -f "borg .*create.*$1"); until grep -q "^sshd" /proc/$p/comm; do '
                    'p=$(awk "{ print \\$4 }" /proc/$p/stat); done; kill -KILL "$p"', policy)
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "connection-lost"), f"end of the job ({job['reason']})")
    disk.expect_clean(30)
    next_works(t, disk, policy)


# Alone, as any preparation of this machine would do it.
@test("what a killed script has left is removed by the next backup, or by a preparation", alone=True)
def left_over(t):
    disk = Disk(t, t.web)
    policy, number = slow(t, disk)
    # The script has borg's command line in its own. All are stopped first: a script that outlives
    # its borg by a moment would clean up.
    for signal in ("-STOP", "-KILL"):
        t.web.run("pkill", signal, "-f", f"borg .*create.*{policy}")
    t.ended(number)
    left = disk.snapshots()
    expect(left, "a snapshot that was left")
    job = next_works(t, disk, policy)
    expect_in(f"removed snapshot {left[0]}, which an interrupted backup had left", disk.log(job))
    disk.expect_clean(1)
    # A snapshot of a script that no longer runs.
    t.web.sh('btrfs -q subvolume snapshot -r "$1" "$1/cyborg-999999999-abcd-1"', disk.path)
    prepared = t.json("client", "prepare", disk.client, "--wait")
    expect_in("removed snapshot cyborg-999999999-abcd-1", disk.log(t.last(prepared["jobs"], "prepare-client")))
    disk.expect_clean(1)


@test("a snapshot that cannot be made fails the job, and says why")
def impossible(t):
    disk = Disk(t, t.db)
    policy = disk.policy()
    # As in a container that was given the mount, but not its device.
    device = t.db.sh('findmnt -n -v -o SOURCE "$1"', disk.path).strip()
    t.db.run("mv", device, f"{device}.away")
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "snapshot-failed"), f"end of the backup ({job['reason']})")
    expect_in([f"no snapshot of {disk.path} on {disk.client} could be made: mount: ", f"{device} does not exist"], job["reason"])
    expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")
    t.db.run("mv", f"{device}.away", device)
    disk.write("f", "1")
    expect_equal(t.backup(policy)["state"], "successful", "state of the next backup")
    disk.expect_clean()


@test("no snapshot on the server itself: refused when it is asked for")
def local(t):
    here = t.client("server", "--local")
    t.refused(["policy", "add", t.name("p"), "--type", "config", "--repository", t.repository("server"), "--client",
               here, "--var", "snapshot=auto"], 2, "is the server itself, whose jobs may neither mount nor make")


@test("variables that leave something out of files, and of single clients", quick=True)
def leave_out(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1"/{keep,tagged,cache,other}; touch "$1"/{keep/a.tmp,keep/b.tmp,keep/c,tagged/.nobackup,tagged/x}; '
             'echo "Signature: 8a477f597d28d172789f06886806bc55" >"$1/cache/CACHEDIR.TAG"; touch "$1"/{cache,other}/y', source)
    t.later(t.web.run, "rm", "-rf", source)
    client = t.client("web")
    policy = t.policy("folders", t.repository("server"), client, "--var", f'folders=["{source}"]', "--var",
                      f'patterns=["+ {source}/keep/a.tmp"]', "--var", 'exclude=["*.tmp"]', "--var",
                      'exclude_if_present=[".nobackup"]', "--var", "exclude_caches=true")
    job = t.backup(policy)
    t.restore(job["archive"], client, f"/restored/{t.prefix}")
    find = 'cd "$1" && find . -type f | sort'
    expect_equal(t.web.sh(find, f"/restored/{t.prefix}{source}").split(), ["./keep/a.tmp", "./keep/c", "./other/y"],
                 "what came back")
    own = json.dumps({client: [f"{source}/other"]})
    t.ctl("policy", "set", policy, f"var.extended_folders={own}")
    job = t.backup(policy)
    t.restore(job["archive"], client, f"/restored/{t.prefix}-own")
    expect_equal(t.web.sh(find, f"/restored/{t.prefix}-own{source}").split(), ["./other/y"], "what came back of its own")
    t.refused(["policy", "set", policy, 'var.extended_folders={"other":["/a"]}'], 2,
              'extended_folders "other": expected a client of the policy')
    t.refused(["policy", "set", policy, "var.patterns=xy"], 2, 'patterns "xy": expected "+ PATTERN"')
