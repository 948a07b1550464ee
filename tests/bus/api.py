# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to the cyborgd under test, and helpers that its tests share."""

import json
import re
import subprocess
import unittest
import xml.etree.ElementTree as ET

import dbus

from stage import NAME, ROOT, TOP, Stage


class TheStage:
    """The stage that all tests of this program share."""

    def open(self, program):
        self.opened = Stage(program)

    def __getattr__(self, name):
        return getattr(self.__dict__["opened"], name)


stage = TheStage()
INTERFACES = ("Manager", "Schedule", "Repository", "Client", "Policy", "Job")
ERROR = NAME + ".Error."
def manager(method, signature, *arguments):
    return stage.call(TOP, "Manager", method, signature, *arguments)


def path(kind, name):
    # Like sd_bus_path_encode; a name's first character must not be a digit.
    return f"{TOP}/{kind}/" + "".join(
        c if re.match("[A-Za-z]", c) or (c.isdigit() and i > 0) else f"_{ord(c):02x}" for i, c in enumerate(name))


def v(properties):
    return dbus.Dictionary(properties, signature="sv")


def add(kind, name, properties=None, url=None):
    before = ("s", [url]) if kind == "Repository" else ("", [])
    return manager(f"Add{kind}", f"s{before[0]}a{{sv}}", name, *before[1], v(properties or {}))


def change(kind, name, properties):
    return stage.call(path(kind.lower(), name), kind, "Set", "a{sv}", v(properties))


def remove(kind, name, options=None):
    return stage.call(path(kind.lower(), name), kind, "Remove", "a{sv}", v(options or {}))


def get(kind, name, what):
    return stage.get(path(kind.lower(), name), kind, what)


def api(interface):
    return ET.parse(ROOT / "dbus" / f"{NAME}.{interface}.xml").getroot().find("interface")


class Case(unittest.TestCase):
    def refused(self, name, *parts):
        """A context that expects an error of that name whose message contains all the parts."""
        test = self

        class Refused:
            def __enter__(self):
                return self

            def __exit__(self, kind, error, _):
                test.assertIsInstance(error, dbus.DBusException, f"nothing was refused, expected {name}")
                full = name if "." in name else ERROR + name
                test.assertEqual(error.get_dbus_name(), full, error.get_dbus_message())
                for part in parts:
                    test.assertIn(part, error.get_dbus_message())
                return True

        return Refused()

    @classmethod
    def setUpClass(cls):
        """Makes an object of each kind, unless an earlier test has left it."""
        there = stage.objects()
        for kind, name, properties, url in (
                ("Schedule", "nightly", {"crontab": "30 2 * * *"}, None),
                ("Client", "web", {"address": "192.0.2.1"}, None),
                ("Client", "db", {}, None),
                ("Repository", "vault", {}, "backup@192.0.2.9:/srv/{client}"),
                ("Policy", "etc", {"type": "config", "repositories": ["vault"], "clients": ["web", "db"]}, None)):
            if path(kind.lower(), name) not in there:
                add(kind, name, properties, url)

    def tearDown(self):
        stage.died()


class Monitor:
    """Records everything that crosses the bus while this is open."""

    def __enter__(self):
        self.process = subprocess.Popen(
            ["busctl", f"--address={stage.address}", "--json=short", "monitor", NAME],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stderr.readline()  # "Monitoring bus message stream."
        return self

    def __exit__(self, *_):
        # Messages sent before this call precede it in the stream.
        stage.bus.call_blocking(NAME, TOP, "org.freedesktop.DBus.Peer", "Ping", "", ())
        self.messages = []
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("member") == "Ping":
                break
            self.messages.append(message)
        self.process.terminate()
        self.process.communicate()

    def signals(self, member):
        return [(m["path"], m["payload"]["data"]) for m in self.messages
                if m["type"] == "signal" and m.get("member") == member]
