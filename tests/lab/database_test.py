# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps: the contents of real servers are restored, passwords are visible nowhere, and failures leave no archive."""

import json
import threading

from machines import wait_for
from suite import expect, expect_equal, expect_in, test

ODD_NAME = "odd/na me's \"100%\" é"
PASSWORD = "s3cret:\\\"'#$x é"

_started = set()
_starting = threading.Lock()


def server(machine, service):
    """Starts a database server on a machine, once for all tests."""
    with _starting:
        if (machine.lab.name, machine.name, service) in _started:
            return
        machine.run("systemctl", "start", service)
        ask = psql if service == "postgresql" else sql
        wait_for(lambda: ask(machine, "select 1", check=False) == "1\n", 60, f"{service} answers on {machine.name}")
        _started.add((machine.lab.name, machine.name, service))


# Statements go through standard input: some hold a password that must be in no argument.
def psql(machine, statement, database="postgres", **options):
    return machine.run("runuser", "-u", "postgres", "--", "env", f"PGDATABASE={database}", "psql", "-XAtq", "-v",
                       "ON_ERROR_STOP=1", data=statement, **options).out


def sql(machine, statement, database="", **options):
    return machine.run("mariadb", "--default-character-set=utf8mb4", "-NBr", database, data=statement, **options).out


def quoted(name, mark='"'):
    return mark + name.replace(mark, 2 * mark) + mark


def make_postgresql(t, machine, name, rows=1000):
    server(machine, "postgresql")
    psql(machine, f"create database {quoted(name)}")
    t.later(psql, machine, f"drop database if exists {quoted(name)} with (force)")
    psql(machine, f"create table item as select n, md5(n::text) as text from generate_series(1, {rows}) n", name)
    return rows_of_postgresql(machine, name)


def rows_of_postgresql(machine, name):
    return psql(machine, "select count(*), md5(string_agg(n || text, ',' order by n)) from item", name)


def make_mysql(t, machine, name, rows=1000):
    server(machine, "mariadb")
    sql(machine, f"create database {quoted(name, '`')}")
    t.later(sql, machine, f"drop database if exists {quoted(name, '`')}")
    sql(machine, "create table item engine=innodb as select seq as n, concat('é', md5(seq)) as text "
                 f"from seq_1_to_{rows}; create procedure p() select 1", name)
    return rows_of_mysql(machine, name)


def rows_of_mysql(machine, name):
    return sql(machine, "select count(*), sum(crc32(concat(n, text))) from item", name)


def variables(**values):
    """Variables as in the file that --vars names, including the password."""
    return json.dumps(values)


def add(t, kind, machine, values, suffix="policy"):
    """Adds a policy with these variables; returns its name and the client's."""
    client = t.client(machine, suffix=f"-{suffix}")
    t.server.sh('cat >"$1"', f"/root/{client}.json", data=variables(**values))
    t.later(t.server.run, "rm", f"/root/{client}.json")
    return t.policy(kind, t.repository("server", suffix=f"-{suffix}"), client, "--vars", f"/root/{client}.json",
                    suffix=suffix), client


def bring_back(t, job, machine):
    target = f"/restored/{t.prefix}-{job['id']}"
    t.restore(job["archive"], job["client"], target)
    return target, sorted(machine.sh('cd "$1" && find . -type f', target).splitlines())


def load_postgresql(t, machine, file, name):
    psql(machine, f"create database {quoted(name)}")
    t.later(psql, machine, f"drop database if exists {quoted(name)}")
    machine.sh('runuser -u postgres -- env PGDATABASE= pg_restore --exit-on-error -d "$1" <"$2"', name, file)


def load_mysql(t, machine, file, name):
    sql(machine, f"create database {quoted(name, '`')}")
    t.later(sql, machine, f"drop database if exists {quoted(name, '`')}")
    machine.sh('mariadb "$1" <"$2"', name, file)


def fails(t, policy, *parts, code="dump-failed"):
    """A run fails with a message that contains all the parts, and leaves no archive, not even a partial one."""
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", code), f"end of the backup: {job['reason']}")
    expect_in(parts, job["reason"])
    expect_no_archive(t, policy)
    return job


