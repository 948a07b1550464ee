# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: what is proven can be restored, damage is named, and what could not be compared is not called good."""

import json

from database_test import ODD_NAME, add, make_mysql, make_postgresql, psql, sql
from machines import wait_for
from suite import expect, expect_equal, expect_in, test
from trees import make_odd_tree


def _verify(t, policy, *options, status=0):
    """Returns the job of a verification, when it has ended."""
    jobs = t.json("policy", "verify", policy, "--wait", *options, status=status)["jobs"]
    t.jobs_seen.update(job["id"] for job in jobs)
    expect_equal([job["kind"] for job in jobs], ["verify"], "kinds of the jobs")
    return jobs[0]


def _status(t, policy):
    rows = [row for row in t.json("status")["fleet"] if row["policy"] == policy]
    expect_equal(len(rows), 1, f"rows of policy {policy}")
    return rows[0]


def _expect_nothing_left(t, number):
    """No process of the job's unit is left, nor its /var/tmp, which systemd removes in the background."""
    def left():
        return t.server.sh('ls -d /var/tmp/systemd-private-*-cyborg-job-"$1".service-* /var/tmp/cyborg-verify-* 2>/dev/null || :; '
                           'find /sys/fs/cgroup -name "cyborg-job-$1.service"', str(number))
    wait_for(lambda: not t.unit_runs(number) and left() == "", 20, f"nothing is left of job {number}")


def _backed_up(t, *options, place="server", machine="web", make=None):
    """Makes a folder of files with known names and random content, in one archive; returns policy and folder."""
    folder = f"/srv/{t.prefix}"
    node = getattr(t, machine)
    if make:
        make(node, folder)
    else:
        node.sh('mkdir -p "$1"; for n in 1 2 3; do head -c 50000 /dev/urandom >"$1/$n"; done', folder)
    t.later(node.run, "rm", "-rf", folder)
    policy = t.policy("folders", t.repository(place), t.client(machine), "--var", f"folders={json.dumps([folder])}", *options)
    return policy, folder, t.backup(policy)


@test("files that are the same on the client prove an archive, whatever their names are", core=True, quick=True)
def proven(t):
    folder = f"/srv/{t.prefix}"
    policy, _, backup = _backed_up(t, "--canary", f"{folder}/sub/hard-link", "--canary", f"{folder}/plain", make=make_odd_tree)
    expect_equal(_status(t, policy)["last_proven"], 0, "when it was proven before")
    job = _verify(t, policy)
    expect_equal(job["archive"], backup["archive"], "the archive")
    result = t.job(job["id"])
    facts = result["facts"]
    expect(facts["files"] >= 15, f"nearly all files are tried: {facts}")
    expect_equal((facts["proven"], facts["same"], facts["changed"], facts["different"]), ("compared", facts["files"], 0, 0), "facts")
    expect(facts["bytes"] > 8_000_000, f"the sparse file is read, too: {facts}")
    row = _status(t, policy)
    expect_equal((row["last_proven_job"], row["last_proven_archive"], row["last_proven_how"], row["last_verify_state"]),
                 (job["id"], backup["archive"], "compared", "successful"), "the status of the fleet")
    expect(row["last_proven"] > backup["finished"] and row["restore_duration"] > 0, f"when, and how long it took: {row}")
    expect_in("PROVEN", t.ctl("status").out)
    _expect_nothing_left(t, job["id"])
    # The same again: for the same archive, the same files.
    t.backup(policy)
    again = t.json("job", "retry", str(job["id"]), "--wait")["jobs"][0]
    expect_equal(again["archive"], backup["archive"], "the archive of another attempt")
    other = _verify(t, policy)
    expect(other["archive"] != backup["archive"], "the newest archive is taken, unless one is named")
    named = t.json("archive", "verify", backup["archive"], "--wait")["jobs"][0]
    expect_equal((named["state"], named["archive"]), ("successful", backup["archive"]), "one by its name")


@test("a file that was changed since is not called bad, and nothing but such files proves nothing")
def changed(t):
    policy, folder, _ = _backed_up(t, place="vault")
    t.web.sh('echo more >>"$1/2"; touch "$1/3"', folder)
    job = _verify(t, policy)
    expect_in("2 the same as on", job["reason"])
    expect_in("1 changed since", job["reason"])
    t.web.sh('echo more >>"$1/1"; rm "$1/3"', folder)
    before = _status(t, policy)["last_proven"]
    job = _verify(t, policy, status=6)
    expect_equal(job["state"], "warning", "state")
    expect_in("nothing could be compared", job["reason"])
    expect_equal(_status(t, policy)["last_proven"], before, "when it was proven")


@test("what the repository holds must be what the client has")
def different(t):
    policy, folder, _ = _backed_up(t)
    # Different content with the same size and time, as a failing disk may produce.
    t.web.sh('touch -r "$1/2" /tmp/time-$2; head -c 50000 /dev/zero >"$1/2"; touch -r /tmp/time-$2 "$1/2"; rm /tmp/time-$2',
             folder, t.prefix)
    job = _verify(t, policy, status=7)
    expect_equal((job["state"], t.job(job["id"])["code"]), ("failed", "different"), "end")
    expect_in([f"{folder}/2", "is not what"], job["reason"])
    row = _status(t, policy)
    expect_equal((row["last_proven"], row["last_verify_state"]), (0, "failed"), "status")
    expect_in("verification failed", t.ctl("status").out)


