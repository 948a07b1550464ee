#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files: systemd understands them, and their sandbox is tight.

  units_test.py [DIRECTORY]     with the job units that print-job-unit has rendered, to be checked as well
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
THRESHOLD = 20  # an exposure of 2.0
# A restore on the server itself is as powerful as root, on purpose: systemd/SANDBOX.md.
AS_ROOT = re.compile(r"restore.*local|local.*restore")
# Any sendmail needs root and access to the system: see the same document.
MAILS = re.compile(r"^cyborg-(alert|report@daily)\.service$")
MAILS_THRESHOLD = 35
rendered = None


def run(*words, **more):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


class Units(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)
        # A directory with stand-ins for programs that are not installed here.
        libexec = self.directory / "libexec"
        (libexec / "cyborg").mkdir(parents=True)
        for program in ("cyborg/cyborgd", "cyborg/cyborg-job", "cyborg/send-mail", "cyborgctl"):
            shutil.copy("/bin/true", libexec / program)
        for source in (ROOT / "systemd").iterdir():
            if source.name.endswith((".service", ".service.in", ".timer", ".slice")):
                text = source.read_text().replace("@libexecdir@", str(libexec)) \
                    .replace("/usr/bin/cyborgctl", str(libexec / "cyborgctl"))
                name = source.name.removesuffix(".in")
                name = name.replace("@.", "@daily." if "report" in name else "@etc.")
                if "@UPKEEP@" in text:  # systemd/CMakeLists.txt makes one of these for each kind
                    name, text = name.replace("upkeep", "check"), text.replace("@UPKEEP@", "check")
                self.add(name, text)
        for source in rendered.glob("*.service") if rendered else ():
            self.add(source.name, source.read_text().replace("/usr/libexec", str(libexec)))

    def add(self, name, text):
        # verify looks for manual pages, too, which may not be installed yet.
        (self.directory / name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))

    def units(self, pattern="*.service"):
        found = sorted(self.directory.glob(pattern))
        self.assertTrue(found)
        return found

    def test_verify(self):
        result = run("systemd-analyze", "verify", "--man=no", *map(str, self.units("*.[st]*")))
        # Ignore messages about this machine's own units, which are read as dependencies.
        ours = [line for line in result.stdout.splitlines() if "cyborg" in line]
        self.assertEqual(ours, [])

    def test_documentation_exists(self):
        pages = {path.name for path in ROOT.glob("*/man/*")}
        for source in (ROOT / "systemd").iterdir():
            for name, section in re.findall(r"\bman:([\w.-]+)\((\d)\)", source.read_text()):
                if name.startswith(("cyborg", "org.cyborg")):
                    self.assertIn(f"{name}.{section}", pages, source.name)

    def test_exposure(self):
        for unit in self.units():
            if AS_ROOT.search(unit.name):
                continue
            with self.subTest(unit=unit.name):
                threshold = MAILS_THRESHOLD if MAILS.search(unit.name) else THRESHOLD
                result = run("systemd-analyze", "security", "--no-pager", "--offline=true",
                             f"--threshold={threshold}", str(unit))
                self.assertEqual(result.returncode, 0, result.stdout)

    def test_daemon_has_no_capability(self):
        text = (self.directory / "cyborgd.service").read_text()
        self.assertRegex(text, r"(?m)^CapabilityBoundingSet=$")
        # With User=, systemd would change the owner of everything in the state directory.
        self.assertNotRegex(text, r"(?m)^(User|Group)=")

    def test_each_hole_has_its_reason(self):
        reasons = (ROOT / "systemd" / "SANDBOX.md").read_text()
        for name in ("cyborgd", "cyborg-alert", "cyborg-report@daily", "cyborg-metrics"):
            text = (self.directory / f"{name}.service").read_text()
            for key, value in re.findall(r"(?m)^(ReadWritePaths|SupplementaryGroups|AmbientCapabilities|BindPaths|"
                                         r"CapabilityBoundingSet|NoNewPrivileges|ProtectSystem|KillMode)=-?(.+)$", text):
                if f"{key}={value}" not in ("NoNewPrivileges=yes", "ProtectSystem=strict"):
                    self.assertIn(f"`{key}={value}`", reasons)
            for family in re.search(r"(?m)^RestrictAddressFamilies=(.*)$", text)[1].split():
                if family != "AF_UNIX":
                    self.assertIn(f"`{family}`", reasons)
        for unit in self.directory.glob("cyborg-job-*.service"):
            for capability in re.findall(r"CAP_\w+", unit.read_text()):
                self.assertIn(f"`{capability}`", reasons, unit.name)

    def test_both_that_mail_have_the_same_sandbox(self):
        def sandbox(name):
            return (self.directory / name).read_text().split("# Half a sandbox")[1]
        self.assertEqual(sandbox("cyborg-alert.service"), sandbox("cyborg-report@daily.service"))


class Catalog(unittest.TestCase):
    def test_journalctl_reads_it(self):
        with tempfile.TemporaryDirectory() as root:
            source = pathlib.Path(root, "usr/lib/systemd/catalog")
            source.mkdir(parents=True)
            pathlib.Path(root, "var/lib/systemd/catalog").mkdir(parents=True)
            shutil.copy(ROOT / "systemd" / "cyborg.catalog", source)
            self.assertEqual(run("journalctl", f"--root={root}", "--update-catalog").returncode, 0)
            listed = run("journalctl", f"--root={root}", "--list-catalog").stdout.splitlines()
            entries = re.findall(r"(?m)^-- \w+$", (source / "cyborg.catalog").read_text())
            self.assertEqual(len(listed), len(entries), listed)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        rendered = pathlib.Path(sys.argv.pop(1))
    unittest.main()