def expect_no_archive(t, policy):
    repository = t.json("policy", "show", policy)["repositories"][0]
    client = t.json("policy", "show", policy)["clients"][0]
    expect_equal(t.json("archive", "list", "--policy", policy), [], "archives that are known")
    key = t.server.run("cyborgctl", "repository", "key-export", repository, "--client", client).out
    listing = t.server.sh(
        'P=$(sed -n "s/^passphrase: *//Ip" /dev/stdin); export BORG_PASSPHRASE="$P" BORG_BASE_DIR=/root/look '
        'BORG_RELOCATED_REPO_ACCESS_IS_OK=yes BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes; '
        'borg list --short --consider-checkpoints "$1"', f"/var/lib/cyborg/repositories/{repository}-{client}", data=key)
    expect_equal(listing, "", "archives and checkpoints in the repository")


def lock_postgresql(t, machine, name):
    """Holds a lock on which dumps of this database wait; returns a function that releases it."""
    t.background(machine, "runuser", "-u", "postgres", "--", "env", f"PGDATABASE={name}", "psql", "-c",
                 "begin; lock item in access exclusive mode; select pg_sleep(600)")
    who = f"from pg_stat_activity where datname = '{name}' and query like '%pg_sleep%' and pid <> pg_backend_pid()"

    def release():
        psql(machine, f"select pg_terminate_backend(pid) {who}")
    t.later(release)
    wait_for(lambda: psql(machine, f"select exists(select {who} and wait_event = 'PgSleep')") == "t\n", 30, "the lock is held")
    return release


def lock_mysql(t, machine, name):
    t.background(machine, "mariadb", name, "-e", "lock tables item write; select sleep(600)")
    who = f"from information_schema.processlist where db = '{name}' and info like '%sleep(600)%' and id <> connection_id()"

    def release():
        for one in sql(machine, f"select id {who}").split():
            sql(machine, f"kill {one}")
    t.later(release)
    wait_for(lambda: sql(machine, f"select count(*) {who}") == "1\n", 30, "the lock is held")
    return release


def _all_of_postgresql(t, machine):
    node = getattr(t, machine)
    name, odd = t.name("shop"), t.name(ODD_NAME)
    rows = make_postgresql(t, node, name), make_postgresql(t, node, odd)
    psql(node, f"create role {quoted(t.name('role'))} password 'x'")
    t.later(psql, node, f"drop role {quoted(t.name('role'))}")
    policy, _ = add(t, "postgresql", machine, {})
    job = t.backup(policy)
    expect_equal(job["state"], "successful", "state")
    target, files = bring_back(t, job, node)
    expect_in(["./postgresql/globals.sql", "./postgresql/postgres.dump", f"./postgresql/{name}.dump"], files)
    expect_in(f"./postgresql/{t.prefix}-odd%2fna%20me%27s%20%22100%25%22%20é.dump", files)
    expect("./postgresql/template1.dump" not in files, "no templates")
    expect_in([t.name("role"), "SCRAM-SHA-256"], node.sh('cat "$1"', f"{target}/postgresql/globals.sql"))
    for number, file in enumerate((f"{name}.dump", f"{t.prefix}-odd%2fna%20me%27s%20%22100%25%22%20é.dump")):
        load_postgresql(t, node, f"{target}/postgresql/{file}", t.name(f"loaded{number}"))
        expect_equal(rows_of_postgresql(node, t.name(f"loaded{number}")), rows[number], f"rows of {file}")
    expect_equal(node.sh('stat -c %a "$1"', f"{target}/postgresql/{name}.dump"), "600\n", "mode of a dump")


@test("all databases of PostgreSQL 15", alone=True, core=True)
def postgresql_15(t):
    _all_of_postgresql(t, "web")


@test("all databases of PostgreSQL 17", quick=True)
def postgresql_17(t):
    _all_of_postgresql(t, "db")


