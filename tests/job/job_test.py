#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""cyborg-job for real: sshd on loopback, borg, and every failure that can happen. Runs as root; CYBORG_JOB names the
program."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import harness  # noqa: E402
from case import PASSPHRASE, JobCase, wait_for  # noqa: E402
from direct_cases import Direct  # noqa: E402, F401: run with the others
from repository_cases import Repositories  # noqa: E402, F401
from sqlite_cases import Sqlite  # noqa: E402, F401

class Jobs(JobCase):
    # backup and restore

    def round_trip(self, **where):
        id_ = self.prepare(**{k: v for k, v in where.items() if k == "repository_host"})
        run = self.backup(borg_id=id_, **where)
        self.assert_state(run, "successful", "ok")
        self.assertEqual(run.archive["nfiles"], 1)
        self.assertRegex(run.archive["id"], "^[0-9a-f]{64}$")
        out = self.work / "made" / "out"
        self.assert_state(self.restore(run.archive["name"], out, **where), "successful", "ok")
        self.assert_same(self.source, str(out) + str(self.source))
        self.assert_no_trace()
        return run

    def test_the_server_itself_to_its_own_disk(self):
        self.round_trip(local=True, target=harness.NOWHERE)

    def test_the_server_itself_to_a_repository_host(self):
        self.round_trip(local=True, target=harness.NOWHERE, repository_host=self.vault.target())

    def test_a_client_to_the_servers_disk(self):
        self.round_trip()

    def test_a_client_to_a_repository_host(self):
        self.round_trip(repository_host=self.vault.target())

    def test_both_through_a_jump_host(self):
        jump = f"root@127.0.0.1:{self.vault.port}"
        self.round_trip(target=self.web.target(jump=jump), repository_host=self.vault.target(jump=jump))

    def test_a_lock_from_before_the_start_of_a_machine_is_removed(self):
        """The lock's process id belongs to a process that lives today, but its host name is one that the machine had
        before."""
        id_ = self.prepare()
        self.assert_state(self.backup(borg_id=id_), "successful", "ok")
        cache = f".cache/borg/{id_}"
        for top in (self.lab.directory / "client" / cache, self.lab.borg_directory / cache, self.repository):
            lock = top / "lock.exclusive"
            lock.mkdir()
            (lock / f"{socket.gethostname()}@1.1-0").touch()
            os.utime(lock, (0, 0))
            run = self.backup(borg_id=id_) if "client" in str(top) else self.lab.run(
                "check", PASSPHRASE, repository_path=str(self.repository), borg_id=id_)
            self.assert_state(run, "successful", "ok")
            self.assertIn(f"{lock} was left by a borg from before".encode(), run.printed)

    def test_the_directory_of_a_job_is_in_no_archive(self):
        (self.relays / "mine").write_text("content")
        run = self.backup(borg_id=self.prepare(), roots=[str(self.relays)], patterns=[f"+ {self.relays}"])
        self.assert_state(run, "successful", "ok")
        out = self.work / "out"
        self.assert_state(self.restore(run.archive["name"], out), "successful", "ok")
        self.assertEqual(os.listdir(str(out) + str(self.relays)), ["mine"])
        (self.relays / "mine").unlink()

    def test_what_runs_on_a_client_can_be_printed(self):
        run = self.backup(borg_id=self.prepare())
        self.assert_state(run, "successful", "ok")
        spec = self.lab.directory / f"credentials-{self.lab.number}" / "spec"
        printed = subprocess.run([harness.PROGRAM, "--print-script", spec], capture_output=True, text=True)
        self.assertEqual((printed.returncode, printed.stderr), (0, ""))
        self.assertRegex(printed.stdout, "^# borg create, on client web\nPATH=")
        self.assertIn("'create'", printed.stdout)
        self.assertNotIn(PASSPHRASE, printed.stdout)
        none = subprocess.run([harness.PROGRAM, "--print-script", "/dev/null"], capture_output=True, text=True)
        self.assertEqual((none.returncode, none.stdout), (1, ""))

    def test_append_only(self):
        self.prepare(append_only=True)
        self.assert_state(self.backup(append_only=True), "successful", "ok")

    def test_odd_names_survive(self):
        names = [b"space s", b"quote'\"", b"dollar$HOME`id`", b"new\nline", b"back\\slash", b"bad\xff\xfeutf", "é".encode(),
                 b"-dash", b"{brace}", b"star*"]
        for name in names:
            with open(os.path.join(os.fsencode(self.source), name), "wb") as file:
                file.write(name)
        os.symlink("file", self.source / "link")
        roots = [self.source, self.work / "ro'o\"t $x\nwith {all}", self.work / "excluded"]
        for root in roots[1:]:
            root.mkdir()
            (root / "file").write_text("x")
            (root / "no 'thanks'").write_text("x")
        self.prepare()
        run = self.backup(roots=[str(r) for r in roots], exclude=["*/no 'thanks'", "*$(touch /tmp/never)*"])
        self.assert_state(run, "successful", "ok")
        out = self.work / "out"
        self.assert_state(self.restore(run.archive["name"], out), "successful", "ok")
        self.assert_same(self.source, str(out) + str(self.source))
        self.assertEqual(os.listdir(str(out) + str(roots[1])), ["file"])

    def test_metadata_survives(self):
        file = self.source / "file"
        os.chown(file, 1234, 2345)
        file.chmod(0o4751)
        os.setxattr(file, "user.test", b"value")
        os.utime(file, ns=(1, 1234567890123456789))
        os.link(file, self.source / "twin")
        self.prepare()
        run = self.backup()
        out = self.work / "out"
        self.assert_state(self.restore(run.archive["name"], out), "successful", "ok")
        self.assertEqual(out.stat().st_mode & 0o777, 0o755)
        there = pathlib.Path(str(out) + str(file))
        status = there.stat()
        self.assertEqual((status.st_uid, status.st_gid, status.st_mode & 0o7777), (1234, 2345, 0o4751))
        self.assertEqual(status.st_mtime_ns, 1234567890123456789)
        self.assertEqual(os.getxattr(there, "user.test"), b"value")
        self.assertEqual(status.st_nlink, 2)

    def test_a_restore_of_some_paths(self):
        (self.source / "other").write_text("x")
        self.prepare()
        name = self.backup().archive["name"]
        out = self.work / "out"
        self.assert_state(self.restore(name, out, paths=[str(self.source / "file")]), "successful", "ok")
        self.assertEqual(os.listdir(str(out) + str(self.source)), ["file"])
        run = self.restore(name, self.work / "out2", paths=["/no/such"])
        self.assert_state(run, "failed", "path-not-in-archive")
        self.assertIn("/no/such", run.message)
        self.assert_state(self.restore("nope", out), "failed", "archive-missing")

    # the output of commands

    def start_piped(self, command, filename="output", **fields):
        dump = harness.NO_DUMP | dict(type="piped", command=command, filename=filename)
        return self.start_backup(roots=[], dump=dump, **fields)

    def archives(self):
        environment = dict(os.environ, BORG_PASSPHRASE=PASSPHRASE, BORG_BASE_DIR=str(self.work / "list"),
                           BORG_RELOCATED_REPO_ACCESS_IS_OK="yes")
        out = subprocess.run(["borg", "list", "--short", "--consider-checkpoints", str(self.repository)],
                             env=environment, capture_output=True, check=True)
        return out.stdout.decode().split()

    def test_the_output_of_a_command(self):
        self.prepare()
        for number, where in enumerate(({}, dict(local=True, target=harness.NOWHERE))):
            run = self.start_piped("seq 300000; printf \"it's 'quoted' $((6 * 7))\"", "a.txt", **where).end()
            self.assert_state(run, "successful", "ok")
            out = self.work / f"out{number}"
            self.assert_state(self.restore(run.archive["name"], out), "successful", "ok")
            self.assertEqual(os.listdir(out), ["a.txt"])
            wanted = "".join(f"{n}\n" for n in range(1, 300001)) + "it's 'quoted' 42"
            self.assertEqual((out / "a.txt").read_text(), wanted)
        self.assert_no_trace()

    def test_a_command_that_fails_leaves_no_archive(self):
        self.prepare()
        for where in ({}, dict(local=True, target=harness.NOWHERE)):
            for command in ("seq 300000; echo no more >&2; exit 3", "echo no more >&2; exit 1", "echo no more >&2; kill -KILL $$",
                            "{ seq 300000; echo no more >&2; false; } | cat"):
                run = self.start_piped(command, **where).end()
                self.assert_state(run, "failed", "dump-failed")
                self.assertIn("no more", run.message)
        self.assertEqual(self.archives(), [])
        self.assert_no_trace()

    def test_a_command_that_prints_nothing_is_a_warning(self):
        self.prepare()
        for number, where in enumerate(({}, dict(local=True, target=harness.NOWHERE))):
            run = self.start_piped("true", "a.txt", **where).end()
            self.assert_state(run, "warning", "dump-warning")
            self.assertEqual(run.message, "the command printed nothing: a.txt in the archive is empty")
            self.assert_state(self.restore(run.archive["name"], self.work / f"out{number}"), "successful", "ok")
            self.assertEqual((self.work / f"out{number}" / "a.txt").stat().st_size, 0)
            for command in ("printf '\\0'", "printf '\\n'", "sleep 0.3; printf x"):
                self.assert_state(self.start_piped(command, **where).end(), "successful", "ok")
        self.assert_no_trace()

    def test_what_is_left_in_the_background_is_not_waited_for(self):
        self.prepare()
        left = self.work / "left"
        self.addCleanup(lambda: [os.kill(int(pid), signal.SIGKILL) for pid in left.read_text().split()])
        leave = f"setsid sleep 1234.5 %s & echo $! >>{left}; echo x"
        hook = dict(when="before", where="client", command=leave % "", timeout="100s", effect="fail", kinds=["backup"])
        dump = harness.NO_DUMP | dict(type="piped", command=leave % ">/dev/null", filename="f")
        for where in ({}, dict(local=True, target=harness.NOWHERE)):
            for what in (dict(hooks=[hook]), dict(hooks=[hook | dict(where="server")]), dict(roots=[], dump=dump)):
                begin = time.monotonic()
                run = self.start_backup(**where, **what).end()
                self.assert_state(run, "successful", "ok")
                self.assertIn("left a process that holds its output", run.output())
                self.assertTrue(5 < time.monotonic() - begin < 90, f"{what}: {time.monotonic() - begin} s")

    def test_a_command_is_ended_with_its_job(self):
        self.prepare()
        for where in ({}, dict(local=True, target=harness.NOWHERE)):
            run = self.start_piped(f"seq 300000; sleep 1234.5 & echo $! >{self.work}/pid; wait", **where)
            wait_for(lambda: (self.work / "pid").exists(), what="the command")
            pid = wait_for(lambda: (self.work / "pid").read_text().strip(), what="its id")
            os.kill(run.process.pid, signal.SIGTERM)
            self.assert_state(run.end(), "canceled", "canceled")
            wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), what="the command ends")
            (self.work / "pid").unlink()
        self.assertEqual(self.archives(), [])
        self.assert_no_trace()

    def test_a_borg_that_fails_has_its_own_reason(self):
        self.prepare()
        run = self.start_piped("seq 30000000", passphrase="wrong").end()
        self.assert_state(run, "failed", "passphrase-wrong")
        self.assert_no_trace()

    def small_directory(self):
        """The directory of the next job, on a small file system, and a file that fills it."""
        directory = self.lab.directory / f"job-{self.lab.number + 1}"
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(directory)], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(directory)], check=True)
        return directory, lambda: subprocess.run(["dd", "if=/dev/zero", f"of={directory}/filler"], stderr=subprocess.DEVNULL)

    def test_a_disk_that_gets_full_does_not_lose_the_result(self):
        self.prepare()
        directory, fill = self.small_directory()
        run = self.start_piped(f"until [ -e {self.work}/go ]; do sleep 0.1; done; echo x", local=True, target=harness.NOWHERE)
        wait_for(lambda: (directory / "output").exists() and "reading" in run.output(), what="the command runs")
        fill()
        (self.work / "go").touch()
        self.assert_state(run.end(), "successful", "ok")
        self.assertEqual(len(run.archive["id"]), 64)
        _, fill = self.small_directory()
        fill()
        run = self.backup()
        self.assertEqual((run.status, run.result), (1, None))
        self.assertIn("No space left on device", run.printed.decode())

    def test_a_pattern_that_is_none_is_named(self):
        self.prepare()
        for where in (dict(), dict(local=True)):
            for what in (dict(exclude=["*.tmp", "re:("]), dict(patterns=["- re:("])):
                run = self.backup(**where, **what)
                self.assert_state(run, "failed", "pattern-invalid")
                self.assertEqual(run.message, "a pattern is no regular expression: "
                                 f"{'- ' * ('patterns' in what)}re:( (missing ), unterminated subpattern at position 0)")

    def test_a_restore_runs_while_a_backup_does(self):
        self.prepare()
        name = self.backup().archive["name"]
        self.big_source(gigabytes=4)
        run = self.start_backup()
        wait_for(lambda: (run.progress() or {}).get("bytes", 0) > 1 << 20, what="progress")
        self.assert_state(self.restore(name, self.work / "out"), "successful", "ok")
        self.assertIsNone(run.process.poll())
        self.assert_state(run.end(), "successful", "ok")

    # failures

    def test_a_wrong_passphrase(self):
        self.prepare()
        self.assert_state(self.backup(passphrase="wrong"), "failed", "passphrase-wrong")
        self.assert_state(self.lab.run("prepare-repository", "wrong", repository_path=str(self.repository)), "failed",
                          "passphrase-wrong")
        self.assert_no_trace()

    def test_a_missing_folder_fails_before_there_is_an_archive(self):
        self.prepare()
        for where in (dict(), dict(local=True)):
            run = self.backup(roots=[str(self.source), "/no/such\nfolder"], **where)
            self.assert_state(run, "failed", "source-missing")
            self.assertIn("/no/such", run.message)
        self.assert_no_trace()
        self.assert_state(self.backup(roots=["/no/such", str(self.source)], any_root=True), "successful", "ok")
        self.assert_state(self.backup(roots=["/no/such", "/nor/that"], any_root=True), "failed", "source-missing")

    def test_a_folder_that_is_a_link_is_a_warning_that_names_it(self):
        self.prepare()
        link, file = self.work / "link", str(self.source / "file")
        link.symlink_to("source")
        (self.work / "nowhere").symlink_to("no/such")
        (self.work / "forged").symlink_to("x\n@cyborg no-borg")
        (self.source / "child").symlink_to("/etc")
        for where in (dict(), dict(local=True)):
            for roots in ([file, str(link)], [str(link)], [str(link), "/no/such"]):
                run = self.backup(roots=roots, any_root="/no/such" in roots, **where)
                self.assert_state(run, "warning", "root-is-link")
                self.assertEqual(run.warnings, [f"{link} on web is a symbolic link to {self.source}, and nothing but the link is saved: "
                                                "name the folder itself"])
                self.assertEqual(run.message, run.warnings[0])
            self.assertIn("symbolic link to no/such,", self.backup(roots=[str(self.work / "nowhere")], **where).message)
            forged = self.backup(roots=[file, str(self.work / "forged")], **where)
            self.assert_state(forged, "warning", "root-is-link")
            self.assertIn("@cyborg no-borg, and nothing but the link is saved", forged.message)
            self.assert_state(self.backup(roots=[str(link), str(self.source)], **where), "successful", "ok")

    def test_an_unreadable_file_is_a_warning_with_its_name(self):
        # Root can read everything except the first page of a process.
        unreadable = self.source / "unreadable"
        unreadable.touch()
        subprocess.run(["mount", "--bind", f"/proc/{os.getpid()}/mem", str(unreadable)], check=True)
        try:
            self.prepare()
            run = self.backup()
        finally:
            subprocess.run(["umount", str(unreadable)], check=True)
        self.assert_state(run, "warning", "borg-warning")
        self.assertIn(str(unreadable), run.warnings[0])
        self.assertIn(str(unreadable), run.message)
        self.assertEqual(len(run.archive["id"]), 64)

    def test_a_changed_host_key_stops_before_anything_is_sent(self):
        self.prepare()
        wrong = "SHA256:" + "A" * 43
        run = self.backup(target=self.web.target(host_key=wrong))
        self.assert_state(run, "error", "host-key-mismatch")
        self.assertIn(wrong, run.message)
        self.assertIn(self.web.host_key, run.message)
        self.assert_state(self.backup(repository_host=self.vault.target(host_key=wrong)), "error", "host-key-mismatch")

    def test_a_pinned_key_of_another_kind_is_found(self):
        both = self.lab.sshd(f"both-{self.work.name}", kinds=("ecdsa", "ed25519"),
                             extra=f"SetEnv CYBORG_CLIENT_DIR={self.work}/client")
        self.prepare()
        self.assert_state(self.backup(target=both.target()), "successful", "ok")

    def test_connections_that_cannot_be_made(self):
        self.prepare()
        port = harness.free_port()
        self.assert_state(self.backup(target=self.web.target(port=port)), "error", "connection-refused")
        run = self.backup(target=self.web.target(address="no-such-host.invalid"))
        self.assert_state(run, "error", "unknown-host")
        self.assertIn("no-such-host.invalid", run.message)
        run = self.backup(repository_host=self.vault.target(port=port))
        self.assert_state(run, "error", "connection-refused")
        stranger = self.lab.sshd(f"stranger-{self.work.name}", authorized="")
        run = self.backup(target=stranger.target())
        self.assert_state(run, "error", "authentication-failed")
        self.assertIn("cyborgctl ssh-key show", run.message)

    def test_repositories_that_cannot_be_used(self):
        self.assert_state(self.backup(), "failed", "repository-missing")
        self.assert_state(self.backup(repository_host=self.vault.target()), "failed", "repository-missing")
        self.repository.mkdir()
        (self.repository / "letter").write_text("mine")
        run = self.lab.run("prepare-repository", PASSPHRASE, repository_path=str(self.repository))
        self.assert_state(run, "failed", "repository-invalid")
        run = self.lab.run("prepare-repository", PASSPHRASE, repository_path=str(self.repository),
                           repository_host=self.vault.target())
        self.assert_state(run, "failed", "repository-invalid")

    def test_a_swapped_repository_gets_nothing(self):
        for host in (harness.NOWHERE, self.vault.target()):
            for encryption in ("none", "repokey"):
                self.repository = self.work / f"repository-{encryption}-{host['port']}"
                self.prepare(encryption=encryption)
                for where in (dict(), dict(local=True)):
                    run = self.backup(borg_id="ab" * 32, repository_host=host, **where)
                    self.assert_state(run, "failed", "repository-swapped")
                self.assert_no_trace()
                env = dict(os.environ, BORG_PASSPHRASE=PASSPHRASE, BORG_BASE_DIR=str(self.work / "b"),
                           BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes")
                out = subprocess.run(["borg", "list", str(self.repository)], env=env, capture_output=True, check=True)
                self.assertEqual(out.stdout, b"")

    def test_a_lost_connection_leaves_nothing_behind(self):
        self.prepare()
        self.big_source()
        for where, sshd in ((dict(), self.web), (dict(repository_host=self.vault.target()), self.web),
                            (dict(repository_host=self.vault.target()), self.vault)):
            run = self.start_backup(**where)
            wait_for(lambda: (run.progress() or {}).get("bytes", 0) > 1 << 20, what="progress")
            sshd.cut()
            run.end()
            self.assertEqual(run.code, "connection-lost", run.result)
            self.assertIn(run.state, ("error", "failed"))
            self.assert_no_trace()

    def test_a_canceled_backup_leaves_nothing_behind(self):
        self.prepare()
        self.big_source()
        for where in (dict(), dict(repository_host=self.vault.target()), dict(local=True)):
            run = self.start_backup(**where)
            wait_for(lambda: (run.progress() or {}).get("bytes", 0) > 1 << 20, what="progress")
            run.process.send_signal(signal.SIGTERM)
            self.assert_state(run.end(), "canceled", "canceled")
            self.assert_no_trace()

    def test_a_killed_job_leaves_nothing_behind(self):
        self.prepare()
        self.big_source()
        for where in (dict(), dict(repository_host=self.vault.target()), dict(local=True)):
            run = self.start_backup(**where)
            wait_for(lambda: (run.progress() or {}).get("bytes", 0) > 1 << 20, what="progress")
            run.process.kill()
            run.end()
            self.assert_no_trace()

    def test_no_secret_is_seen(self):
        secret = "seen-nowhere-else"
        fields = dict(repository_path=str(self.repository))
        self.assert_state(self.lab.run("prepare-repository", secret, **fields), "successful", "ok")
        self.big_source(gigabytes=1)
        run = self.start_backup(passphrase=secret)
        seen = []
        while run.process.poll() is None:
            for entry in pathlib.Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        if secret.encode() in (entry / name).read_bytes():
                            seen.append(str(entry / name))
                    except OSError:
                        pass
        self.assert_state(run.end(), "successful", "ok")
        self.assertEqual(seen, [])
        self.assertNotIn(secret, run.output() + run.printed.decode() + json.dumps(run.result))


if __name__ == "__main__":
    unittest.main(verbosity=2)
