# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be backed up on a client, what no policy covers, and tests that change nothing."""

from database_test import psql, server
from suite import expect, expect_equal, expect_in, test


def row(rows, kind, name):
    found = [one for one in rows if (one["kind"], one["name"]) == (kind, name)]
    expect(found, f"{kind} {name} in {[(one['kind'], one['name']) for one in rows]}")
    return found[0]


@test("discover says what no policy covers, and the command that it proposes does")
def discover(t):
    server(t.web, "postgresql")
    database = f"{t.prefix}_shop"
    psql(t.web, f"create database {database}")
    t.later(psql, t.web, f"drop database if exists {database}")
    t.web.sh('mkdir -p "/home/$1"', t.prefix)
    t.later(t.web.run, "rmdir", f"/home/{t.prefix}")
    client = t.client("web")
    repository = t.repository("server")
    config = t.policy("config", repository, client)
    rows = t.json("client", "discover", client)
    root = row(rows, "mount", "/")
    expect_equal((root["protected"], root["policies"]), ("partly", [config]), "protection of /")
    expect(root["size"] > 0, "the space that is used on /")
    expect_equal(row(rows, "home", f"/home/{t.prefix}")["protected"], "no", "protection of a home")
    one = row(rows, "postgresql", database)
    expect_equal(one["protected"], "no", "protection of the database")
    text = t.ctl("client", "discover", client, "--known").out
    expect_in([f"unprotected: postgresql {database}", "partly protected: mount /"], text)
    expect_in(f"--type postgresql --repository {repository} --client {client} --var databases={database}", one["command"])
    t.server.sh(one["command"])
    rows = t.json("client", "discover", client, "--known")
    expect_equal(row(rows, "postgresql", database)["protected"], "yes", "protection of the database")
    policy = row(rows, "postgresql", database)["policies"][0]
    expect_equal(t.backup(policy)["state"], "successful", "state of its backup")
    t.ctl("policy", "disable", policy)
    rows = t.json("client", "discover", client, "--known")
    expect_equal(row(rows, "postgresql", database)["protected"], "no", "protection by a policy that is disabled")
    t.refused(["client", "discover", "nobody"], 5, 'no client named "nobody"')


@test("a test of a client changes nothing, and says what is missing")
def client_test(t):
    # client2 has never had borg, unless another test has installed it.
    client = t.client("web")
    said = t.ctl("client", "test", client)
    expect_in(["reachable, and all that it needs is there", "x86_64"], said.out + said.err)
    shown = t.json("client", "show", client)
    expect_equal((shown["ready"], shown["host_key"]), (False, ""), "what is known of the client after a test")
    t.refused(["client", "discover", t.client("web", suffix="-new"), "--known"], 1, "nobody has looked at client")
    without = t.client("web", "--user", "outsider", suffix="-outsider")
    said = t.ctl("client", "test", without, status=7)
    expect_in("cannot use sudo without a password", said.out + said.err)


@test("a test of a repository makes none, and says how much space is free")
def repository_test(t):
    client = t.client("web")
    repository = t.repository("vault")
    said = t.ctl("repository", "test", repository, "--client", client, status=7)
    expect_in("there is no repository at", said.out + said.err)
    expect_equal(t.vault.sh('ls /srv/borg | grep -c -e "$1" || true', repository).strip(), "0", "repositories")
    t.ctl("repository", "prepare", repository, "--client", client, "--wait")
    said = t.ctl("repository", "test", repository, "--client", client)
    expect_in(["exists and is usable", "GiB free"], said.out + said.err)
