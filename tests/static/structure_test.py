#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, licences and the paper on the structure: what a reader relies on when looking for a place."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
LONGEST_FILE = 500
LONGEST_FUNCTION = 63
NO_FUNCTION = r"(namespace|struct|class|enum|union|extern|constexpr|const|inline const)\b"


def sources(*folders):
    """C++ files of the repository."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".cc", ".h")]


def licensed():
    """Files that have to name their licence: C++, Python, shell and CMake."""
    for folder in (".ci", "client", "daemon", "dbus", "scripts", "systemd", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            if path.suffix in (".cc", ".h", ".py", ".sh", ".bash", ".cmake") or path.name == "CMakeLists.txt":
                yield path
            elif not path.suffix and path.read_bytes()[:2] == b"#!":
                yield path


def functions(path):
    """The name-like first line and the length of each function that begins in the first column."""
    begin = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if begin is None:
            opens = line.endswith("{") and not line[0].isspace() and "(" in line
            if opens and "to_array" not in line and not re.match(NO_FUNCTION, line):
                begin = number, line
        elif line.startswith("}"):
            yield begin[1], number - begin[0] + 1
            begin = None


class Structure(unittest.TestCase):
    def test_each_source_names_its_licence(self):
        for path in licensed():
            with self.subTest(path=path.relative_to(ROOT)):
                self.assertTrue(any(LICENCE in line for line in path.read_text().splitlines()[:3]))

    def test_files_fit(self):
        for path in sources("client", "daemon", "dbus"):
            with self.subTest(path=path.relative_to(ROOT)):
                self.assertLess(len(path.read_text().splitlines()), LONGEST_FILE)

    def test_functions_fit_a_screen(self):
        seen = 0
        for path in sources("client", "daemon", "dbus"):
            for name, length in functions(path):
                seen += 1
                with self.subTest(path=path.relative_to(ROOT), function=name):
                    self.assertLessEqual(length, LONGEST_FUNCTION)
        self.assertGreater(seen, 1000, "functions are found at all")

    def test_the_paper_names_what_is_there(self):
        text = (ROOT / "daemon" / "ARCHITECTURE.md").read_text()
        folders = set(re.findall(r"(?m)^\| `(\w+)` \|", text))
        rooms = {path.name for path in (ROOT / "daemon").iterdir() if path.is_dir()} - {"libexec", "man"}
        self.assertEqual(folders, rooms)
        for path in re.findall(r"`((?:core|plan|borg|remote|manager|store|bus|sd|job|dbus|client)/[\w./*]*)`", text):
            found = list(ROOT.glob(path)) or list((ROOT / "daemon").glob(path))
            self.assertTrue(found, f"daemon/ARCHITECTURE.md names {path}")

    def test_shell_is_in_files(self):
        """Not in literals of C++, but for single lines."""
        for path in sources("client", "daemon", "dbus"):
            with self.subTest(path=path.relative_to(ROOT)):
                self.assertFalse('R"sh(\n' in path.read_text(), "put the script into daemon/remote")


if __name__ == "__main__":
    unittest.main()
