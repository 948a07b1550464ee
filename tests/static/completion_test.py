#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The completion for bash offers what cyborgctl takes: its commands, their options, and the words of an option.

  completion_test.py [CYBORGCTL]     a cyborgctl whose --help is asked; without one, nothing is compared
"""

import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPLETION = ROOT / "client" / "completions" / "cyborgctl.bash"
GLOBAL = {"--json", "--quiet", "--no-ask-password", "--help", "--version"}

cyborgctl = None


@functools.cache
def usage(*words):
    return subprocess.run([cyborgctl, *words, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout


def section(text, title):
    """{name: the rest of its lines} of a section of a help text."""
    found = re.search(rf"^{title}:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    entries, name = {}, None
    for line in found[1].splitlines() if found else []:
        entry = re.match(r"  (\S+)(.*)", line)
        if entry:
            name = entry[1]
            entries[name] = entry[2]
        elif name:
            entries[name] += " " + line.strip()
    return entries


def subcommands(*words):
    return set(section(usage(*words), "Subcommands"))


def options(*words):
    """{option: its help text}"""
    return {name.split(",")[-1]: text for name, text in section(usage(*words), "Options").items()}


@functools.cache
def properties(noun):
    """{key: the values that it can have, if they are words}"""
    result = subprocess.run([cyborgctl, "--json", noun, "properties"], stdout=subprocess.PIPE, check=True, text=True)
    return {row["name"]: row.get("values", []) for row in json.loads(result.stdout)}


def commands():
    for noun in sorted(subcommands()):
        verbs = subcommands(noun)
        yield from ((noun, verb) for verb in sorted(verbs)) if verbs else [(noun,)]


def offered(*words):
    """What is offered for the last of the words, but for names of objects: no daemon is asked."""
    script = f"""
      source {COMPLETION}
      _cyborgctl_names() {{ :; }}
      cyborgctl() {{ case " $* " in *" --help "* | *" properties "*) {cyborgctl} "$@" ;; esac; }}
      compopt() {{ :; }}
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _cyborgctl
      printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    # In an empty directory, since names of files would be offered, too.
    with tempfile.TemporaryDirectory() as empty:
        result = subprocess.run(["bash", "-c", script, "bash", "cyborgctl", *words], cwd=empty,
                                stdout=subprocess.PIPE, check=True, text=True)
    return set(result.stdout.split())


@unittest.skipUnless(len(sys.argv) > 1, "no cyborgctl was named")
class Completion(unittest.TestCase):
    def test_commands(self):
        self.assertEqual(offered(""), subcommands())
        for noun in subcommands():
            if verbs := subcommands(noun):
                with self.subTest(noun=noun):
                    self.assertEqual(offered(noun, ""), verbs)

    def test_options(self):
        for words in commands():
            with self.subTest(command=" ".join(words)):
                self.assertEqual(offered(*words, "-") - GLOBAL, set(options(*words)) - GLOBAL)

    def test_words_of_options(self):
        """Each word that is offered for an option is in its help, or a value of the property that it sets."""
        compared = set()
        for words in commands():
            for option, text in options(*words).items():
                choices = offered(*words, option, "")
                if {"=", "."} & {choice[-1] for choice in choices}:
                    continue  # the option is a flag, so keys of the object are offered
                if words[1:] == ("add",):
                    values = set(properties(words[0]).get(option.lstrip("-").replace("-", "_"), []))
                    compared |= {option} if choices & values else set()
                    choices -= values
                for choice in choices:
                    if re.fullmatch(r"\d+d", choice):
                        continue  # a span, for an example
                    with self.subTest(command=" ".join(words), option=option):
                        self.assertRegex(text, rf"(^|\W){re.escape(choice)}($|\W)")
                    compared.add(option)
        self.assertLessEqual({"--kind", "--state", "--conflict", "--transport", "--authorize"}, compared)

    def test_kinds_and_states_are_all_offered(self):
        for option in ("--kind", "--state"):
            said = set(re.findall(r"[a-z-]+", options("job", "list")[option])) - {"or"}
            self.assertEqual(offered("job", "list", option, ""), said, option)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK):
        cyborgctl = os.path.abspath(sys.argv.pop(1))
    unittest.main()
