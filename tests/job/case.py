# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the tests of cyborg-job: a client, a repository host, and checks of what a job must leave behind."""

import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import harness

PASSPHRASE = "two words \"'$`\\\\ $(id) é ü"


def wait_for(condition, seconds=20, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def borgs(text):
    """The ids of borg processes whose command line contains a text."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"borg" in line and text.encode() in line and b"cyborg-job-test" in line and b"python3\0/usr/bin/borg" in line:
            found.append(int(entry.name))
    return found


class JobCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = harness.Lab()
        cls.addClassCleanup(cls.lab.close)
        base = cls.lab.directory / "client"
        cls.relays = cls.lab.directory / "relays"
        cls.relays.mkdir()
        extra = f"SetEnv CYBORG_CLIENT_DIR={base} TMPDIR={cls.relays}"
        cls.web = cls.lab.sshd("web", extra=extra)
        # A transfer of more than this renegotiates the keys meanwhile.
        cls.vault = cls.lab.sshd("vault", extra="RekeyLimit 20M")

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
        self.source = self.work / "source"
        self.source.mkdir()
        (self.source / "file").write_text("content")
        self.repository = self.work / "repository"

    def prepare(self, **fields):
        fields = dict(repository_path=str(self.repository)) | fields
        return self.lab.run("prepare-repository", PASSPHRASE, **fields).facts["borg_id"]

    def start_backup(self, passphrase=PASSPHRASE, **fields):
        fields = dict(repository_path=str(self.repository), roots=[str(self.source)], target=self.web.target()) | fields
        return self.lab.start("backup", passphrase, **fields)

    def backup(self, **fields):
        return self.start_backup(**fields).end()

    def restore(self, archive, directory, **fields):
        fields = dict(repository_path=str(self.repository), target=self.web.target(), archive=archive,
                      directory=str(directory)) | fields
        return self.lab.run("restore", PASSPHRASE, **fields)

    def assert_state(self, run, state, code):
        said = f"{run.result}\n{run.printed.decode()}"
        self.assertEqual((run.result["state"], run.result["code"]), (state, code), said)
        self.assertEqual(run.status, 0 if state in ("successful", "warning") else 1)

    def assert_no_trace(self):
        """There is no borg process, no lock and no private directory."""
        wait_for(lambda: not borgs(str(self.repository)), what="borg ends")
        wait_for(lambda: not (self.repository / "lock.exclusive").exists(), what="no lock")
        wait_for(lambda: not list(self.relays.iterdir()), what="no relay directory")

    def assert_same(self, left, right):
        out = subprocess.run(["diff", "-r", "--no-dereference", str(left), str(right)], capture_output=True)
        self.assertEqual((out.returncode, out.stdout), (0, b""))

    def big_source(self, gigabytes=50):
        """Makes some data to transfer, and an endless sparse file."""
        with open(self.source / "big", "wb") as file:
            for _ in range(100):
                file.write(os.urandom(1 << 20))
        with open(self.source / "holes", "wb") as file:
            file.truncate(gigabytes << 30)
