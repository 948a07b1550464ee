# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets, who may call what, and what survives. A part of bus_test.py."""

import json
import os
import socket
import subprocess
import tempfile

import dbus

from api import INTERFACES, Case, Monitor, add, api, change, manager, path, remove, stage, v
from stage import NAME, TOP, wait_for


class Secrets(Case):
    SECRET = "s3cret-\"'$`\\-ä-that-is-nowhere-else"

    def pipe(self, text, close=True):
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        if close:
            os.close(writing)
        else:
            self.addCleanup(os.close, writing)
        self.addCleanup(os.close, reading)
        return dbus.types.UnixFd(reading)

    def test_a_passphrase_comes_in_a_pipe_and_goes_out_in_a_descriptor(self):
        with Monitor() as monitor:
            add("Repository", "secret", {"passphrase": self.pipe(self.SECRET + "\n")}, "/srv/secret")
            add("Policy", "secret", {"type": "config", "repositories": ["secret"], "clients": ["web"]})
            _, jobs, _ = manager("RunPolicy", "sa{sv}", "secret", v({}))
            exported = manager("ExportKey", "sa{sv}", "secret", v({}))
        for job in jobs:
            try:
                manager("CancelJob", "t", job)
            except dbus.DBusException:
                pass
        with os.fdopen(exported.take(), "rb") as file:
            text = file.read().decode()
        self.assertIn(self.SECRET, text)
        self.assertNotIn("s3cret", json.dumps(monitor.messages))
        self.assertNotIn("s3cret", stage.log())
        self.assertNotIn("s3cret", stage.postgres.run("pg_dump", "-h", stage.postgres.directory, "-U", "postgres", "cyborg"))

    def test_other_descriptors_are_refused(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        directory = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, directory)
        null = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, null)
        written = tempfile.NamedTemporaryFile()
        self.addCleanup(written.close)
        only_writing = os.open(written.name, os.O_WRONLY)
        self.addCleanup(os.close, only_writing)
        for title, descriptor, said in (
                ("a socket", dbus.types.UnixFd(ours), "expected a pipe or a file"),
                ("a directory", dbus.types.UnixFd(directory), "expected a pipe or a file"),
                ("a device", dbus.types.UnixFd(null), "expected a pipe or a file"),
                ("a file to be written", dbus.types.UnixFd(only_writing), "it cannot be read"),
                ("a pipe that stays open", self.pipe("x", close=False), "must be written and closed before"),
                ("an empty pipe", self.pipe(""), "expected one line"),
                ("two lines", self.pipe("a\nb\n"), "expected one line"),
                ("too much", self.pipe("x" * 5000), "longer than 4096 bytes")):
            with self.subTest(title), self.refused("InvalidArgument", "passphrase", said):
                add("Repository", "fresh", {"passphrase": descriptor}, "/srv/fresh")
        with self.refused("InvalidArgument", "key: expected no file descriptor"):
            add("Repository", "fresh", {"key": self.pipe("x")}, "/srv/fresh")
        with self.refused("InvalidArgument", "crontab"):
            add("Schedule", "fresh", {"crontab": self.pipe("x")})
        self.assertNotIn(path("repository", "fresh"), stage.objects())


