#!/usr/bin/python3
"""Manual pages have no errors, and the README names nothing that does not exist.

  docs_test.py [CYBORGCTL]     a cyborgctl whose --help is asked for each command that is documented
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
cyborgctl = None


def documents():
    return [ROOT / "README.md", *sorted(ROOT.glob("*/man/*"))]


def commands(path):
    """The cyborgctl commands in a document's examples, as lists of words."""
    text = re.sub(r"\\f[BIR]|\\&", "", path.read_text()).replace("\\-", "-").replace("\\(aq", "'")
    for line in re.findall(r"(?m)^\s*(?:\$ |# |sudo )*(cyborgctl .*?)(?:\s{2,}.*)?$", text):
        try:
            yield shlex.split(line, comments=True)
        except ValueError:
            continue  # prose that is broken at an apostrophe


class Manuals(unittest.TestCase):
    def test_groff(self):
        for page in ROOT.glob("*/man/*"):
            with self.subTest(page=page.name):
                result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-Z", page], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.stderr, "")

    def test_mandoc(self):
        for page in ROOT.glob("*/man/*"):
            with self.subTest(page=page.name):
                result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], stdout=subprocess.PIPE, text=True)
                self.assertEqual(result.stdout, "")

    def test_references(self):
        """Pages of ours to which others refer exist."""
        pages = {path.name for path in ROOT.glob("*/man/*")}
        for page in ROOT.glob("*/man/*"):
            for name, section in re.findall(r"(?m)^\.BR (\S+) \((\d)\)", page.read_text()):
                if name.startswith(("cyborg", "org.cyborg")):
                    self.assertIn(f"{name}.{section}", pages, page.name)


class Readme(unittest.TestCase):
    def test_paths_exist(self):
        text = (ROOT / "README.md").read_text()
        for path in re.findall(r"`((?:daemon|dbus|systemd|client|scripts|tests|debian)/[\w./@-]*)`", text):
            self.assertTrue((ROOT / path).exists(), path)
        for path in re.findall(r"(?m)^sudo (scripts/[\w-]+)", text):
            self.assertTrue(os.access(ROOT / path, os.X_OK), path)
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            self.assertTrue((ROOT / target).exists(), target)

    def test_first_steps_are_five(self):
        steps = list(commands(ROOT / "README.md"))
        self.assertGreaterEqual(len(steps), 5)
        self.assertEqual([" ".join(words[1:3]) for words in steps[:5]],
                         ["client add", "repository add", "schedule add", "policy add", "policy run"])

    def test_commands_exist(self):
        if not cyborgctl:
            self.skipTest("no cyborgctl was named")
        for document in documents():
            for words in commands(document):
                verbs = [word for word in words[1:3] if re.fullmatch(r"[a-z-]+", word) and word[0] != "-"]
                with self.subTest(document=document.name, command=" ".join(words)):
                    result = subprocess.run([cyborgctl, *verbs, "--help"], stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT, text=True)
                    self.assertEqual(result.returncode, 0, result.stdout)
                    for option in words:
                        if option.startswith("--"):
                            self.assertIn(option.split("=")[0], result.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK):
        cyborgctl = sys.argv.pop(1)
    unittest.main()
