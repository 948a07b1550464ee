#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has a table in the sources is named there only, and the documents say what the tables say.

  tables_test.py [PRINT-TABLES]                    tests/print_tables.cc, built; without it, only sources are read
  tables_test.py PRINT-TABLES --write-manual       makes the manual's list of codes anew
"""

import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = ROOT / "dbus" / "man" / "org.cyborgbackup1.5"
CYBORGCTL = ROOT / "client" / "man" / "cyborgctl.1"
SECTION = re.compile(r"(?s)(?<=\n)\.SH RESULT CODES\n.*?(?=\.SH EXAMPLES\n)")
SCRIPT = re.compile(r'R"(\w*)\(.*?\)\1"', re.S)
program = None


def sources():
    for path in sorted((ROOT / "daemon").rglob("*")):
        if path.suffix in (".cc", ".h") and path.name not in ("result_code.cc", "words.cc"):
            # Scripts report words of their own, which remote/words.cc has; some of them are codes of results.
            yield path, SCRIPT.sub('""', path.read_text())


@functools.cache
def tables():
    return json.loads(subprocess.run([program], stdout=subprocess.PIPE, check=True, text=True).stdout)


def names(table):
    return [row["name"] for row in tables()[table]]


def alternatives(words):
    return f"{', '.join(words[:-1])} or {words[-1]}"


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def manual_section():
    """The description of the codes in org.cyborgbackup1(5)."""
    lines = [
        ".SH RESULT CODES",
        "The record of a job that has ended contains a",
        ".BR code ,",
        "which stays the same in later versions, while the wording of the reason may change.",
        "A job of another version may have a code that is not in this list.",
        "Each code is followed by the states that a job with this code can have;",
        "an asterisk means that a scheduled job with this code is tried again automatically.",
    ]
    for row in tables()["codes"]:
        states = ", ".join(row["states"]) + (" *" if row["passes"] else "")
        lines += [".TP", f".BR {roff(row['name'])} \" [{states}]\"", roff(row["cause"])]
        if row["advice"]:
            lines.append(roff(row["advice"]))
    return "\n".join(lines) + "\n"


class ResultCodes(unittest.TestCase):
    CODES = re.findall(r'{ResultCode::(\w+),\s*"([a-z-]+)",', (ROOT / "daemon/core/result_code.cc").read_text())

    def test_an_enumerator_is_its_word(self):
        self.assertGreater(len(self.CODES), 80)
        for enumerator, word in self.CODES:
            self.assertEqual(enumerator.replace("_", "-"), word)

    def test_each_code_is_used(self):
        used = set()
        for path, text in sources():
            if path.name != "result_code.h":
                used.update(re.findall(r"ResultCode::(\w+)", text))
        # check_script() converts a script's word to a code.
        said = {word.replace("-", "_") for path in (ROOT / "daemon/remote").iterdir()
                for word in re.findall(r"(?:die|fail|say|refuse) ([a-z]+(?:-[a-z]+)+)", path.read_text())}
        self.assertEqual({enumerator for enumerator, _ in self.CODES} - used - said, set())

    def test_no_code_is_written_as_text(self):
        """Codes of several words: `"timeout"` may be the name of a field, `"disk-full"` is a code."""
        words = {word for _, word in self.CODES if "-" in word}
        for path, text in sources():
            for word in words:
                self.assertFalse(f'"{word}"' in text,
                                 f"{path.relative_to(ROOT)}: {word} is ResultCode::{word.replace('-', '_')}")

    def test_no_code_is_compared_with_text(self):
        for path, text in sources():
            self.assertFalse(re.search(r"\bcode(\(\))?\.word\(\) *[!=]=", text),
                             f"{path.relative_to(ROOT)}: compare with a ResultCode")

    def test_a_state_beside_a_code_is_one_of_its_row(self):
        """`Failure(ResultCode::x, …, JobState::y)`, and likewise `make_result` and `end_as`."""
        rows = re.findall(r'{ResultCode::(\w+),\s*"[a-z-]+",\s*JobState::(\w+),(.*?)(?=\n    {ResultCode|\n}\);)',
                          (ROOT / "daemon/core/result_code.cc").read_text(), re.S)
        states = {code: {usual, *re.findall(r"JobState::(\w+)", rest)} for code, usual, rest in rows}
        self.assertEqual(len(states), len(self.CODES))
        found = 0
        for path, text in sources():
            for code, state in re.findall(
                    r"(?:Failure[({]|make_result\(|end_as\(\w+, |bad\(|return \{)\s*ResultCode::(\w+),[^;{}]*?,\s*JobState::(\w+)[)}]", text):
                self.assertIn(state, states[code], f"{path.relative_to(ROOT)}: {code}")
                found += 1
        self.assertGreater(found, 2)


class Lists(unittest.TestCase):
    def test_kinds_in_the_sources_come_from_the_table(self):
        """A list of kinds written by hand will lack the next kind."""
        kinds = r"(?:prepare-client|prepare-repository|backup|restore|catalog|prune|compact|check|verify|list|withdraw)"
        for folder in ("daemon", "client"):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.suffix in (".cc", ".h") and path.name != "job_kind.h":
                    text = re.sub(r"//.*", "", path.read_text())
                    found = re.search(rf'"?\b{kinds}"?, "?{kinds}"?(, "?| and | or ){kinds}\b', text)
                    self.assertFalse(found, f"{path.relative_to(ROOT)}: {found and found[0]}")


@unittest.skipUnless(len(sys.argv) > 1, "print-tables was not named")
class Documents(unittest.TestCase):
    def test_manual_has_the_codes(self):
        self.assertEqual(SECTION.search(MANUAL.read_text())[0], manual_section(),
                         f"the manual is made anew by {sys.argv[0]} PRINT-TABLES --write-manual")

    def property_text(self, name):
        return re.search(rf"(?m)^\\fB{name}\\fR s.*\n(.*)$", MANUAL.read_text())[1].replace("\\-", "-")

    def test_manual_has_the_kinds(self):
        self.assertEqual(self.property_text("Kind"), alternatives(names("kinds")) + ".")

    def test_manual_has_the_states(self):
        text = re.sub(r"\([^)]*\)", "", self.property_text("State"))
        self.assertEqual([word for word in re.findall(r"[a-z]+", text) if word in names("states")], names("states"))

    def test_interface_has_the_states(self):
        xml = (ROOT / "dbus" / "org.cyborgbackup1.Job.xml").read_text()
        self.assertIn(f"<!-- {' '.join(names('states'))} -->", xml)

    def test_manual_has_the_kinds_with_hooks(self):
        said = re.search(r"(?s)\.B kinds\n[^.]*\.BR (.*?)\n\.", CYBORGCTL.read_text())[1]
        self.assertEqual(re.findall(r"[a-z-]+", said.replace(" and ", "")),
                         [row["name"] for row in tables()["kinds"] if row["hooks"]])


class Hooks(unittest.TestCase):
    def test_manual_has_the_words_of_hooks(self):
        source = (ROOT / "daemon/core/hooks.cc").read_text()
        for key, constant in (("when", "kWhen"), ("where", "kWhere"), ("effect", "kEffect")):
            words = re.findall(r'"(\w+)"', re.search(rf"constexpr std::array {constant}{{(.*?)}}", source)[1])
            said = re.search(rf"(?s)\n\.B {key}\n(.*?)\n\.(?:TP|PP)\n", CYBORGCTL.read_text())[1]
            for word in words:
                self.assertRegex(said, rf"\b{word}\b", key)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK):
        program = sys.argv.pop(1)
    if sys.argv[1:] == ["--write-manual"]:
        MANUAL.write_text(SECTION.sub(lambda _: manual_section(), MANUAL.read_text()))
        sys.exit()
    unittest.main()
