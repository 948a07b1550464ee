#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names are defined once, in dbus/names.h and the XML; all repetitions agree with them."""

import pathlib
import re
import unittest
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[2]
DBUS = ROOT / "dbus"
NAMES = dict(re.findall(r'inline constexpr char (k\w+)\[\] = "([^"]*)";', (DBUS / "names.h").read_text()))
XML = {path.name.split(".")[2]: path for path in DBUS.glob("org.cyborgbackup1.*.xml")}
MAN = (DBUS / "man" / "org.cyborgbackup1.5").read_text()


def names(prefix):
    return {value for key, value in NAMES.items() if key.startswith(prefix)}


def interface(name):
    return ET.parse(XML[name]).getroot().find("interface")


def actions_of(name):
    """member → the first word of the XML's comment above a method."""
    text = XML[name].read_text()
    return dict((member, action) for action, member in
                re.findall(r"<!--\s*(\w+)\b[^>]*?-->\s*<method name=\"(\w+)\"", text))


class Names(unittest.TestCase):
    def test_header_is_read(self):
        self.assertGreater(len(names("kMessage")), 5)
        self.assertEqual(len(names("kMessage")), len([key for key in NAMES if key.startswith("kMessage")]),
                         "a MESSAGE_ID stands for two things")

    def test_interfaces_of_the_xml(self):
        found = {interface(name).get("name") for name in XML}
        self.assertEqual(found, {value for key, value in NAMES.items() if key.endswith("Interface")})

    def test_polkit_actions(self):
        policy = ET.parse(DBUS / "org.cyborgbackup1.policy").getroot()
        self.assertEqual({action.get("id") for action in policy.iter("action")}, names("kAction"))
        for action in policy.iter("action"):
            defaults = action.find("defaults")
            for default in defaults:
                self.assertIn(default.text, ("auth_admin", "auth_admin_keep"),
                              f"{action.get('id')}: nobody has a right without being asked")
            self.assertEqual(defaults.find("allow_any").text, "auth_admin")

    def test_xml_comments_name_an_action(self):
        known = {action.rsplit(".", 1)[1] for action in names("kAction")}
        for name in XML:
            actions = actions_of(name)
            for method in interface(name).iter("method"):
                if method.get("name") == "UnfollowJob":
                    continue  # FollowJob's counterpart
                self.assertIn(actions.get(method.get("name")), known, f"{name}.{method.get('name')}")

    def test_bus_policy_and_activation(self):
        conf = ET.parse(DBUS / "org.cyborgbackup1.conf").getroot()
        allowed = {allow.get("send_interface") for allow in conf.iter("allow")} - {None}
        self.assertEqual({value for value in allowed if value.startswith(NAMES["kBusName"])},
                         {interface(name).get("name") for name in XML})
        for rule in conf.iter():
            for attribute in ("own", "send_destination"):
                self.assertIn(rule.get(attribute), (None, NAMES["kBusName"]))
        owners = [policy.get("user") for policy in conf.iter("policy") if policy.find("allow[@own]") is not None]
        self.assertEqual(owners, ["root"])

        activation = (DBUS / "org.cyborgbackup1.service.in").read_text()
        unit = (ROOT / "systemd" / "cyborgd.service.in").read_text()
        alias = re.search(r"^SystemdService=(.*)$", activation, re.M)[1]
        self.assertIn(f"Alias={alias}\n", unit)
        self.assertIn(f"Name={NAMES['kBusName']}\n", activation)
        self.assertIn(f"BusName={NAMES['kBusName']}\n", unit)

    def test_types_of_policies_are_compared_nowhere(self):
        """All differences are in the rows: code that compares a name forgets the next type."""
        table = ROOT / "daemon" / "core" / "policy_types.h"
        types = re.findall(r"PolicyTypeRow k\w+\{\s*\.type = PolicyType::(\w+),\s*\.name = \"(\w+)\"", table.read_text())
        self.assertGreaterEqual(len(types), 9)
        names = "|".join(name for _, name in types)
        compared = re.compile(rf'[=!]= *(?:"(?:{names})"|PolicyType::)|"(?:{names})" *[=!]=|case PolicyType::')
        for path in [path for folder in ("daemon", "client") for path in (ROOT / folder).rglob("*.[ch]*")]:
            if path != table and path.suffix in (".cc", ".h"):
                for number, line in enumerate(path.read_text().splitlines(), 1):
                    self.assertIsNone(compared.search(line), f"{path.relative_to(ROOT)}:{number}: {line}")

    def test_units(self):
        units = {path.name for path in (ROOT / "systemd").iterdir()}
        source = (ROOT / "daemon" / "core" / "units.cc").read_text()
        self.assertIn(re.search(r'"Slice", std::string{"([^"]+)"}', source)[1], units)
        for timer in re.findall(r'Timer{"(\w+)", "policy"', source):
            self.assertIn(f"cyborg-{timer}@.service", units)

    def test_catalog(self):
        catalog = (ROOT / "systemd" / "cyborg.catalog").read_text()
        entries = re.findall(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", catalog, re.M | re.S)
        self.assertEqual(sorted(entry[0] for entry in entries), sorted(names("kMessage")))
        fields = names("kField")
        for message_id, text in entries:
            self.assertRegex(text, r"^Subject: \S", message_id)
            for field in re.findall(r"@(\w+)@", text):
                self.assertIn(field, fields)
            # What happened, and what to do about it.
            self.assertGreaterEqual(len(text.split("\n\n")), 3, f"{message_id} does not say what to do")

    def test_journal_fields_are_documented(self):
        page = (ROOT / "daemon" / "man" / "cyborgd.8").read_text()
        for field in names("kField"):
            self.assertIn(field, page)


class ManualPage(unittest.TestCase):
    """org.cyborgbackup1(5) documents every member as in the XML, and nothing else."""

    def sections(self):
        found = {}
        for name, body in re.findall(r"^\.SH INTERFACE org\.cyborgbackup1\.(\w+)\n(.*?)(?=^\.SH )", MAN, re.M | re.S):
            found[name] = body
        return found

    def test_members(self):
        sections = self.sections()
        self.assertEqual(set(sections), set(XML))
        for name in XML:
            shown = {}
            for heading in re.findall(r"^\.TP\n\\fB(.*)$", sections[name], re.M):
                heading = re.sub(r"\\f[IR]", "", heading).replace("\\(->", "->")
                shown[re.match(r"\w+", heading)[0]] = heading
            expected = {}
            actions = actions_of(name)
            actions.setdefault("UnfollowJob", actions.get("FollowJob"))
            for member in interface(name):
                title = member.get("name")
                if member.tag == "property":
                    changes = {a.get("name"): a.get("value") for a in member.iter("annotation")}.get(
                        "org.freedesktop.DBus.Property.EmitsChangedSignal")
                    expected[title] = f"{title} {member.get('type')}" + \
                        {"const": " (constant)", "false": " (not announced)", None: ""}[changes]
                    continue
                arguments = {"in": [], "out": []}
                for arg in member.iter("arg"):
                    arguments[arg.get("direction", "in")].append(f"{arg.get('type')} {arg.get('name')}")
                text = f"{title}({', '.join(arguments['in'])})"
                if arguments["out"]:
                    text += f" -> {', '.join(arguments['out'])}"
                if member.tag == "method":
                    text += f" [{actions.get(title)}]"
                expected[title] = text
            self.assertEqual(shown, expected)

    def test_errors(self):
        table = set(re.findall(r'"((?:org\.cyborgbackup1|org\.freedesktop\.DBus)\.Error\.\w+)"',
                               (ROOT / "daemon" / "core" / "error.cc").read_text()))
        section = re.search(r"^\.SH ERRORS\n(.*?)^\.SH ", MAN, re.M | re.S)[1]
        self.assertEqual(set(re.findall(r"^\.B (\S+Error\.\w+)$", section, re.M)), table)

    def test_actions(self):
        self.assertEqual(set(re.findall(r"^\.B (org\.cyborgbackup1\.[a-z]+)$", MAN, re.M)), names("kAction"))


if __name__ == "__main__":
    unittest.main()
