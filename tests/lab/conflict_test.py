# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores over existing files: what exists already, what would be written, and what cannot be."""

import trees
from suite import expect, expect_equal, expect_in, test


def _many(t, machine, directory):
    """Thousands of files, and names that break scripts."""
    machine.sh(r"""mkdir -p "$1/many" "$1/o dd" && cd "$1" && seq -f 'many/file-%g' 3000 | xargs touch && echo archived >many/file-7
        for name in "o dd/new
line" 'o dd/ edges ' 'o dd/q"'"'"'uote' 'o dd/qu?stion*[x]\' 'o dd/#hash' 'o dd/über' -dash; do echo archived >"./$name"; done
        printf archived >"$(printf 'o dd/bad\377name')"; ln -s nowhere link""", directory)


ODD = ["o dd/new\nline", "o dd/ edges ", "o dd/qu?stion*[x]\\", "o dd/bad\udcffname", "-dash", "many/file-7"]


def _change(machine, directory):
    """Some files exist with different content, the others are gone."""
    machine.sh('cd "$1" && rm -r many "o dd"/* link && mkdir many && chmod 700 many && for name; do :; done', directory)
    for name in ODD:
        machine.sh('cd "$1" && echo mine >"./$2"', directory, name)


def _contents(machine, directory, names):
    return [machine.sh('cd "$1" && cat "./$2"', directory, name).strip() for name in names]


def _in_place(t, job, *arguments, status=0):
    """Restores over the existing files; returns the job."""
    return t.json("restore", job["archive"], *arguments, "--in-place", "--wait", status=status)["jobs"][0]


@test("keep, rename and fail, for thousands of files and names of any kind", core=True)
def policies(t):
    source = f"/srv/{t.prefix}"
    _many(t, t.web, source)
    job = t.backup(t.folders(source))
    archive = job["archive"]
    _change(t.web, source)
    before = trees.listing(t.web, source)

    said = t.json("restore", archive, "--in-place", "--dry-run")["jobs"][0]
    expect_equal((said["state"], said["facts"]["files"], said["facts"]["existing"], len(said["facts"]["existing_names"])),
                 ("successful", 3009, 6, 5), f"what a dry run finds: {said['reason']}")
    expect_in(["3009 files", "6 of them are on", source], said["reason"])
    expect_in(f"there already: {source}/", t.ctl("restore", archive, "--in-place", "--dry-run").out)
    failed = _in_place(t, job, "--conflict", "fail", status=7)
    expect_equal((failed["state"], failed["code"]), ("failed", "conflict"), "state with fail")
    expect_in(["nothing was written: 6 of 3009 files are on"], failed["reason"])
    expect_equal(trees.listing(t.web, source), before, "nothing was touched by a dry run and by fail")

    kept = _in_place(t, job, "--conflict", "keep")
    expect_in("6 that were there stayed as they were", kept["reason"])
    expect_equal(_contents(t.web, source, ODD), ["mine"] * 6, "what was there")
    expect_equal(t.web.sh('cd "$1"; ls many | wc -l; cat "o dd/über" "o dd/#hash"; stat -c %a many; readlink link', source),
                 "3000\narchived\narchived\n700\nnowhere\n", "the rest came back")
    again = _in_place(t, job, source, "--conflict", "keep")
    expect_equal(again["state"], "successful", f"with nothing left to do: {again['reason']}")

    renamed = _in_place(t, job, f"{source}/o dd", f"{source}/-dash", f"{source}/many/file-7", "--conflict", "rename")
    suffix = f".before-restore-{renamed['id']}"
    expect_in(suffix, renamed["reason"])
    expect_equal(_contents(t.web, source, ODD), ["archived"] * 6, "the archive's")
    expect_equal(_contents(t.web, source, [name + suffix for name in ODD]), ["mine"] * 6, "what was there, by its other name")
    t.refused(["restore", archive, "--in-place", "--conflict", "maybe"], 2, "maybe", "overwrite, keep, rename or fail")


@test("keep and rename on the server itself, and beside a folder that is in the way", quick=True)
def local(t):
    source = f"/srv/{t.prefix}"
    t.server.sh('mkdir -p "$1/d"; echo archived >"$1/a"; echo archived >"$1/d/b"', source)
    job = t.backup(t.folders(source, machine="server"))
    # A former file is a directory now, and vice versa.
    t.server.sh('cd "$1"; rm a; mkdir a; echo mine >a/x; echo mine >d/b', source)
    kept = _in_place(t, job, "--conflict", "keep")
    expect_equal(kept["state"], "successful", kept["reason"])
    expect_equal(t.server.sh('cd "$1"; cat a/x d/b', source), "mine\nmine\n", "all is there, and stays")
    renamed = _in_place(t, job, "--conflict", "rename")
    expect_equal(renamed["state"], "successful", renamed["reason"])
    suffix = f".before-restore-{renamed['id']}"
    expect_equal(t.server.sh('cd "$1"; cat a d/b "a$2/x" "d/b$2"', source, suffix), "archived\narchived\nmine\nmine\n", "both")