@test("one database of PostgreSQL, as a user with a password, which is nowhere")
def postgresql_password(t):
    name, user = t.name("shop"), t.name("user").replace("-", "_")
    rows = make_postgresql(t, t.web, name)
    psql(t.web, f"create role {user} login password '{PASSWORD.replace(chr(39), 2 * chr(39))}'")
    t.later(psql, t.web, f"drop owned by {user}; drop role {user}")
    psql(t.web, f"grant pg_read_all_data to {user}")
    policy, _ = add(t, "postgresql", "web", dict(database=name, user=user, host="127.0.0.1", password=PASSWORD))
    expect("s3cret" not in t.ctl("--json", "policy", "show", policy).out, "the password is not shown")
    # Long enough to be inspected.
    release = lock_postgresql(t, t.web, name)
    number = t.start(policy)
    wait_for(lambda: t.web.has_process("bin/pg_dump -w -Fc"), 60, "pg_dump runs")
    expect_nowhere(t, t.web, t.server)
    release()
    job = t.ended(number)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    target, files = bring_back(t, job, t.web)
    expect_equal(files, [f"./postgresql/{name}.dump", "./postgresql/globals.sql"] if name < "globals"
                 else ["./postgresql/globals.sql", f"./postgresql/{name}.dump"], "files of the archive")
    load_postgresql(t, t.web, f"{target}/postgresql/{name}.dump", t.name("loaded"))
    expect_equal(rows_of_postgresql(t.web, t.name("loaded")), rows, "rows")
    fails_with_wrong_password(t, policy, "password authentication failed")


def expect_nowhere(t, *machines):
    """The password is in no argument, no environment, and no file on a disk."""
    for machine in machines:
        # The pattern does not match itself, where this command is looked at.
        found = machine.sh('grep -l -s -a "s3cre[t]:" /proc/[0-9]*/cmdline /proc/[0-9]*/environ || :')
        expect_equal(found, "", f"processes of {machine.name} that show the password")
        found = machine.sh('grep -r -l -s -a "s3cre[t]:" /tmp /var/tmp /etc /run /dev/shm /var/lib/cyborg* '
                           '--exclude-dir=credentials --exclude-dir=repositories || :')
        expect_equal(found, "", f"files of {machine.name} with the password")
    journal = t.server.run("journalctl", "-q", "--since", f"@{int(t.since)}").out
    expect("s3cret:" not in journal, "the journal is without the password")
    # Other tests create and drop tables of the catalog meanwhile, which makes a dump fail.
    dump = t.server.sh("for i in 1 2 3 4 5; do runuser -u postgres -- pg_dumpall 2>/dev/null && exit; done; exit 1")
    expect("s3cret:" not in dump, "cyborgd's database is without the password")


def fails_with_wrong_password(t, policy, *words):
    """The same policy with a different password; its earlier archive stays the only one."""
    before = t.json("archive", "list", "--policy", policy)
    t.ctl("policy", "set", policy, "--password-file", "-", data="wrong\n")
    job = t.backup(policy, status=7)
    expect_equal(job["state"], "failed", "state with a wrong password")
    expect_in(words, job["reason"])
    expect_equal(t.json("archive", "list", "--policy", policy), before, "archives")


def _all_of_mysql(t, machine):
    node = getattr(t, machine)
    name, odd = t.name("shop"), t.name(ODD_NAME)
    rows = make_mysql(t, node, name), make_mysql(t, node, odd)
    sql(node, f"create user '{t.prefix}-u'@'localhost' identified by 'x'; grant select on `{name}`.* to '{t.prefix}-u'@'localhost'")
    t.later(sql, node, f"drop user '{t.prefix}-u'@'localhost'")
    policy, _ = add(t, "mysql", machine, {})
    job = t.backup(policy)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    target, files = bring_back(t, job, node)
    odd_file = f"{t.prefix}-odd%2fna%20me%27s%20%22100%25%22%20é.sql"
    expect_in(["./mysql/grants.sql", "./mysql/mysql.sql", f"./mysql/{name}.sql", f"./mysql/{odd_file}"], files)
    for left_out in ("information_schema", "performance_schema", "sys"):
        expect(f"./mysql/{left_out}.sql" not in files, f"no {left_out}")
    expect_in([f"{t.prefix}-u", "GRANT SELECT"], node.sh('cat "$1"', f"{target}/mysql/grants.sql"))
    for number, file in enumerate((f"{name}.sql", odd_file)):
        load_mysql(t, node, f"{target}/mysql/{file}", t.name(f"loaded{number}"))
        expect_equal(rows_of_mysql(node, t.name(f"loaded{number}")), rows[number], f"rows of {file}")
    expect_equal(sql(node, "call p()", t.name("loaded0")), "1\n", "a procedure came along")