@test("a flipped byte in the repository fails the verification, and names the file", core=True)
def damage(t):
    folder = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1"; head -c 3000000 /dev/urandom >"$1/large"; echo small >"$1/small"', folder)
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([folder])}", "--canary", f"{folder}/large")
    t.backup(policy)
    path = f"/var/lib/cyborg/repositories/{repository}-{client}"
    t.server.python("import glob, os, sys\n"
                    "path = max(glob.glob(sys.argv[1] + '/data/0/*'), key=os.path.getsize)\n"
                    "with open(path, 'r+b') as file:\n"
                    "    file.seek(os.path.getsize(path) // 2); byte = file.read(1)\n"
                    "    file.seek(-1, 1); file.write(bytes([byte[0] ^ 1]))\n", path)
    job = _verify(t, policy, status=7)
    expect_equal((job["state"], t.job(job["id"])["code"]), ("failed", "damage"), "end")
    expect_in([f"{folder}/large", "damaged"], job["reason"])
    expect_equal(_status(t, policy)["last_proven"], 0, "when it was proven")


@test("a canary that changed is a warning, one that the archive lacks is a failure")
def canaries(t):
    folder = f"/srv/{t.prefix}"
    t.refused(["policy", "add", t.name("x"), "--type", "config", "--repository", t.repository("server", suffix="x"), "--client",
               t.client("web", suffix="x"), "--canary", "/srv/x"], 2, "canaries", "/srv/x", "/etc")
    policy, _, _ = _backed_up(t, "--canary", f"{folder}/1")
    t.web.sh('echo more >>"$1/1"', folder)
    job = _verify(t, policy, status=6)
    expect_equal(job["state"], "warning", "state")
    expect_in([f"canary {folder}/1 was changed"], job["reason"])
    t.web.sh('rm "$1/1"', folder)
    expect_in(f"canary {folder}/1 is gone", _verify(t, policy, status=6)["reason"])
    t.backup(policy)
    job = _verify(t, policy, status=7)
    expect_equal(t.job(job["id"])["code"], "canary-missing", "code")
    expect_in([f"canary {folder}/1 is not in archive", job["archive"]], job["reason"])
    t.ctl("policy", "set", policy, f"canaries={folder}/2")
    expect_equal(_verify(t, policy)["state"], "successful", "state with a canary that is there")


@test("of a client that is off, the archive is read, and nothing is called proven")
def away(t):
    host = t.name("host")
    address = t.server.sh("getent hosts web").split()[0]
    t.server.sh('echo "$1 $2" >>/etc/hosts', address, host)
    t.later(t.server.sh, 'grep -v " $1\\$" /etc/hosts >/root/hosts-$1; cat /root/hosts-$1 >/etc/hosts; rm /root/hosts-$1', host)
    folder = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1"; head -c 50000 /dev/urandom >"$1/1"', folder)
    client = t.name("web")
    t.ctl("client", "add", client, "--address", host)
    policy = t.policy("folders", t.repository("server"), client, "--var", f"folders={json.dumps([folder])}")
    t.backup(policy)
    t.server.sh('sed "s/^[0-9.]* $1\\$/192.0.2.1 $1/" /etc/hosts >/root/hosts-$1; cat /root/hosts-$1 >/etc/hosts', host)
    job = _verify(t, policy, status=6)
    expect_equal((job["state"], t.job(job["id"])["code"]), ("warning", "not-compared"), "end")
    expect_in(["1 file of archive", "could be read", "was not made"], job["reason"])
    row = _status(t, policy)
    expect_equal((row["last_proven"], row["last_verify_state"]), (0, "warning"), "status")


@test("the server itself, and the output of a command, which is readable at best")
def local_and_piped(t):
    # Files that only root can read.
    policy, _, _ = _backed_up(t, machine="server", make=lambda node, folder:
                              node.sh('mkdir -m 700 "$1"; head -c 1000 /dev/urandom >"$1/it\'s $2"; chmod 600 "$1/"*', folder, "\n"))
    job = _verify(t, policy)
    expect_in("1 the same as on", job["reason"])
    policy = t.policy("piped", t.repository("server", suffix="-piped"), t.client("web", suffix="-piped"), "--var",
                      "command=seq 100000", suffix="piped")
    t.backup(policy)
    job = _verify(t, policy)
    expect_in(["588895 bytes", "readable"], job["reason"])
    expect_equal(_status(t, policy)["last_proven_how"], "readable", "how it was proven")


