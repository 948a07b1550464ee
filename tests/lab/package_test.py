# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the packages: as Debian policy requires, and never with a backup."""

from suite import expect, expect_equal, expect_in, test


@test("remove keeps the configuration, purge also the backups and what opens them", alone=True)
def removal(t):
    schedule = t.name("schedule")
    t.ctl("schedule", "add", schedule, "@yearly")
    policy = t.policy("config", t.repository("server"), t.client("web"), "--schedule", schedule)
    t.backup(policy)
    path = t.json("archive", "list", "--policy", policy)[0]["borg_repository"]
    # Later tests need the packages.
    t.later(lambda: t.server.sh("cd /root/packages && apt-get install -y ./*.deb"))
    t.server.run("apt-get", "remove", "-y", "cyborgd", "cyborgctl")
    t.server.run("test", "-e", "/etc/cyborg/cyborgd.conf")
    t.server.run("test", "-e", f"{path}/config")
    expect_equal(t.server.run("systemctl", "is-active", "cyborgd", check=False).out, "inactive\n", "state of cyborgd")
    expect(f"cyborg-policy@{policy}" not in t.server.run("systemctl", "list-timers", "--all").out, "no timer is left")
    purged = t.server.run("apt-get", "purge", "-y", "cyborgd", "cyborgctl")
    expect_in(["cyborgd: kept:", "/etc/cyborg/seal-key.cred"], purged.out + purged.err)
    t.server.run("test", "-e", f"{path}/config")
    t.server.run("test", "-e", "/etc/cyborg/seal-key.cred")
    expect_equal(t.server.run("ls", "/etc/cyborg").out, "seal-key.cred\n", "what is left of the configuration")
    # After being installed again, it knows and decrypts everything that it had.
    t.server.sh("cd /root/packages && apt-get install -y ./*.deb")
    expect_equal(t.backup(policy)["state"], "successful", "state of a backup after it was installed again")
