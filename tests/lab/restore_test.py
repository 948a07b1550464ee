# SPDX-License-Identifier: GPL-3.0-or-later
"""Every policy type, every kind of client and every location of a repository: the same bytes are restored."""

import trees
from suite import expect, expect_equal, test


def _backup_and_restore(t, policy, client, directory="/restored"):
    """Returns the directory to which the archive was restored."""
    job = t.backup(policy)
    expect_equal(job["state"], "successful", "state of the backup")
    target = f"{directory}/{t.prefix}"
    t.restore(job["archive"], client, target)
    return target


def _odd_tree_comes_back(t, machine, client, repository):
    # Two clients can be the same machine.
    source = f"/srv/{client}"
    trees.make_odd_tree(machine, source)
    policy = t.policy("folders", repository, client, "--var", f"folders={source}", suffix=f"of-{client}")
    target = _backup_and_restore(t, policy, client)
    count = trees.expect_same(machine, source, f"{target}{source}")
    expect(count >= 25, f"the whole tree was compared, not {count} files")


@test("a client as root over ssh, repository on the server", core=True, quick=True)
def over_ssh(t):
    _odd_tree_comes_back(t, t.web, t.client("web"), t.repository("server"))


@test("a client of the newer Debian over ssh, repository on another host", core=True, quick=True)
def over_ssh_to_vault(t):
    _odd_tree_comes_back(t, t.db, t.client("db"), t.repository("vault"))


@test("the server itself, without ssh, repository on the server", core=True, quick=True)
def local(t):
    _odd_tree_comes_back(t, t.server, t.client("server"), t.repository("server"))


@test("the server itself, without ssh, repository on another host", core=True)
def local_to_vault(t):
    _odd_tree_comes_back(t, t.server, t.client("server"), t.repository("vault"))


@test("a user with sudo instead of root", core=True, quick=True)
def sudo(t):
    _odd_tree_comes_back(t, t.web, t.client("web", "--user", "admin"), t.repository("vault"))


@test("another port than 22")
def port(t):
    start_sshd(t, t.web, 2222)
    _odd_tree_comes_back(t, t.web, t.client("web", "--port", "2222"), t.repository("server"))


@test("through a jump host, with a repository that only the server reaches")
def jump(t):
    _odd_tree_comes_back(t, t.db, t.client("db", "--jump", "root@web"), t.repository("vault"))


@test("config is /etc", core=True)
def config(t):
    client = t.client("web")
    policy = t.policy("config", t.repository("vault"), client, "--exclude", "/etc/hostname")
    target = _backup_and_restore(t, policy, client)
    trees.expect_same(t.web, "/etc", f"{target}/etc", ["/etc/hostname"])


@test("mail is the mail directories that exist, and a failure where none does", core=True)
def mail(t):
    client = t.client("web")
    t.web.sh("rm -rf /var/lib/mail; mkdir -p /var/mail; printf 'From: a' >/var/mail/admin; chown admin:mail /var/mail/admin")
    policy = t.policy("mail", t.repository("vault"), client)
    target = _backup_and_restore(t, policy, client)
    trees.expect_same(t.web, "/var/mail", f"{target}/var/mail")
    t.web.run("mv", "/var/mail", "/var/mail.away")
    t.later(t.web.run, "mv", "/var/mail.away", "/var/mail")
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "source-missing"), "backup without any mail")


@test("rootfs is everything but what is excluded", core=True)
def rootfs(t):
    client = t.client("db")
    # Most of a system is the same as elsewhere; /var changes while it is compared.
    leave_out = ["/usr", "/var", "/restored", "/srv", "/boot"]
    excludes = [word for path in leave_out for word in ("--exclude", path)]
    t.db.sh("mkdir -p /data /tmp; printf x >/data/rootfs; printf scratch >/tmp/scratch; setfattr -n user.a -v b /data/rootfs")
    policy = t.policy("rootfs", t.repository("server"), client, *excludes)
    target = _backup_and_restore(t, policy, client)
    # /root contains a cache of borg, and the top directory itself is the target.
    for directory in ("/etc", "/data", "/home"):
        trees.expect_same(t.db, directory, target + directory)
    left_out = t.db.sh('cd "$1"; for d in usr var proc/1 sys/kernel dev/null run/systemd tmp/scratch; do [ ! -e "$d" ] || echo "$d"; done', target)
    expect_equal(left_out, "", "what should not have been backed up")


@test("some paths of an archive")
def some_paths(t):
    trees.make_odd_tree(t.web, f"/srv/{t.prefix}")
    policy = t.folders(f"/srv/{t.prefix}")
    job = t.backup(policy)
    t.restore(job["archive"], job["client"], f"/restored/{t.prefix}", f"/srv/{t.prefix}/with space",
              f"srv/{t.prefix}/sub")
    found = t.web.sh('cd "$1" && find . -mindepth 3 | LC_ALL=C sort', f"/restored/{t.prefix}").split("\n")
    expect_equal([path for path in found if path], [f"./srv/{t.prefix}/sub", f"./srv/{t.prefix}/sub/empty",
                 f"./srv/{t.prefix}/sub/hard-link", f"./srv/{t.prefix}/with space"], "what was restored")


@test("a restore in place, over files that were changed", quick=True)
def in_place(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir "$1"; echo good >"$1/file"', source)
    job = t.backup(t.folders(source))
    t.web.sh('echo bad >"$1/file"', source)
    t.ctl("restore", job["archive"], source, "--in-place", "--wait")
    expect_equal(t.web.sh('cat "$1/file"', source), "good\n", "the file")


def start_sshd(t, machine, number, *options):
    """Another sshd on a machine, with a host key of its own."""
    unit, key = f"sshd-{number}", f"/etc/ssh/key-{number}"
    machine.sh('[ -e "$1" ] || ssh-keygen -q -t ed25519 -N "" -f "$1"', key)
    machine.run("systemd-run", "-q", "--collect", f"--unit={unit}", "/usr/sbin/sshd", "-D", "-e", "-p", str(number),
                "-o", f"HostKey={key}", "-o", "PidFile=none", *(word for o in options for word in ("-o", o)))
    t.later(lambda: machine.run("systemctl", "stop", unit, check=False))
