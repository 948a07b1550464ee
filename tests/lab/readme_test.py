# SPDX-License-Identifier: GPL-3.0-or-later
"""README's first steps: every command of these sections, exactly as written there, on a machine like a user's."""

import re

import trees
from machines import ROOT
from suite import expect, expect_equal, expect_in, test

# Runs $1 in a shell on a terminal, types the line on standard input as soon as a password is asked for, and prints
# what the terminal shows.
_ON_A_TERMINAL = r"""
import os, pty, sys
password, shown = sys.stdin.buffer.readline(), b""
pid, terminal = pty.fork()
if pid == 0: os.execvp("bash", ["bash", "-c", sys.argv[1]])
while True:
    try: some = os.read(terminal, 4096)
    except OSError: break
    if not some: break
    shown += some
    if password and b"Password of " in shown:
        os.write(terminal, password)
        password = b""
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


_TIMERS = ("cyborg-report@daily.timer", "cyborg-alert.timer", "cyborg-metrics.timer")


def _commands_of(title):
    """The commands of the section, in its order, from its blocks of one or two columns."""
    section = re.search(rf"(?ms)^## {title}$(.*?)^## ", (ROOT / "README.md").read_text())[1]
    for block in re.findall(r"(?ms)^```$(.*?)^```$", section):
        rows = [re.split(r"\s{2,}", re.sub(r"\s+#.*", "", line.strip())) for line in block.strip().splitlines()]
        for column in range(max(len(row) for row in rows)):
            yield from (row[column] for row in rows if len(row) > column)


def _prepare(t):
    """Sets up what README takes for granted: packages in dist/, two more hosts, the key on the third one."""
    t.server.sh("mkdir -p /root/clone/dist; ln -sfn /root/packages /root/clone/dist/bookworm")
    for name in ("web", "vault"):
        address = t.lab.do("ip", name).strip()
        t.server.sh('echo "$1 $2.example.net # readme" >>/etc/hosts', address, name)
    t.later(t.server.run, "sed", "-i", "/# readme$/d", "/etc/hosts")
    # A client that does not know the server yet, and whose root has a password.
    t.ctl("client", "remove", "web", "--force")
    t.web.sh("mv /root/.ssh/authorized_keys /root/.ssh/before; "
             "echo PermitRootLogin yes >/etc/ssh/sshd_config.d/00-readme.conf; "
             "systemctl reload ssh; chpasswd", data=f"root:{t.prefix}-password\n")
    t.later(t.web.sh, "mv /root/.ssh/before /root/.ssh/authorized_keys; rm /etc/ssh/sshd_config.d/00-readme.conf; "
                      "usermod -p '*' root; systemctl reload ssh")


def _tidy_up(t):
    """Restores the lab for later tests."""
    for noun, name in (("policy", "system"), ("policy", "etc"), ("schedule", "nightly"), ("schedule", "weekly"),
                       ("repository", "vault"), ("repository", "local"), ("client", "here"), ("client", "web")):
        t.server.run("cyborgctl", noun, "remove", name, "--force", check=False)
    t.ctl("client", "add", "web")
    t.server.run("systemctl", "disable", "--now", *_TIMERS)


@test("README's first steps work as they are written", alone=True, core=True)
def first_steps(t):
    _prepare(t)
    t.later(_tidy_up, t)
    said = {}
    archive = None
    for command in _commands_of("First steps on a real machine"):
        words = command.split()
        if command == "sudo scripts/build-packages":
            continue  # the test needs the packages, so it cannot build them here
        if words[:2] == ["cyborgctl", "restore"]:
            archive = t.json("archive", "list", "--policy", "etc")[0]["name"]
            expect_in(archive, said["cyborgctl archive list --policy etc"])
            command = command.replace("ARCHIVE", archive)
        if "--ask-password" in words:
            said[command] = t.server.python(_ON_A_TERMINAL, command, data=f"{t.prefix}-password\n")
            expect(f"{t.prefix}-password" not in said[command], "the password is not shown")
        else:
            said[command] = t.server.run("bash", "-c", f"cd /root/clone && {command}").out
    expect_in("/var/lib/cyborg/repositories/here", said["cyborgctl repository key-export local --client here"])
    expect_in("cyborg-policy@etc.timer", said["systemctl list-timers 'cyborg-*'"])
    expect_in(archive, said["journalctl CYBORG_POLICY=etc"])
    expect_equal(t.server.run("diff", "/etc/fstab", "/tmp/restored/etc/fstab").out, "", "what differs")
    t.restore(archive, "here", f"/restored/{t.prefix}")
    count = trees.expect_same(t.server, "/etc", f"/restored/{t.prefix}/etc")
    expect(count > 100, f"all of /etc was compared, not {count} files")
    # Only now, since it changes /etc.
    for command in _commands_of("Reports, alerts and metrics"):
        said[command] = t.server.run("bash", "-c", command).out
    expect_in("Since ", said["cyborgctl report --since 30d"])
    expect_in(_TIMERS, t.server.run("systemctl", "list-timers", "cyborg-*").out)
    # The other machine and its repository can be reached, so its policy can run.
    t.ctl("repository", "prepare", "vault", "--client", "web", "--wait")
    expect_in("web", t.ctl("policy", "run", "system", "--dry-run").out)
