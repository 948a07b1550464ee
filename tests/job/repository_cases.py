# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparations, passphrases, listings and checks."""

import time

import harness
from case import PASSPHRASE, JobCase


class Repositories(JobCase):
    def test_a_repository_is_made_once_and_adopted_after(self):
        for host in (harness.NOWHERE, self.vault.target(host_key="")):
            path = self.work / f"deep/er {host['port']}/repository"
            fields = dict(repository_path=str(path), repository_host=host)
            run = self.lab.run("prepare-repository", PASSPHRASE, **fields)
            self.assert_state(run, "successful", "ok")
            self.assertEqual(run.facts["created"], True)
            self.assertEqual(run.facts["encryption"], "repokey-blake2")
            self.assertEqual(run.facts["host_key"], self.vault.host_key if host["address"] else "")
            again = self.lab.run("prepare-repository", PASSPHRASE, borg_id=run.facts["borg_id"], **fields)
            self.assert_state(again, "successful", "ok")
            self.assertEqual(again.facts["created"], False)
            other = self.lab.run("prepare-repository", PASSPHRASE, borg_id="00" * 32, **fields)
            self.assert_state(other, "failed", "repository-swapped")

    def test_a_listing_says_what_there_is_and_looks_at_what_is_wanted(self):
        for host in (harness.NOWHERE, self.vault.target()):
            path = self.work / f"listed {host['port']}"
            fields = dict(repository_path=str(path), repository_host=host)
            fields["borg_id"] = self.prepare(**fields)
            made = [self.backup(**fields) for _ in range(2)]
            run = self.lab.run("list", PASSPHRASE, import_names=[made[1].archive["name"]], **fields)
            self.assert_state(run, "successful", "ok")
            self.assertEqual({one["id"]: one["name"] for one in run.facts["archives"]},
                             {one.archive["id"]: one.archive["name"] for one in made})
            self.assertTrue(all(abs(one["created"] / 1e6 - time.time()) < 600 for one in run.facts["archives"]))
            wanted, = run.facts["imported"]
            self.assertEqual((wanted["id"], wanted["nfiles"]), (made[1].archive["id"], 1))
            self.assertGreater(wanted["original_size"], 0)
            run = self.lab.run("list", PASSPHRASE, import_names=["nothing"], **fields)
            self.assert_state(run, "failed", "archive-missing")
            self.assertNotIn("archives", run.facts)
            run = self.lab.run("list", "another passphrase", **fields)
            self.assert_state(run, "failed", "passphrase-wrong")

    def test_a_check_in_parts_knows_when_it_came_to_the_end(self):
        for host in (harness.NOWHERE, self.vault.target()):
            path = self.work / f"checked {host['port']}"
            fields = dict(repository_path=str(path), repository_host=host)
            fields["borg_id"] = self.prepare(**fields)
            self.backup(**fields)
            run = self.lab.run("check", PASSPHRASE, max_duration=60, **fields)
            self.assert_state(run, "successful", "ok")
            self.assertIs(run.facts["complete"], True)
            self.assertEqual(len(run.facts["archives"]), 1)
            self.assertIn("the last part", run.result["message"])

    def test_facts_of_a_client(self):
        for fields, key in ((dict(target=self.web.target(host_key="")), self.web.host_key), (dict(local=True), "")):
            run = self.lab.run("prepare-client", **fields)
            self.assert_state(run, "successful", "ok")
            self.assertRegex(run.facts["borg_version"], r"^1\.[24]\.\d+$")
            self.assertEqual(run.facts["host_key"], key)
            self.assertIn("Debian", run.facts["operating_system"])
            self.assertTrue(run.facts["hostname"])

    def test_every_character_of_a_passphrase_survives(self):
        passphrase = "".join(chr(c) for c in range(1, 0x250) if chr(c) not in "\n\r") + "\u20ac "
        fields = dict(repository_path=str(self.repository), local=True)
        made = self.lab.run("prepare-repository", passphrase, **fields)
        self.assert_state(made, "successful", "ok")
        self.assert_state(self.backup(passphrase=passphrase), "successful", "ok")

    def test_of_two_passphrases_the_one_that_opens_a_repository_is_found(self):
        fields = dict(repository_path=str(self.repository), borg_id=self.prepare())
        def prepare(old, new, **more):
            return self.lab.run("prepare-repository", old, new_passphrase=new, **fields, **more)
        for old, new, which, state, code in (
                (PASSPHRASE, "wrong", "old", "warning", "passphrase-wrong"), ("wrong", PASSPHRASE, "new", "successful", "ok")):
            run = prepare(old, new)
            self.assert_state(run, state, code)
            self.assertEqual(run.facts["passphrase"], which)
        run = prepare("wrong", "another")
        self.assert_state(run, "failed", "passphrase-wrong")
        self.assertEqual(run.facts["passphrase"], "none")

    def test_a_passphrase_is_changed(self):
        for host in (harness.NOWHERE, self.vault.target()):
            path = self.work / f"repository {host['port']}"
            fields = dict(repository_path=str(path), repository_host=host)
            fields["borg_id"] = self.prepare(**fields)
            new = PASSPHRASE + " but another"
            test = self.lab.run("prepare-repository", PASSPHRASE, new_passphrase=new, change_passphrase=True, dry_run=True, **fields)
            self.assert_state(test, "warning", "passphrase-wrong")
            for _ in range(2):  # also if a first job was interrupted after borg had finished
                run = self.lab.run("prepare-repository", PASSPHRASE, new_passphrase=new, change_passphrase=True, **fields)
                self.assert_state(run, "successful", "ok")
                self.assertEqual(run.facts["passphrase"], "new")
                self.assertNotIn(b"but another", run.printed)
            self.assert_state(self.lab.run("list", PASSPHRASE, **fields), "failed", "passphrase-wrong")
            self.assert_state(self.lab.run("list", new, **fields), "successful", "ok")
