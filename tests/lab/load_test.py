# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases are restored into real servers with their contents, or the existing databases stay unchanged."""

from database_test import (ODD_NAME, PASSWORD, add, expect_nowhere, make_mysql, make_postgresql, psql, quoted,
                           rows_of_mysql, rows_of_postgresql, server, sql)
from machines import wait_for
from suite import expect, expect_equal, expect_in, test


def _restore(t, archive, *words, status=0):
    return t.json("restore", archive, *words, "--wait", status=status)["jobs"][0]


def _fails(t, archive, *words, code, parts):
    job = _restore(t, archive, *words, status=7)
    expect_equal((job["state"], job["code"]), ("failed", code), f"end of the restore: {job['reason']}")
    expect_in(parts, job["reason"])


def _databases(t, kind, machine):
    if kind == "postgresql":
        names = psql(machine, "select datname from pg_database")
    else:
        names = sql(machine, "show databases")
    return sorted(name for name in names.splitlines() if name.startswith((t.prefix, "cyborg-")))


def _there_and_back(t, kind, machine, place):
    """Drops one database, damages another, and has a third under another name."""
    node = getattr(t, machine)
    make, rows_of, ask = ((make_postgresql, rows_of_postgresql, psql) if kind == "postgresql" else (make_mysql, rows_of_mysql, sql))
    mark = '"' if kind == "postgresql" else "`"
    names = [t.name("shop"), t.name(ODD_NAME)]
    rows = [make(t, node, name) for name in names]
    copy = t.name("copy")
    t.later(ask, node, f"drop database if exists {quoted(copy, mark)}")
    client = t.client(machine)
    policy = t.policy(kind, t.repository(place), client)
    archive = t.backup(policy)["archive"]

    ask(node, f"drop database {quoted(names[1], mark)}")
    ask(node, "delete from item where n > 10", names[0])
    spoilt = rows_of(node, names[0])
    _fails(t, archive, "--database", names[0], code="database-exists", parts=[names[0], "not empty", "--conflict overwrite"])
    dry = t.json("restore", archive, "--database", names[0], "--database", f"{names[1]}={copy}", "--dry-run")["jobs"][0]
    expect_equal({row["target"]: row["there"] for row in dry["facts"]["databases"]}, {names[0]: "full", copy: "missing"},
                 f"a dry run: {dry['reason']}")
    expect_equal(rows_of(node, names[0]), spoilt, "nothing was changed by either")

    job = _restore(t, archive, "--database", names[1], "--database", f"{names[0]}={copy}")
    expect_equal(job["state"], "successful", job["reason"])
    expect_equal([rows_of(node, name) for name in (names[1], copy)], [rows[1], rows[0]], "rows of the lost one and the copy")
    job = _restore(t, archive, "--database", names[0], "--conflict", "overwrite")
    expect_equal((job["state"], rows_of(node, names[0])), ("successful", rows[0]), job["reason"])
    expect_equal(_databases(t, kind, node), sorted([copy, *names]), "databases, and nothing left beside them")
    _fails(t, archive, "--database", t.name("nix"), code="database-not-in-archive", parts=[t.name("nix"), names[0]])
    return node, policy, archive, names


@test("PostgreSQL 15: lost, spoilt and copied databases come back", alone=True, core=True)
def postgresql_15(t):
    node, policy, archive, names = _there_and_back(t, "postgresql", "web", "server")
    # A missing role is named, nothing stays half-done, and restoring the globals creates it.
    role = t.name("role")
    psql(node, f'create role "{role}" login password \'x\'; alter database "{names[0]}" owner to "{role}"')
    t.later(psql, node, f'drop database if exists "{names[0]}"; drop role if exists "{role}"')
    archive = t.backup(policy)["archive"]
    psql(node, f'drop database "{names[0]}"; drop role "{role}"')
    _fails(t, archive, "--database", names[0], code="load-failed", parts=[f'role "{role}" does not exist', "--globals"])
    expect(names[0] not in _databases(t, "postgresql", node), "what could not be loaded is gone again")
    job = _restore(t, archive, "--database", names[0], "--globals")
    expect_equal(job["state"], "successful", job["reason"])
    owner = psql(node, f"select rolname, rolpassword like 'SCRAM%' from pg_database join pg_authid r on r.oid = datdba where datname = '{names[0]}'")
    expect_equal(owner, f"{role}|t\n", "owner of the database, with a password")


@test("PostgreSQL 17: lost, spoilt and copied databases come back")
def postgresql_17(t):
    _there_and_back(t, "postgresql", "db", "vault")


@test("MariaDB: lost, spoilt and copied databases come back", alone=True, core=True)
def mysql(t):
    node, policy, archive, names = _there_and_back(t, "mysql", "web", "vault")
    user = f"'{t.prefix}-u'@'localhost'"
    sql(node, f"create user {user} identified by 'x'; grant select on `{names[0]}`.* to {user}")
    t.later(sql, node, f"drop user if exists {user}")
    archive = t.backup(policy)["archive"]
    expected = sql(node, f"show grants for {user}")
    root = sql(node, "show grants for root@localhost")
    sql(node, f"drop user {user}")
    job = _restore(t, archive, "--globals")
    expect_equal(job["state"], "successful", job["reason"])
    expect_equal((sql(node, f"show grants for {user}"), sql(node, "show grants for root@localhost")), (expected, root), "grants")
    _fails(t, archive, "--all-databases", code="database-exists", parts=["not empty"])