@test("all databases of MariaDB", alone=True, core=True)
def mysql(t):
    _all_of_mysql(t, "web")


@test("all databases of the newer MariaDB")
def mysql_of_trixie(t):
    _all_of_mysql(t, "db")


@test("two databases of MariaDB, as a user with a password, which is nowhere")
def mysql_password(t):
    names = [t.name("one"), t.name("two")]
    rows = [make_mysql(t, t.web, name) for name in names]
    user = f"'{t.prefix}-u'@'localhost'"
    sql(t.web, f"create user {user} identified by '{PASSWORD.replace(chr(92), 2 * chr(92)).replace(chr(39), 2 * chr(39))}'")
    t.later(sql, t.web, f"drop user {user}")
    for name in names:
        sql(t.web, f"grant select, show view, lock tables, trigger, event, execute, show create routine on `{name}`.* to {user}", check=False)
        sql(t.web, f"grant select, show view, lock tables, trigger, event, execute on `{name}`.* to {user}")
    sql(t.web, f"grant select on mysql.proc to {user}")
    policy, _ = add(t, "mysql", "web", dict(databases=names, user=f"{t.prefix}-u", password=PASSWORD))
    expect("s3cret" not in t.ctl("--json", "policy", "show", policy).out, "the password is not shown")
    release = lock_mysql(t, t.web, names[0])
    number = t.start(policy)
    wait_for(lambda: t.web.has_process("mariadb-dump|mysqldump"), 60, "mariadb-dump runs")
    expect_nowhere(t, t.web, t.server)
    release()
    job = t.ended(number)
    expect_equal(job["state"], "successful", f"state: {job['reason']}")
    target, files = bring_back(t, job, t.web)
    expect_equal(files, sorted(f"./mysql/{name}.sql" for name in names), "files of the archive")
    load_mysql(t, t.web, f"{target}/mysql/{names[1]}.sql", t.name("loaded"))
    expect_equal(rows_of_mysql(t.web, t.name("loaded")), rows[1], "rows")
    fails_with_wrong_password(t, policy, "Access denied")


@test("a database that does not exist is named, and leaves no archive")
def missing_database(t):
    make_postgresql(t, t.web, t.name("a"))
    make_mysql(t, t.web, t.name("a"))
    policy, _ = add(t, "postgresql", "web", dict(databases=[t.name("a"), t.name("nix")]), "pg")
    fails(t, policy, t.name("nix"), "does not exist")
    policy, _ = add(t, "mysql", "web", dict(databases=[t.name("a"), t.name("nix")]), "my")
    fails(t, policy, t.name("nix"), "Unknown database")
    # Also with the newer borg.
    make_postgresql(t, t.db, t.name("a"))
    policy, _ = add(t, "postgresql", "db", dict(databases=[t.name("a"), t.name("nix")]), "new")
    fails(t, policy, t.name("nix"), "does not exist")


@test("a dump that is killed half-way leaves no archive", alone=True)
def killed(t):
    make_postgresql(t, t.web, t.name("big"))
    psql(t.web, "create table wide as select n, repeat(md5(n::text), 100) as text from generate_series(1, 80000) n", t.name("big"))
    policy, _ = add(t, "postgresql", "web", dict(database=t.name("big")), "pg")
    number = t.start(policy)
    t.sends_data(number)
    wait_for(lambda: t.web.run("pkill", "-KILL", "-f", "bin/pg_dump -w -Fc", check=False).status == 0, 30, "pg_dump is killed")
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "dump-failed"), f"end of the backup: {job['reason']}")
    expect_no_archive(t, policy)