# A command that is run where a dump is loaded: 100 rows if the command works there, 7 if it does not.
PROBE = """
create function probe(command text) returns setof integer language plpgsql as $$
begin
  execute 'copy (select 1) to program ' || quote_literal(command);
  return query select generate_series(1, 100);
exception when others then return query select generate_series(1, 7);
end $$;
create materialized view works as select probe('cat >/dev/null');
create materialized view repositories as select probe('ls /var/lib/cyborg/borg');
create materialized view a_file as select probe('touch /var/lib/cyborg/borg/NAME');
create materialized view a_key as select probe('cat /run/credentials/*/ssh-key');
create materialized view the_bus as select probe('test -S /run/dbus/system_bus_socket');
create materialized view the_network as select probe('bash -c "exec 3<>/dev/tcp/VAULT/22"');
"""


@test("dumps of PostgreSQL are loaded into a server of their own, which is shut in", slow=True, core=True)
def postgresql(t):
    shop, odd = t.name("shop"), t.name(ODD_NAME)
    make_postgresql(t, t.web, shop)
    make_postgresql(t, t.web, odd, rows=17)
    roles = f'"{t.prefix}-r"', f'"{t.prefix}-s"'
    psql(t.web, "create role {0}; create role {1}; grant select on item to {0}; grant {0} to {1}".format(*roles), shop)
    t.later(psql, t.web, "drop owned by {0}; drop role {0}; drop role {1}".format(*roles), shop)
    psql(t.web, PROBE.replace("NAME", t.prefix).replace("VAULT", t.lab.do("ip", "vault").strip()), shop)
    # With a repository on another host, the job itself has network access.
    policy = t.policy("postgresql", t.repository("vault"), t.client("web"), "--var", f"databases={json.dumps([shop, odd])}")
    t.backup(policy)
    job = _verify(t, policy)
    expect_in(["2 databases", "loaded into PostgreSQL", f"8 tables, {1000 + 17 + 100 + 5 * 7} rows"], job["reason"])
    expect_equal(t.server.run("test", "-e", f"/var/lib/cyborg/borg/{t.prefix}", check=False).status, 1, "no file of the dump's")
    expect_equal(_status(t, policy)["last_proven_how"], "loaded", "how it was proven")
    _expect_nothing_left(t, job["id"])


@test("dumps of MariaDB are loaded, all of them")
def mysql(t):
    # What is loaded first refers to what comes later.
    names = [t.name("a"), t.name("b")]
    for name in names:
        make_mysql(t, t.web, name)
    sql(t.web, f"create view v as select * from `{names[1]}`.item", names[0])
    policy, _ = add(t, "mysql", "web", dict(databases=names))
    t.backup(policy)
    job = _verify(t, policy)
    expect_in(["2 databases", "loaded into MariaDB", "2 tables, 2000 rows"], job["reason"])
    _expect_nothing_left(t, job["id"])


@test("all databases of MariaDB, with its own, are loaded", alone=True)
def all_of_mysql(t):
    make_mysql(t, t.web, t.name("shop"))
    sql(t.web, f"create user '{t.prefix}-u'@'localhost' identified by 'x'; grant select on *.* to '{t.prefix}-u'@'localhost'")
    t.later(sql, t.web, f"drop user '{t.prefix}-u'@'localhost'")
    policy, _ = add(t, "mysql", "web", {})
    t.backup(policy)
    expect_in("loaded into MariaDB", _verify(t, policy)["reason"])


@test("a dump that is newer than the server's PostgreSQL says what to install")
def newer(t):
    make_postgresql(t, t.db, t.name("shop"))
    policy, _ = add(t, "postgresql", "db", dict(databases=[t.name("shop")]))
    t.backup(policy)
    if "17" in t.server.sh("ls /usr/lib/postgresql").split():  # the server is as new then, and loads the dump
        expect_in("loaded into PostgreSQL 17", _verify(t, policy)["reason"])
        return
    job = _verify(t, policy, status=6)
    expect_equal((job["state"], t.job(job["id"])["code"]), ("warning", "not-verifiable"), "end")
    expect_in(["cannot be verified here", "install postgresql-17"], job["reason"])
    expect_equal(_status(t, policy)["last_proven"], 0, "when it was proven")


@test("a verification that is canceled or killed leaves no server, no borg and no file", slow=True)
def canceled(t):
    name = t.name("big")
    make_postgresql(t, t.web, name)
    psql(t.web, "create function slow(integer) returns integer language plpgsql immutable as "
                "$$ begin if current_database() <> '" + name + "' then perform pg_sleep(60); end if; return $1; end $$; "
                "create index on item (slow(n))", name)
    policy, _ = add(t, "postgresql", "web", dict(databases=[name]))
    t.backup(policy)
    for how, state, code in ((["cyborgctl", "job", "cancel"], "canceled", "canceled"),
                             (["systemctl", "kill", "--signal=KILL"], "failed", "interrupted")):
        number = t.json("policy", "verify", policy)["jobs"][0]
        wait_for(lambda: t.server.has_process("postgres: .* CREATE INDEX"), 60, "the dump is being loaded")
        t.server.run(*how, str(number) if how[0] == "cyborgctl" else f"cyborg-job-{number}.service")
        job = t.ended(number)
        expect_equal((job["state"], job["code"]), (state, code), f"end: {job['reason']}")
        _expect_nothing_left(t, number)
    expect_equal(_status(t, policy)["last_proven"], 0, "when it was proven")