@test("the newer MariaDB: lost, spoilt and copied databases come back")
def mysql_of_trixie(t):
    _there_and_back(t, "mysql", "db", "server")


@test("as a user with a password, which is nowhere; a wrong one is told")
def password(t):
    name, user = t.name("shop"), t.name("user").replace("-", "_")
    rows = make_postgresql(t, t.web, name)
    psql(t.web, f"create role {user} superuser login password '{PASSWORD.replace(chr(39), 2 * chr(39))}'")
    t.later(psql, t.web, f"drop role {user}")
    policy, client = add(t, "postgresql", "web", dict(database=name, user=user, host="127.0.0.1", password=PASSWORD))
    archive = t.backup(policy)["archive"]
    t.later(psql, t.web, f'drop database if exists "{name}-2"')
    # Long enough to be inspected.
    t.web.sh('touch "$1"; printf "#!/bin/sh\\nwhile [ -e $1 ]; do sleep 0.2; done\\nexec /usr/bin/pg_restore \\"\\$@\\"\\n" '
             '>/usr/local/bin/pg_restore; chmod 755 /usr/local/bin/pg_restore', f"/run/hold-{t.prefix}")
    t.later(t.web.sh, 'rm -f "$1" /usr/local/bin/pg_restore', f"/run/hold-{t.prefix}")
    number = t.json("restore", archive, "--database", f"{name}={name}-2")["jobs"][0]
    wait_for(lambda: t.web.has_process("/usr/local/bin/pg_restore"), 60, "pg_restore runs")
    expect_nowhere(t, t.web, t.server)
    t.web.run("rm", f"/run/hold-{t.prefix}")
    job = t.ended(number)
    expect_equal((job["state"], rows_of_postgresql(t.web, f"{name}-2")), ("successful", rows), job["reason"])
    psql(t.web, f'drop database "{name}-2"')
    t.ctl("policy", "set", policy, "--password-file", "-", data="wrong\n")
    _fails(t, archive, "--database", f"{name}={name}-2", code="load-failed", parts=[name, "password authentication failed"])
    expect_equal(_databases(t, "postgresql", t.web), [name], "databases")


@test("the server's own databases, and a restore that is canceled puts back what it was to replace")
def local(t):
    user, name = t.name("user").replace("-", "_"), t.name("own")
    rows = make_postgresql(t, t.server, name, rows=50000)
    psql(t.server, f"create role {user} superuser login password 'local'")
    t.later(psql, t.server, f"drop role {user}")
    policy, _ = add(t, "postgresql", "server", dict(database=name, user=user, host="127.0.0.1", password="local"))
    archive = t.backup(policy)["archive"]
    psql(t.server, "delete from item where n > 10", name)
    job = _restore(t, archive, "--database", name, "--conflict", "overwrite")
    expect_equal((job["state"], rows_of_postgresql(t.server, name)), ("successful", rows), job["reason"])
    # pg_restore is delayed before it does anything.
    t.server.sh('printf "#!/bin/sh\\nsleep 60\\n" >/usr/local/bin/pg_restore; chmod 755 /usr/local/bin/pg_restore')
    t.later(t.server.run, "rm", "-f", "/usr/local/bin/pg_restore")
    number = t.json("restore", archive, "--database", name, "--conflict", "overwrite")["jobs"][0]
    wait_for(lambda: any(one.startswith("cyborg-") for one in _databases(t, "postgresql", t.server)), 30, "the old one is put aside")
    t.ctl("job", "cancel", str(number), "--wait")
    expect_equal((_databases(t, "postgresql", t.server), rows_of_postgresql(t.server, name)), ([name], rows), "what was there, as it was")


@test("what cannot be loaded is refused")
def refused(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir "$1" && echo x >"$1/f"', source)
    archive = t.backup(t.folders(source))["archive"]
    t.refused(["restore", archive, "--database", "x"], 2, "type folders", "no databases")
    t.refused(["restore", archive, "--database", "x", "--to", "web:/x"], 2, "CLIENT")
    t.refused(["restore", archive, "--database", "x=", ], 2, "NEWNAME")
    t.refused(["restore", archive, "--database", "x", "--in-place"], 2, "one of")
    server(t.web, "mariadb")
    archive = t.backup(t.policy("mysql", t.repository("server", suffix="-my"), t.client("web", suffix="-my"), "--var", "database=mysql",
                                suffix="my"))["archive"]
    t.refused(["restore", archive, "--database", "mysql"], 2, "the server's own")
    t.refused(["restore", archive, "--database", "x", "--conflict", "keep"], 2, "keep", "overwrite or fail")
    t.refused(["restore", archive, "--database", "x", "/etc"], 2, "by name")
