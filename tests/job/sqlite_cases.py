# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of SQLite: saved while somebody writes, verified, and put back."""

import sqlite3
import threading
import urllib.parse

import harness
from case import PASSPHRASE, JobCase

HERE = dict(local=True, target=harness.NOWHERE)


class Sqlite(JobCase):
    def make(self, name, mode="wal", rows=2000):
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        with sqlite3.connect(path) as database:
            database.execute(f"pragma journal_mode={mode}")
            database.execute("create table item(n integer primary key, text)")
            database.executemany("insert into item values (?, ?)", ((n, "x" * 500) for n in range(rows)))
        database.close()
        path.chmod(0o640)
        return path

    def save(self, *names, **fields):
        dump = dict(type="sqlite", databases=[str(name) for name in names], copy_folder=[str(self.relays)])
        return self.start_backup(roots=[], dump=dump, **fields).end()

    def verify(self, archive):
        return self.lab.run("verify", PASSPHRASE, repository_path=str(self.repository), archive=archive, verify="sqlite",
                            target=self.web.target())

    def put_back(self, archive, names, conflict="fail", **fields):
        restore = dict(conflict=conflict, paths=[], directory="", output=False, tar=False,
                       databases={str(old): str(new) for old, new in names}, guest="", guest_name="", start=False,
                       all_databases=False, globals=False, dry_run=False)
        return self.restore(archive, "", dump=dict(type="sqlite"), restore=restore, **fields)

    def rows(self, path):
        database = sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True)
        try:
            self.assertEqual(database.execute("pragma integrity_check").fetchall(), [("ok",)])
            return database.execute("select count(*) from item").fetchone()[0]
        finally:
            database.close()

    def writer(self, path):
        """Writes two rows at a time until it is told to end; nothing may keep it from that for long."""
        end = threading.Event()
        errors = []

        def write():
            database = sqlite3.connect(path, timeout=60, isolation_level=None)
            try:
                # Others get their turn: SQLite queues nobody.
                while not end.wait(0.01):
                    database.execute("begin immediate")
                    for _ in range(2):
                        database.execute("insert into item(text) values ('more')")
                    database.execute("commit")
            except sqlite3.Error as error:
                errors.append(error)
            database.close()
        thread = threading.Thread(target=write)
        thread.start()

        def stop():
            end.set()
            thread.join()
            self.assertEqual(errors, [])
        self.addCleanup(stop)
        return stop

    def test_a_database_that_is_written_meanwhile_is_saved_verified_and_put_back(self):
        self.prepare()
        for where in ({}, HERE):
            for mode in ("wal", "delete"):
                path = self.make(f"{mode}-{len(where)}.db", mode)
                stop = self.writer(path)
                run = self.save(path, **where)
                stop()
                self.assert_state(run, "successful", "ok")
                self.assertEqual(run.archive["nfiles"], 1)
                archive = run.archive["name"]
                checked = self.verify(archive)
                self.assert_state(checked, "successful", "ok")
                self.assertEqual((checked.facts["proven"], checked.facts["tables"]), ("loaded", 1))
                copy = self.work / "copy.db"
                self.assert_state(self.put_back(archive, [(path, copy)], **where), "successful", "ok")
                self.assertEqual(self.rows(copy) % 2, 0)
                self.assertEqual(self.rows(copy), checked.facts["rows"])
                self.assertEqual(copy.stat().st_mode & 0o777, 0o640)
                copy.unlink()
        self.assert_no_trace()

    def test_what_is_there_is_replaced_only_if_that_is_asked_for(self):
        self.prepare()
        path = self.make("it's a/b c%.db")
        archive = self.save(self.work / "*/*.db").archive["name"]
        with sqlite3.connect(path) as database:
            database.execute("delete from item")
        database.close()
        refused = self.put_back(archive, [(path, path)])
        self.assert_state(refused, "failed", "database-exists")
        self.assertIn(str(path), refused.message)
        self.assertEqual(self.rows(path), 0)
        busy = sqlite3.connect(path)
        busy.execute("select * from item")
        refused = self.put_back(archive, [(path, path)], "overwrite")
        busy.close()
        self.assert_state(refused, "failed", "load-failed")
        self.assertIn("is in use by process", refused.message)
        self.assert_state(self.put_back(archive, [(path, path)], "overwrite"), "successful", "ok")
        self.assertEqual(self.rows(path), 2000)
        missing = self.put_back(archive, [(self.work / "none.db", self.work / "none.db")])
        self.assert_state(missing, "failed", "database-not-in-archive")
        out = self.work / "out"
        self.assert_state(self.restore(archive, out), "successful", "ok")
        file = out / f"sqlite{self.work}" / "it%27s%20a" / "b%20c%25.db"
        self.assertEqual((self.rows(file), file.stat().st_mode & 0o777), (2000, 0o640))
        self.assert_no_trace()

    def test_what_cannot_be_saved_is_named_and_leaves_no_archive(self):
        self.prepare()
        path = self.make("a.db")
        (self.work / "text").write_text("no database")
        for name, said in (("none.db", "none.db does not exist"), ("text", "text is no SQLite database"),
                           ("*.none", "no file matches")):
            run = self.save(path, self.work / name)
            self.assert_state(run, "failed", "dump-list-failed")
            self.assertIn(said, run.message)
        broken = self.make("broken.db", "delete")
        with open(broken, "r+b") as file:
            file.seek(100)
            file.write(b"\0" * 3000)
        run = self.save(path, broken)
        self.assert_state(run, "failed", "dump-failed")
        self.assertIn(str(broken), run.message)
        self.assert_no_trace()