@test("a client without the tool says which is missing")
def no_tool(t):
    for kind, tool in (("postgresql", "psql"), ("mysql", "mysql")):
        policy = t.policy(kind, t.repository("vault", suffix=kind), t.client("server", suffix=kind), "--var",
                          "host=127.0.0.1", suffix=kind)
        if kind == "mysql":
            fails_on_vault(t, policy, tool, "not installed")


def fails_on_vault(t, policy, *parts):
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "dump-list-failed"), f"end of the backup: {job['reason']}")
    expect_in(parts, job["reason"])


@test("the output of a command, and one that fails", core=True, quick=True)
def piped(t):
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("piped", repository, client, "--var", "command=seq 200000; printf %s \"it's\"", "--var",
                      "filename=numbers.txt", suffix="good")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", "state")
    target, files = bring_back(t, job, t.web)
    expect_equal(files, ["./numbers.txt"], "files of the archive")
    t.web.sh('{ seq 200000; printf "it\'s"; } | cmp - "$1"', f"{target}/numbers.txt")
    # Only FIFOs were written on the client, and they are gone.
    expect_equal(t.web.sh('find "${TMPDIR:-/tmp}" -path "*/cyborg-job-*" -name numbers.txt'), "", "what was left in /tmp")
    for number, command in enumerate(("seq 200000; echo 'no more' >&2; exit 3", "seq 5 | { cat; echo 'no more' >&2; false; } | cat")):
        client = t.client("web", suffix=f"-bad{number}")
        policy = t.policy("piped", t.repository("server", suffix=f"-bad{number}"), client, "--var", f"command={command}", suffix=f"bad{number}")
        fails(t, policy, "no more")


@test("a user with sudo, whose dumps are root's")
def sudo(t):
    rows = make_mysql(t, t.web, t.name("shop"))
    make_postgresql(t, t.web, t.name("shop"))
    client = t.client("web", "--user", "admin")
    repository = t.repository("vault")
    for kind in ("mysql", "postgresql"):
        policy = t.policy(kind, repository, client, "--var", f"database={t.name('shop')}", suffix=kind)
        job = t.backup(policy)
        expect_equal(job["state"], "successful", f"state: {job['reason']}")
        if kind == "mysql":
            target, files = bring_back(t, job, t.web)
            expect_equal(files, ["./mysql/grants.sql", f"./mysql/{t.name('shop')}.sql"], "files of the archive")
            load_mysql(t, t.web, f"{target}/mysql/{t.name('shop')}.sql", t.name("loaded"))
            expect_equal(rows_of_mysql(t.web, t.name("loaded")), rows, "rows")


@test("what the types are, and variables that are wrong")
def types(t):
    known = {row["name"]: row for row in t.json("policy", "types")}
    expect_equal(list(known)[:4], ["rootfs", "config", "mail", "folders"], "the first types")
    command = next(one for one in known["piped"]["variables"] if one["name"] == "command")
    expect_equal((command["required"], command["type"]), (True, "text"), "the command of piped")
    said = t.ctl("policy", "types").out
    expect_in(["mysql", "password", "postgresql", "databases", "piped", "filename"], said)
    policy = ["policy", "add", t.name("no"), "--client", t.client("web"), "--repository", t.repository("server"), "--type"]
    t.refused([*policy, "piped"], 2, "command", "missing")
    t.refused([*policy, "piped", "--var", "command=x", "--var", "filename=../x"], 2, "filename", "../x")
    t.refused([*policy, "mysql", "--var", "password=x"], 2, "password", "--password-file")
    t.refused([*policy, "mysql", "--var", "port=99999"], 2, "port", "99999")
    t.refused([*policy, "mysql", "--var", "folders=/a"], 2, "folders")
    t.refused([*policy, "config", "--password-file", "-"], 2, "password", "config", data="x\n")