class Authorisation(Case):
    VALUES = {"s": "'etc'", "a{sv}": "{}", "u": "1", "t": "1", "as": "[]"}

    # There is no polkit here, so only root may call methods; properties are readable by everybody.
    def test_another_user_is_denied_every_method(self):
        job = manager("PrepareClient", "sa{sv}", "web", v({}))
        where = {"Manager": TOP, "Schedule": path("schedule", "nightly"), "Repository": path("repository", "vault"),
                 "Client": path("client", "web"), "Policy": path("policy", "etc"), "Job": path("job", str(int(job)))}
        before = self.settled_objects()
        tried = 0
        for interface in INTERFACES:
            for method in api(interface).iter("method"):
                types = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
                done = self.as_nobody("gdbus", "call", f"--address={stage.address}", f"--dest={NAME}",
                                      f"--object-path={where[interface]}",
                                      f"--method={NAME}.{interface}.{method.get('name')}",
                                      *[self.VALUES[t] for t in types])
                with self.subTest(f"{interface}.{method.get('name')}"):
                    self.assertNotEqual(done.returncode, 0, done.stdout)
                    self.assertIn("AccessDenied: not authorised for " + NAME, done.stderr)
                tried += 1
        self.assertGreater(tried, 25)
        self.assertEqual(self.settled_objects(), before)
        manager("CancelJob", "t", job)

    @staticmethod
    def settled_objects():
        """All objects, without values that change by themselves: systemd is away, so jobs try to start every few
        seconds."""
        moving = {"State", "Reason", "Started"}
        return {where: {interface: {key: value for key, value in properties.items()
                                    if not (interface.endswith(".Job") and key in moving)}
                        for interface, properties in interfaces.items()}
                for where, interfaces in stage.objects().items()}

    def test_another_user_reads_properties(self):
        busctl = ("busctl", f"--address={stage.address}")
        done = self.as_nobody(*busctl, "get-property", NAME, TOP, f"{NAME}.Manager", "Version")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.as_nobody(*busctl, "call", NAME, TOP, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        self.assertIn("192.0.2.1", done.stdout)

    def test_another_user_cannot_own_the_name(self):
        done = self.as_nobody("gdbus", "call", f"--address={stage.address}", "--dest=org.freedesktop.DBus",
                              "--object-path=/", "--method=org.freedesktop.DBus.RequestName", NAME, "4")
        self.assertIn("AccessDenied", done.stderr)

    def test_only_root_changes_what_is_logged(self):
        where = (f"--address={stage.address}", NAME, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1")
        def busctl(verb, *words):
            return ["busctl", where[0], verb, *where[1:], *words]
        def level():
            return self.as_nobody(*busctl("get-property", "LogLevel", "LogTarget", "SyslogIdentifier")).stdout.split("\n")[:3]
        def set_level(value):
            return subprocess.run(busctl("set-property", "LogLevel", "s", value), capture_output=True, text=True)
        self.assertEqual(level(), ['s "info"', 's "console"', 's "cyborgd"'])
        refused = self.as_nobody(*busctl("set-property", "LogLevel", "s", "debug"))
        self.assertRegex(refused.stderr, "Access denied|only root may change it")  # by sd-bus, or by us
        self.assertIn('LogLevel "loud": expected debug, info', set_level("loud").stderr)
        self.assertEqual(level()[0], 's "info"')
        self.assertEqual(set_level("debug").returncode, 0)
        self.assertEqual(level()[0], 's "debug"')
        job = manager("PrepareClient", "sa{sv}", "web", v({}))
        for said in ("uid 0 calls org.cyborgbackup1.Manager.PrepareClient, client web", f"job {int(job)} (prepare-client on web) is "):
            wait_for(said, lambda said=said: said in stage.log(), 10)
        manager("CancelJob", "t", job)
        self.assertEqual(set_level("notice").returncode, 0)
        self.assertEqual(level()[0], 's "info"')

    def as_nobody(self, *words):
        return subprocess.run(["runuser", "-u", "nobody", "--", *words], cwd="/", capture_output=True, text=True,
                              timeout=60)


class Survival(Case):
    def configured(self):
        """The whole configuration, without jobs and without facts that the daemon determines itself."""
        return {where: what for where, what in stage.objects().items() if "/job/" not in where}

    def test_objects_are_the_same_after_a_restart(self):
        manager("SetSetting", "ss", "max_jobs", "5")
        before, key = self.configured(), stage.get(TOP, "Manager", "SshPublicKey")
        self.assertEqual(stage.stop(), 0)
        stage.start()
        self.assertEqual(self.configured(), before)
        self.assertEqual(stage.get(TOP, "Manager", "SshPublicKey"), key)
        values = {str(row["name"]): str(row["value"]) for row in manager("ListSettings", "")}
        self.assertEqual(values["max_jobs"], "5")

    def test_a_kill_loses_nothing(self):
        add("Client", "late")
        before = self.configured()
        stage.cyborgd.kill()
        stage.cyborgd.wait()
        wait_for("the name is free", lambda: not stage.bus.name_has_owner(NAME))
        stage.start()
        self.assertEqual(self.configured(), before)
        remove("Client", "late")

    def state(self):
        return stage.get(TOP, "Manager", "DatabaseState")

    def test_postgresql_may_go_and_come_back(self):
        before = self.configured()
        stage.postgres.stop()
        try:
            # The first call that needs the database notices that it is away, if the daemon has not noticed
            # before.
            with self.refused("Unavailable"):
                add("Client", "fresh")
            self.assertNotEqual(wait_for("a reason", lambda: self.state() != "available" and self.state()), "")
            for call in (lambda: manager("RunPolicy", "sa{sv}", "etc", v({})), lambda: remove("Client", "db"),
                         lambda: change("Client", "web", {"enabled": False}),
                         lambda: manager("SetSetting", "ss", "max_jobs", "4"),
                         lambda: manager("ListJobs", "a{sv}us", v({}), dbus.UInt32(10), "")):
                with self.refused("Unavailable"):
                    call()
            self.assertEqual(self.configured(), before)
        finally:
            stage.postgres.start()
        wait_for("the database", lambda: self.state() == "available")
        self.assertEqual(self.configured(), before)
        add("Client", "fresh")
        remove("Client", "fresh")

    def test_it_starts_without_postgresql(self):
        before = self.configured()
        stage.stop()
        stage.postgres.stop()
        try:
            stage.start(wait=False)
            self.assertNotIn(self.state(), ("available", ""))
            with self.refused("Unavailable", "the database is away"):
                add("Client", "fresh")
        finally:
            stage.postgres.start()
        wait_for("the database", lambda: self.state() == "available")
        wait_for("the objects", lambda: self.configured() == before)
