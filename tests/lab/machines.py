# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines that the tests run on: scripts/lab as Python objects, with cyborgd installed on one of them."""

import os
import pathlib
import shlex
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# client1 is for tests that cut its network, client2 has never had borg, client3 is for tests that kill sshd
# and scripts.
MACHINES = ("server", "web", "db", "vault", "client1", "client2", "client3")
# Booted for tests that need them.
MORE_MACHINES = ("hyper",)
# What the tests do with that have a lab to themselves.
FEW_MACHINES = ("server", "web", "vault")


class Problem(AssertionError):
    """An expectation is not met."""


def wait_for(condition, seconds, what):
    """Returns the first true value of condition(), which is polled until then."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Problem(f"not within {seconds} s: {what}")
        time.sleep(0.1)


class Output:
    """The result of a command. Bytes that are not UTF-8 are kept as surrogates."""

    def __init__(self, command, status, out, err):
        self.command = command
        self.status = status
        self.out = out.decode(errors="surrogateescape")
        self.err = err.decode(errors="surrogateescape")

    def __str__(self):
        return (f"{shlex.join(str(word) for word in self.command)}: exit status {self.status}\n"
                f"{self.out[-3000:]}{self.err[-3000:]}")


class Machine:
    def __init__(self, lab, name):
        self.lab = lab
        self.name = name

    def start(self, *command, **options):
        """Starts a process that keeps running, as subprocess does."""
        return subprocess.Popen(self.lab.command("exec", self.name, *command), env=self.lab.environment, **options)

    def run(self, *command, data=None, check=True, timeout=180):
        """Runs a command as root, and expects success, unless check is false."""
        if isinstance(data, str):
            data = data.encode()
        feed = {"stdin": subprocess.DEVNULL} if data is None else {"input": data}
        done = subprocess.run(self.lab.command("exec", self.name, *command), env=self.lab.environment,
                              capture_output=True, timeout=timeout, check=False, **feed)
        output = Output((self.name + ":",) + command, done.returncode, done.stdout, done.stderr)
        if check and output.status != 0:
            raise Problem(str(output))
        return output

    def sh(self, script, *arguments, **options):
        """Runs a bash script; $1 and so on are the arguments. Returns its output."""
        return self.run("bash", "-euc", script, "sh", *arguments, **options).out

    def python(self, script, *arguments, **options):
        return self.run("python3", "-c", script, *arguments, **options).out

    def has_process(self, pattern):
        return self.run("pgrep", "-f", pattern, check=False).status == 0


class Lab:
    def __init__(self, name, release, names=MACHINES):
        self.name = name
        self.release = release
        self.environment = dict(os.environ, CYBORG_LAB=name)
        self.machines = tuple(names)
        for machine in MACHINES + MORE_MACHINES:
            setattr(self, machine, Machine(self, machine))

    def command(self, *words):
        return [str(ROOT / "scripts/lab"), *(os.fsencode(word) if isinstance(word, str) else word for word in words)]

    def do(self, *words):
        done = subprocess.run(self.command(*words), env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise Problem(f"scripts/lab {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def up(self, keep):
        owner = () if keep else ("--owner-pid", str(os.getpid()))
        self.do("up", "--release", self.release, *owner, *self.machines)
        # At each start borg tests itself, which would be a quarter of what the labs have to compute.
        for name in self.machines:
            getattr(self, name).sh("echo BORG_SELFTEST=disabled >>/etc/environment; "
                                   "systemctl set-environment BORG_SELFTEST=disabled")

    def down(self):
        self.do("down")

    def install(self, packages):
        """Installs as a user would: with apt, from local files."""
        self.server.run("mkdir", "/root/packages")
        for package in sorted(packages.glob("*.deb")):
            self.do("put", "server", str(package), "/root/packages/")
        self.server.sh("cd /root/packages && apt-get install -y ./*.deb")
        wait_for(lambda: "available" in self.server.run("cyborgctl", "status", check=False).out, 20,
                 "cyborgd has its database")

    def introduce(self):
        """Authorises the server's key everywhere, and prepares the clients once, which installs borg on them."""
        key = self.server.run("cyborgctl", "ssh-key", "show").out
        authorize = ('install -d -m 700 -o "$1" "$2/.ssh"; cat >>"$2/.ssh/authorized_keys"; '
                     'chown "$1" "$2/.ssh/authorized_keys"; chmod 600 "$2/.ssh/authorized_keys"')
        self.vault.sh("useradd -m -s /bin/bash borg; install -d -o borg /srv/borg")
        self.vault.sh(authorize, "borg", "/home/borg", data=key)
        for name in self.machines:
            if name not in ("server", "vault"):
                getattr(self, name).sh(authorize, "root", "/root", data=key)
        for name in ("web", "db"):
            if name in self.machines:
                getattr(self, name).sh(authorize, "admin", "/home/admin", data=key)
        self.web.sh(authorize, "outsider", "/home/outsider", data=key)
        prepared = [name for name in self.machines if name not in ("server", "vault", "client2")]
        for name in prepared:
            self.server.run("cyborgctl", "client", "add", name)
        tests = [self.server.start("cyborgctl", "client", "prepare", name, "--wait", stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT) for name in prepared]
        for test in tests:
            said, _ = test.communicate(timeout=120)
            if test.returncode != 0:
                raise Problem(f"a client cannot be prepared: {said.decode(errors='replace')}")
