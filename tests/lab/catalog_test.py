# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog: the contents of every archive, and backups whose catalog job fails."""

import time

from suite import expect, expect_equal, expect_in, test


def _tree(t, *commands):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1/sub dir"; cd "$1"; ' + "; ".join(commands), source)
    return source


def _run(t, policy, **options):
    time.sleep(1)  # names of archives contain the time in seconds
    return t.run(policy, **options)


def _backup(t, policy):
    """Makes one backup with its catalog; returns the archive."""
    jobs = _run(t, policy)
    catalog = t.last(jobs, "catalog")
    expect_equal(catalog["state"], "successful", f"state of the catalog ({catalog['reason']})")
    return t.last(jobs, "backup")["archive"]


def _paths(rows):
    return sorted(row["path"] for row in rows)


@test("changing trees are found, listed, compared and followed", core=True, quick=True)
def changing(t):
    source = _tree(t, "echo one >nginx.conf", "echo stays >same", "echo gone >'sub dir/gone'", "ln -s same link")
    policy = t.folders(source)
    client = t.name("web")
    first = _backup(t, policy)
    t.web.sh('cd "$1"; echo two, longer >nginx.conf; rm "sub dir/gone"; echo new >new', source)
    second = _backup(t, policy)
    third = _backup(t, policy)

    # Three archives; an unchanged file is one row.
    same = t.json("find", f"{t.prefix}/same", "--client", client)
    expect_equal([(row["path"], row["first_archive"], row["last_archive"], row["current"]) for row in same],
                 [(f"{source}/same", first, third, True)], "the file that stayed the same")
    conf = t.json("find", "nginx.co", "--client", client)
    expect_equal([(row["size"], row["first_archive"], row["last_archive"], row["current"]) for row in conf],
                 [(4, first, first, False), (12, second, third, True)], "versions of the file that changed")
    expect_equal(t.json("file", "history", f"{client}:{source}/nginx.conf"), conf, "its history")
    gone = t.json("find", "gone", "--client", client)
    expect_equal([(row["path"], row["last_archive"]) for row in gone], [(f"{source}/sub dir/gone", first)], "the lost file")
    expect_equal(_paths(t.json("find", "NEW", "-i", "--client", client)), [f"{source}/new"], "found without case")
    t.ctl("find", "nowhere-to-be-found", status=5)

    expect_equal(_paths(t.json("archive", "files", first, source)),
                 [f"{source}/{name}" for name in ("link", "nginx.conf", "same", "sub dir")], "a directory of the first")
    expect_equal(_paths(t.json("archive", "files", third, source)),
                 [f"{source}/{name}" for name in ("link", "new", "nginx.conf", "same", "sub dir")], "and of the third")
    expect_equal(_paths(t.json("archive", "files", second, source + "/sub dir")), [], "a directory that got empty")
    expect_equal(_paths(t.json("archive", "files", first)), ["/srv"], "the top, which is above what was backed up")
    expect_in(["same", "lrwxrwxrwx", "PATH"], t.ctl("archive", "files", first, source).out)

    changes = {row["path"]: row["change"] for row in t.json("archive", "diff", first, third)}
    changes.pop(source, None)  # the times of directories change with their contents
    changes.pop(f"{source}/sub dir", None)
    expect_equal(changes, {f"{source}/nginx.conf": "modified", f"{source}/new": "added",
                           f"{source}/sub dir/gone": "removed"}, "the differences")
    expect_equal(t.json("archive", "diff", second, third), [], "differences of equal archives")


@test("a repository on another host, and names of any kind")
def elsewhere(t):
    source = _tree(t, "touch 'with space' 'quote\"s' '100%_\\x' \"$(printf 'line\\nbreak')\" \"$(printf 'bad\\377')\"")
    policy = t.folders(source, place="vault")
    archive = _backup(t, policy)
    found = [path.removeprefix(source + "/") for path in _paths(t.json("archive", "files", archive, source))]
    expect_equal([name for name in found if not name.startswith("bad")],
                 sorted(["100%_\\x", "line\nbreak", 'quote"s', "sub dir", "with space"]), "names")
    expect_equal(_paths(t.json("find", "0%_", "--client", t.name("web"))), [f"{source}/100%_\\x"], "no wildcards of SQL's")


@test("a catalog that fails leaves its backup as it is, and is made anew later")
def failing(t):
    source = _tree(t, "echo one >file")
    policy = t.folders(source)
    client = t.name("web")
    first = _backup(t, policy)
    psql = ("runuser", "-u", "postgres", "--", "psql", "-q", "-d", "cyborg", "-c")
    table = t.server.run("runuser", "-u", "postgres", "--", "psql", "-Atq", "-d", "cyborg", "-c",
                         f"select 'catalog.version_' || id from catalog.series where client = '{client}'").out.strip()
    t.server.run(*psql, f"alter table {table} add constraint broken check (first < 2)")
    t.web.sh('echo two >"$1/file"', source)
    jobs = _run(t, policy, status=6)
    backup, catalog = t.last(jobs, "backup"), t.last(jobs, "catalog")
    expect_equal((backup["state"], catalog["state"]), ("successful", "failed"), "backup and catalog")
    expect_in("broken", catalog["reason"])
    t.ctl("archive", "files", backup["archive"], status=5)
    expect_equal(len(t.json("find", f"{t.prefix}/file")), 1, "versions of before, untouched")

    t.ctl("catalog", "drop", client)
    t.ctl("find", f"{t.prefix}/file", status=5)
    t.ctl("catalog", "rebuild", client, "--wait")
    found = t.json("file", "history", f"{client}:{source}/file")
    expect_equal([row["first_archive"] for row in found], [first, backup["archive"]], "versions after the rebuild")


@test("without a catalog: by the policy, by the setting, and by its budget", alone=True)
def without(t):
    source = _tree(t, "echo one >file")
    policy = t.folders(source)
    t.ctl("policy", "set", policy, "catalog=false")
    expect(all(job["kind"] != "catalog" for job in _run(t, policy)), "no catalog of a policy that wants none")
    t.ctl("policy", "set", policy, "catalog=true")
    t.ctl("settings", "set", "catalog=no")
    t.later(t.ctl, "settings", "set", "catalog=yes")
    expect(all(job["kind"] != "catalog" for job in _run(t, policy)), "no catalog at all")
    t.ctl("settings", "set", "catalog=yes")
    t.ctl("settings", "set", "catalog_budget=1K")
    t.later(t.ctl, "settings", "set", "catalog_budget=")
    jobs = _run(t, policy, status=6)
    expect_equal([t.last(jobs, kind)["state"] for kind in ("backup", "catalog")], ["successful", "warning"], "states")
    expect_equal(t.job(t.last(jobs, "catalog")["id"])["code"], "catalog-full", "code of the catalog")


@test("jobs can touch nothing in the database but the catalog", core=True, quick=True)
def confined(t):
    def as_cyborg(sql):
        return t.server.run("runuser", "-u", "cyborg", "--", "psql", "-Atq", "-h", "/run/postgresql", "-d", "cyborg", "-c",
                            sql, check=False)
    for sql in ("select * from secret", "select * from job", "update policy set enabled = false", "create table x ()",
                "create table catalog.x ()", "select catalog.drop_series(1)", "create temp table x ()"):
        expect_in("permission denied", as_cyborg(sql).err)
    expect_equal(as_cyborg("select catalog.size() > 0").out.strip(), "t", "what it may")