@test("files, folders and archives at once, to the same client and to another")
def several(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1/sub/deep" "$1/other"; cd "$1"; echo 1 >a; echo 2 >sub/deep/b; echo 3 >other/c; echo 4 >sub/d', source)
    job = t.backup(t.folders(source))
    other = t.client("db")
    target = f"/restored/{t.prefix}"
    t.restore(job["archive"], other, target, f"{source}/sub/deep/", f"{source[1:]}/a", f"{source}//other")
    expect_equal(t.db.sh('cd "$1" && find . -type f | LC_ALL=C sort', f"{target}{source}"), "./a\n./other/c\n./sub/deep/b\n", "on another client")
    t.restore(job["archive"], job["client"], target, "/")
    expect_equal(t.web.sh('cd "$1" && find . -type f | wc -l', f"{target}{source}").strip(), "4", "all, by the top")
    failed = t.restore(job["archive"], other, f"{target}-no", f"{source}/a", f"{source}/sub/deap/b", status=7)["jobs"][0]
    expect_equal((failed["state"], failed["code"]), ("failed", "path-not-in-archive"), "a path that is not there")
    expect_in([f"{source}/sub/deap/b is not in archive", "near it are", f"{source}/sub/deep/b"], failed["reason"])


@test("a full disk, a disk that is read-only, and a user without sudo fail a restore, and say so")
def trouble(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir "$1"; head -c 3000000 /dev/urandom >"$1/big"; echo x >"$1/small"', source)
    job = t.backup(t.folders(source))
    small, frozen = f"/mnt/{t.prefix}-small", f"/mnt/{t.prefix}-frozen"
    t.web.sh('mkdir -p "$1" "$2"; mount -t tmpfs -o size=1M none "$1"; mount -t tmpfs -o ro none "$2"', small, frozen)
    t.later(t.web.sh, 'umount "$1" "$2"', small, frozen)
    sudoer, other = t.client("web", "--user", "admin", suffix="-admin"), job["client"]
    for client in (other, sudoer):
        failed = t.restore(job["archive"], client, small, status=7)["jobs"][0]
        expect_equal((failed["state"], failed["code"]), ("failed", "disk-full"), f"on a full disk: {failed['reason']}")
        expect_in([f"the disk of {client} is full", "No space left"], failed["reason"])
        t.web.sh('find "$1" -mindepth 1 -delete', small)
    failed = t.restore(job["archive"], sudoer, f"{frozen}/x", status=7)["jobs"][0]
    expect_equal((failed["state"], failed["code"]), ("failed", "no-directory"), "a directory that cannot be made")
    expect_in([f"{frozen}/x on {sudoer} cannot be made", "writable"], failed["reason"])
    failed = t.restore(job["archive"], other, frozen, status=7)["jobs"][0]
    expect_equal((failed["state"], failed["code"]), ("failed", "not-restored"), "a directory that is read-only")
    expect_in(["not all was restored", "Read-only file system"], failed["reason"])
    outsider = t.client("web", "--user", "outsider", suffix="-outsider")
    t.ctl("restore", job["archive"], "--to", f"{outsider}:/restored/{t.prefix}", "--wait", status=7)
    prepared = t.job(t.jobs(client=outsider, kind="prepare-client")[0]["id"])
    expect_equal((prepared["state"], prepared["code"]), ("error", "no-sudo"), f"without sudo: {prepared['reason']}")


@test("a link that somebody has put in the way leads a restore nowhere")
def links(t):
    source, elsewhere = f"/srv/{t.prefix}", f"/srv/{t.prefix}-elsewhere"
    t.web.sh('useradd -M "$3" && mkdir -p "$1/docs/deep" "$2" && echo mine >"$1/docs/deep/x" && chown -R "$3": "$1"',
             source, elsewhere, f"{t.prefix}-user")
    t.later(t.web.sh, 'userdel "$1"', f"{t.prefix}-user")
    job = t.backup(t.folders(source))
    # A link of a user who may write there: refused in any mode, and nothing is written anywhere.
    t.web.sh('cd "$1" && rm -r docs && ln -s "$2" docs && chown -h "$3": docs', source, elsewhere, f"{t.prefix}-user")
    for conflict in ("overwrite", "keep", "fail"):
        failed = _in_place(t, job, f"{source}/docs/deep/x", "--conflict", conflict, status=7)
        expect_equal((failed["state"], failed["code"]), ("failed", "path-is-link"), f"{conflict}: {failed['reason']}")
        expect_in(["nothing was restored", f"{source[1:]}/docs", "is a symbolic link"], failed["reason"])
    failed = _in_place(t, job, source, "--conflict", "keep", status=7)
    expect_equal(failed["code"], "path-is-link", f"the folder is kept, and is a link: {failed['reason']}")
    expect_equal(t.web.sh('ls "$1"', elsewhere), "", "nothing was written where it leads")
    # A directory of the archive replaces it.
    restored = _in_place(t, job, source)
    expect_equal(restored["state"], "successful", restored["reason"])
    expect_equal(t.web.sh('cd "$1" && cat docs/deep/x && ls "$2"', source, elsewhere), "mine\n", "what came back, and where")
    # A link of root, such as /lib.
    t.web.sh('cd "$1" && rm -r docs && ln -s "$2" docs', source, elsewhere)
    _in_place(t, job, f"{source}/docs/deep/x")
    expect_equal(t.web.sh('cat "$1/deep/x"; stat -c %a "$1/deep"', elsewhere), "mine\n755\n", "through root's own link")


@test("sparse files come back sparse, and parents that are missing as a system has them")
def sparse(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1/a/b" && truncate -s 200M "$1/a/b/hole" && echo end >>"$1/a/b/hole"', source)
    job = t.backup(t.folders(source))
    t.web.sh('rm -r "$1/a"', source)
    _in_place(t, job, f"{source}/a/b/hole")
    expect_equal(t.web.sh('cd "$1" && stat -c "%a" a a/b && tail -c 4 a/b/hole && stat -c %s a/b/hole', source),
                 "755\n755\nend\n209715204\n", "parents, and the file")
    expect(int(t.web.sh('stat -c %b "$1/a/b/hole"', source)) < 40_000, "it takes no more room than it has content")
