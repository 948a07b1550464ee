# SPDX-License-Identifier: GPL-3.0-or-later
"""Transport direct; the tests act as the administrator who writes authorized_keys."""

import signal

import harness
from case import PASSPHRASE, JobCase, wait_for


class Direct(JobCase):
    def prepare_direct(self, **fields):
        direct = harness.NO_DIRECT | dict(used=True, manual=True)
        return self.lab.run("prepare-repository", PASSPHRASE, repository_path=str(self.repository),
                            repository_host=self.vault.target(), target=self.web.target(), direct=direct, **fields)

    def authorize(self, **fields):
        """Returns the additional options of a backup."""
        run = self.prepare_direct(**fields)
        self.assert_state(run, "failed", "not-authorized")
        line = run.message.split("again: ")[1]
        self.assertEqual(run.facts["direct_line"], "")
        with open(self.vault.authorized, "a") as file:
            file.write(line + "\n")
        run = self.prepare_direct(**fields)
        self.assert_state(run, "successful", "ok")
        self.assertEqual(run.facts["direct_line"], line)
        self.assertEqual(run.facts["host_public_key"], self.vault.public_key())
        direct = dict(used=True, manual=True, host_public_key=self.vault.public_key(), key=run.facts["direct_key"],
                      line=line)
        return dict(repository_host=self.vault.target(), borg_id=run.facts["borg_id"], direct=direct)

    def test_a_client_that_goes_to_the_repository_host_itself(self):
        where = self.authorize(client="web1")
        run = self.backup(client="web1", **where)
        self.assert_state(run, "successful", "ok")
        self.assert_no_trace()
        out = self.work / "out"
        by_relay = dict(repository_host=self.vault.target(), borg_id=where["borg_id"])
        self.assert_state(self.restore(run.archive["name"], out, **by_relay), "successful", "ok")
        self.assert_same(self.source, str(out) + str(self.source))
        # For borg the repository has the same name with both transports.
        self.assert_state(self.backup(client="web1", **by_relay), "successful", "ok")
        location = list((self.lab.directory / "client").rglob(f"security/{where['borg_id']}/location"))
        self.assertEqual(location[0].read_text(), f"ssh://cyborg{self.repository}")

    def test_a_direct_backup_to_another_repository_than_before(self):
        where = self.authorize(client="web2")
        where["borg_id"] = "ab" * 32
        run = self.backup(client="web2", **where)
        self.assert_state(run, "failed", "repository-swapped")
        self.assert_no_trace()

    def test_a_direct_backup_to_a_host_with_another_key(self):
        where = self.authorize(client="web3")
        where["direct"] = where["direct"] | dict(host_public_key=self.web.public_key())
        self.assert_state(self.backup(client="web3", **where), "error", "host-key-mismatch")
        self.assert_no_trace()

    def test_a_direct_backup_that_finds_nobody(self):
        where = self.authorize(client="web4")
        where["repository_host"] = self.vault.target(port=harness.free_port())
        run = self.backup(client="web4", **where)
        self.assert_state(run, "error", "connection-refused")
        self.assertIn("transport=relay", run.message)
        self.assert_no_trace()

    def test_a_direct_backup_without_the_clients_key(self):
        where = dict(repository_host=self.vault.target(), borg_id="ab" * 32,
                     direct=harness.NO_DIRECT | dict(used=True, host_public_key=self.vault.public_key()))
        self.assert_state(self.backup(client="web5", **where), "error", "no-client-key")
        self.assert_no_trace()

    def test_cancel_a_direct_backup(self):
        where = self.authorize(client="web6")
        self.big_source()
        job = self.start_backup(client="web6", **where)
        wait_for(lambda: (self.repository / "lock.exclusive").exists(), what="borg holds the lock")
        job.process.send_signal(signal.SIGTERM)
        job.end()
        self.assert_state(job, "canceled", "canceled")
        self.assert_no_trace()
