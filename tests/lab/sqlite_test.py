# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of SQLite: what comes back is one moment of a database that is written all the time, in its place."""

from suite import expect, expect_equal, expect_in, test

FOLDER = "/srv/{}"


def make(t, machine, mode="wal", rows=5000):
    folder = FOLDER.format(t.prefix)
    machine.sh('mkdir -p "$1"/data && chown games:games "$1"/data && chmod 755 "$1"/data', folder)
    t.later(machine.run, "rm", "-rf", folder)
    path = f"{folder}/data/it's a.db"
    ask(machine, path, f"pragma journal_mode={mode}; create table item(n integer primary key, text); "
                       f"insert into item select value, hex(randomblob(100)) from generate_series(1, {rows})")
    machine.sh('chown games:games "$1" && chmod 640 "$1"', path)
    return path


def ask(machine, path, statement):
    return machine.run("sqlite3", "-cmd", ".timeout 60000", path, statement).out


def write(t, machine, path):
    """Somebody writes two rows in each transaction, until the returned function is called."""
    t.background(machine, "runuser", "-u", "games", "--", "sh", "-c",
                 'while [ ! -e "$1.stop" ]; do sqlite3 -cmd ".timeout 60000" "$1" "begin immediate; '
                 'insert into item(text) values (\'x\'); insert into item(text) values (\'x\'); commit" || '
                 ': >"$1.failed"; : >"$1.wrote"; done; : >"$1.stopped"', "sh", path)
    machine.sh('until [ -e "$1.wrote" ]; do sleep 0.1; done', path)

    def stop():
        machine.sh(': >"$1.stop"; until [ -e "$1.stopped" ]; do sleep 0.1; done; [ ! -e "$1.failed" ] && rm "$1.stop" "$1.stopped"', path)
    return stop


def state(machine, path):
    return ask(machine, path, "pragma integrity_check; select count(*), count(*) % 2 from item").split()


@test("sqlite: a database that is written meanwhile is saved, verified and put back with its owner")
def written(t):
    machine = t.web
    path = make(t, machine)
    policy = t.policy("sqlite", t.repository("server"), t.client("web"), "--var", f"databases={FOLDER.format(t.prefix)}/*/*.db")
    stop = write(t, machine, path)
    job = t.backup(policy)
    stop()
    expect_equal(job["state"], "successful", job["reason"])
    expect_equal(machine.sh("ls -d /var/tmp/cyborg-sqlite-* 2>/dev/null || :"), "", "copies that are left")

    verified = t.json("policy", "verify", policy, "--wait")["jobs"][0]
    verified = t.job(verified["id"])
    expect_equal(verified["state"], "successful", verified["reason"])
    expect_in("loaded into SQLite: 1 tables", verified["reason"])

    copy = path.replace("it's a", "copy")
    t.ctl("restore", job["archive"], "--database", f"{path}={copy}", "--wait")
    good, rows = state(machine, copy)
    expect_equal((good, rows.split("|")[1]), ("ok", "0"), "a copy of one moment")
    expect(int(rows.split("|")[0]) > 5000, "it has what was written before")
    expect_equal(machine.run("stat", "-c", "%U %a", copy).out, "games 640\n", "owner and mode")

    before = ask(machine, path, "delete from item; select count(*) from item")
    expect_equal(before, "0\n", "rows")
    t.ctl("restore", job["archive"], "--database", path, "--wait", status=7)
    expect_equal(ask(machine, path, "select count(*) from item"), "0\n", "what is there stays")
    t.ctl("restore", job["archive"], "--database", path, "--conflict", "overwrite", "--wait")
    expect_equal(state(machine, path), [good, rows], "what came back")

    target = f"/restored/{t.prefix}"
    t.later(machine.run, "rm", "-rf", target)
    t.restore(job["archive"], job["client"], target)
    file = machine.sh('find "$1" -type f', target).strip()
    expect_in("it%27s%20a.db", file)
    expect_equal(state(machine, file), [good, rows], "the file alone")
    expect_equal(machine.run("stat", "-c", "%U %a", file).out, "games 640\n", "owner and mode of the file")


@test("sqlite: what is no database, or not there, fails and leaves no archive")
def refused(t):
    path = make(t, t.web)
    t.web.sh('echo no >"$1"/data/b.db', FOLDER.format(t.prefix))
    client, repository = t.client("web"), t.repository("server")
    for number, (name, said) in enumerate(((path.replace("it's a", "none"), "none.db does not exist"),
                                           (path.replace("it's a", "b"), "b.db is no SQLite database"),
                                           (path.replace("it's a.db", "*.none"), "no file matches"))):
        policy = t.policy("sqlite", repository, client, "--var", f"databases={path}", "--var", f"databases={name}",
                          suffix=str(number))
        job = t.backup(policy, status=7)
        expect_equal((job["state"], job["code"]), ("failed", "dump-list-failed"), job["reason"])
        expect_in(said, job["reason"])
        expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")


@test("sqlite: the server's own database is saved, verified and put back by a job in its sandbox")
def own(t):
    path = make(t, t.server, "wal", 100)
    policy = t.policy("sqlite", t.repository("server"), t.client("server"), "--var", f"databases={path}")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", job["reason"])
    t.server.run("rm", path)
    t.ctl("restore", job["archive"], "--database", path, "--wait")
    expect_equal(state(t.server, path), ["ok", "100|0"], "what came back")
    expect_equal(t.server.run("stat", "-c", "%U %a", path).out, "games 640\n", "the owner of its folder, and its mode")
