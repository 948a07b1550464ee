#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
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


def policy_types():
    """The table of policy_types.h: type → its own variables, and those of all files."""
    table = (ROOT / "daemon" / "core" / "policy_types.h").read_text()
    # The arrays of variables, and the functions that create some for several types.
    arrays = re.split(r"(?m)^(?:inline constexpr (?:auto|std::array)|constexpr auto) (k\w+Variables|\w+_variables)\b", table)
    variables = {}
    for name, text in zip(arrays[1::2], arrays[2::2]):
        text = re.split(r"(?m)^}+\)?;?$", text)[0]
        variables[name] = [match[1] for match in re.finditer(r'\.name = "(\w+)"((?:(?!PolicyVariable)[^;])*)', text)
                           if "Form::secret" not in match[2] and ".same_as" not in match[2]]
        if "database_variables(" in text and name != "database_variables":
            variables[name] += variables["database_variables"]
    types = {}
    for row in re.findall(r"PolicyTypeRow k\w+\{(.*?)\n};", table, re.S):
        types[re.search(r'\.name = "(\w+)"', row)[1]] = variables[re.search(r"\.variables = (\w+)", row)[1]]
    files = variables["kFileVariables"]
    return {name: [one for one in own if own != files] for name, own in types.items()}, files


class PolicyTypes(unittest.TestCase):
    """The lists in README and the manual agree with the table."""

    def test_the_table_is_read(self):
        types, files = policy_types()
        self.assertGreaterEqual(len(types), 9)
        self.assertIn("exclude", files)
        self.assertEqual(types["postgresql"], ["databases", "user", "host", "port"])

    def test_readme(self):
        types, files = policy_types()
        rows = re.findall(r"(?m)^\| (?:`(\w+)`|) \|.*\| (.*) \|$", (ROOT / "README.md").read_text())
        listed = [name for name, _ in rows if name in types]
        self.assertEqual(listed, list(types))
        for name, variables in rows:
            with self.subTest(type=name):
                self.assertEqual(re.findall(r"`(\w+)`", variables), types.get(name, files))

    def test_manual(self):
        types, _ = policy_types()
        page = (ROOT / "client" / "man" / "cyborgctl.1").read_text()
        *most, last = types
        self.assertIn(f"is {', '.join(most)} or {last}; see POLICY TYPES.", page)
        described = page[page.index('.SH "POLICY TYPES"'):]
        described = described[:described.index("\n.SH ", 1)]
        for name, variables in types.items():
            self.assertRegex(described, rf'(?m)^\.TP\n\.BR? .*\b{name}\b', name)
            for variable in variables:
                self.assertRegex(described, rf"\b{variable}\b", f"{name}: {variable}")
def manuals():
    """The pages as installed, if there is a build, which fills in the lists of properties."""
    built = pathlib.Path(cyborgctl).parent / "cyborgctl.1" if cyborgctl else None
    return [*ROOT.glob("*/man/*"), *([built] if built and built.exists() else [])]


class Manuals(unittest.TestCase):
    def test_groff(self):
        for page in manuals():
            with self.subTest(page=page):
                result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-Z", page], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.stderr, "")

    def test_mandoc(self):
        for page in manuals():
            with self.subTest(page=page):
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


class Completion(unittest.TestCase):
    """The bash completion offers what cyborgctl accepts."""

    def asked(self, *words):
        if not cyborgctl:
            self.skipTest("no cyborgctl was named")
        script = ROOT / "client" / "completions" / "cyborgctl.bash"
        path = f"{pathlib.Path(cyborgctl).resolve().parent}:{os.environ['PATH']}"
        result = subprocess.run(["bash", "-c", '. "$0" && "$@"', script, *words], stdout=subprocess.PIPE, text=True,
                                env=dict(os.environ, PATH=path))
        return result.stdout.split()

    def test_keys_are_those_that_can_be_set(self):
        keys = self.asked("_cyborgctl_keys", "client")
        self.assertIn("host_key=", keys)
        for other in ("name=", "local=", "ready=", "borg_version="):
            self.assertNotIn(other, keys)
        policy = self.asked("_cyborgctl_keys", "policy")
        for key in ("keep_daily=", "client_keep=", "hooks=", "canaries=", "var."):
            self.assertIn(key, policy)

    def test_options_are_those_of_the_help(self):
        for words, options in ((("client", "add"), {"--host-key", "--local", "--ask-password"}),
                               (("policy", "add"), {"--repository", "--keep-within", "--var", "--post-hook"}),
                               (("restore", ""), {"--in-place", "--conflict", "--database", "--follow"})):
            self.assertLessEqual(options, set(self.asked("_cyborgctl_options", *words)))

    def test_values_are_those_of_the_property(self):
        self.assertEqual(self.asked("_cyborgctl_value", "--transport"), ["relay", "direct"])
        self.assertEqual(self.asked("_cyborgctl_value", "--authorize"), ["automatic", "manual"])
        self.assertNotIn("keyfile", self.asked("_cyborgctl_value", "--encryption"))


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK):
        cyborgctl = sys.argv.pop(1)
    unittest.main()
