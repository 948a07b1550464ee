# SPDX-License-Identifier: GPL-3.0-or-later
"""Each type of policy: backed up, changed, backed up again, pruned, and what comes back is compared.

A subject is what a policy backs up on a machine: how it is made, changed, looked at, and looked at in what was
restored. What else each type has to do well is in restore_test, database_test and guests_test.
"""

import json

import byhand
import guests_test
import trees
from database_test import make_mysql, make_postgresql, psql, quoted, rows_of_mysql, rows_of_postgresql, sql
from suite import expect, expect_equal, test


def brought_back(subject, job, *paths):
    """The directory with the contents of an archive."""
    target = f"/restored/{subject.t.prefix}-{job['id']}"
    subject.machine.run("rm", "-rf", target)
    subject.t.later(subject.machine.run, "rm", "-rf", target)
    subject.t.restore(job["archive"], job["client"], target, *paths)
    return target


class Files:
    """A difficult tree of files somewhere in what the policy reads."""

    def __init__(self, t, machine, folder, *options, whole=True):
        self.t, self.machine, self.folder, self.options = t, machine, folder, options
        self.paths = [] if whole else [folder]
        trees.make_odd_tree(machine, folder)
        t.later(machine.run, "rm", "-rf", folder)

    def change(self):
        self.machine.sh('cd "$1" && rm sparse && mv plain renamed && printf more >>random && setfattr -x user.color attributes', self.folder)

    def state(self):
        return trees.listing(self.machine, self.folder)

    def restored(self, job):
        target = brought_back(self, job, *self.paths)
        return trees.listing(self.machine, target + self.folder)


class Mail(Files):
    """Other tests move the whole of /var/mail away on web; none does on db."""

    def __init__(self, t, machine):
        super().__init__(t, machine, f"/var/mail/{t.prefix}")


class Database:
    def __init__(self, t, machine, make, rows, ask, mark):
        self.t, self.machine, self.rows, self.ask, self.mark = t, machine, rows, ask, mark
        self.name = t.name("shop")
        make(t, machine, self.name)
        self.options = ("--var", f"database={self.name}")

    def change(self):
        self.ask(self.machine, "delete from item where n < 100; insert into item values (1000000, 'new')", self.name)

    def state(self):
        return self.rows(self.machine, self.name)

    def restored(self, job):
        copy = self.t.name(f"copy-{job['id']}")
        drop = f"drop database if exists {quoted(copy, self.mark)}"
        self.t.later(self.ask, self.machine, drop)
        self.ask(self.machine, drop)
        self.t.ctl("restore", job["archive"], "--database", f"{self.name}={copy}", "--wait")
        return self.rows(self.machine, copy)


class Output:
    """The output of a command, or of a stand-in for one."""

    def __init__(self, t, machine, path, *options):
        self.t, self.machine, self.path, self.options = t, machine, path, options
        self.source = f"/srv/{t.prefix}"
        machine.sh('seq 100000 >"$1"', self.source)
        t.later(machine.run, "rm", "-f", self.source)

    def change(self):
        self.machine.sh('sed -i 1d "$1"; echo more >>"$1"', self.source)

    def state(self):
        return self.machine.sh('md5sum <"$1"', self.source)

    def restored(self, job):
        return self.machine.sh('md5sum <"$1"', f"{brought_back(self, job)}/{self.path}")


def proxmox(t):
    for name, script in {"qm": "printf ' VMID NAME STATUS MEM(MB) BOOTDISK(GB) PID\\n 100 web running 2048 32.00 4711\\n'",
                         "pct": "exit 0", "vzdump": f"cat /srv/{t.prefix}"}.items():
        t.db.sh('cat >"$1"; chmod 755 "$1"', f"/usr/local/sbin/{name}", data=f"#!/bin/sh\n{script}\n")
        t.later(t.db.run, "rm", "-f", f"/usr/local/sbin/{name}")
    return Output(t, t.db, "proxmox/vzdump-qemu-100.vma", "--var", "guests=100")


class Guest:
    def __init__(self, t):
        self.t, self.machine = t, t.lab.hyper
        self.guest = guests_test.Guest(t, megabytes=4)
        self.options = ("--var", f"guests={self.guest.name}")

    def change(self):
        self.guest.write(0, 3, "42")
        self.guest.write(1, 1, "43")

    def state(self):
        return [self.guest.content(disk) for disk in (0, 1)]

    def restored(self, job):
        folder = brought_back(self, job)
        return [guests_test.content(self.t, f"{folder}/vm/{self.guest.name}/{guests_test.target(disk)}.img") for disk in (0, 1)]


# Most of a system is the same as elsewhere, and is restored elsewhere.
MOST = [word for path in ("/usr", "/var", "/restored", "/srv", "/boot", "/opt") for word in ("--exclude", path)]
SUBJECTS = {
    "rootfs": lambda t: Files(t, t.db, f"/data-{t.prefix}", *MOST, whole=False),
    # Other tests compare all of /etc of web and of db while this runs.
    "config": lambda t: Files(t, t.server, f"/etc/{t.prefix}", whole=False),
    "mail": lambda t: Mail(t, t.db),
    "folders": lambda t: Files(t, t.web, f"/srv/{t.prefix}", "--var", f"folders=/srv/{t.prefix}"),
    "mysql": lambda t: Database(t, t.web, make_mysql, rows_of_mysql, sql, "`"),
    "postgresql": lambda t: Database(t, t.db, make_postgresql, rows_of_postgresql, psql, '"'),
    "piped": lambda t: Output(t, t.web, "out.txt", "--var", f"command=cat /srv/{t.prefix}", "--var", "filename=out.txt"),
    "proxmox": proxmox,
    "vm": Guest,
}


def cycle(t, kind):
    subject = SUBJECTS[kind](t)
    repository, client = t.repository("server"), t.client(subject.machine.name)
    policy = t.policy(kind, repository, client, *subject.options)

    def backup():
        job = t.backup(policy)
        expect_equal(job["state"], "successful", f"state of the backup: {job['reason']}")
        return job, subject.state()
    first, before = backup()
    subject.change()
    second, after = backup()
    expect(before != after, "the change is one")
    for job, wanted in ((first, before), (second, after)):
        expect_equal(subject.restored(job), wanted, f"what came back of {job['archive']}")

    t.ctl("policy", "set", policy, "keep_last=1")
    t.ctl("policy", "prune", policy, "--wait")
    expect_equal([one["name"] for one in t.json("archive", "list", "--policy", policy)], [second["archive"]], "archives")
    expect_equal(byhand.archives(t, *byhand.opened(t, repository, client)), {second["archive"]}, "what borg lists")
    t.refused(["restore", first["archive"], "--to", f"{client}:/restored/gone"], 5, first["archive"])
    expect_equal(subject.restored(second), after, "what came back after the prune")


def declare(kind):
    def one(t):
        cycle(t, kind)
    test(f"{kind}: backed up, changed, backed up again, pruned and restored", needs=("hyper",) if kind == "vm" else ())(one)


for each in SUBJECTS:
    declare(each)
