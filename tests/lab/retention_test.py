# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention on real repositories: which archives are removed, which are kept and why; compaction; checks that find
damage."""

import json

from suite import expect, expect_equal, expect_in, test


def _archives(t, policy):
    """Names, newest first."""
    return [archive["name"] for archive in t.json("archive", "list", "--policy", policy)]


def _borg_lists(t, repository, client):
    """The archives that borg itself lists in a client's borg repository on the server."""
    text = t.ctl("repository", "key-export", repository, "--client", client).out
    passphrase = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("passphrase:"))
    path = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("borg repository:"))
    out = t.server.run("sh", "-c", 'read -r P; BORG_PASSPHRASE=$P BORG_BASE_DIR=/root/look '
                       'BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes borg --bypass-lock list --json "$0"', path,
                       data=f"{passphrase}\n").out
    return {archive["name"] for archive in json.loads(out)["archives"]}, path


def _grow(t, machine, folder, number, size=300_000):
    machine.python("import os, sys; os.makedirs(sys.argv[1], exist_ok=True);"
                   "open(f'{sys.argv[1]}/{sys.argv[2]}', 'wb').write(os.urandom(int(sys.argv[3])))",
                   folder, str(number), str(size))


def _pruned_after_each_backup(t, place):
    folder = f"/srv/{t.prefix}"
    _grow(t, t.web, folder, "first")
    repository, client = t.repository(place), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([folder])}", "--keep-last", "2")
    for number in range(4):
        # A compaction can free data that only an old archive has.
        t.web.run("sh", "-c", f"rm -rf {folder}/*")
        _grow(t, t.web, folder, number)
        jobs = t.run(policy)
    expect_equal([job["kind"] for job in jobs], ["backup", "prune", "compact", "catalog"], "kinds of the last run's jobs")
    names = _archives(t, policy)
    expect_equal(len(names), 2, "archives that are left")
    prune, compact = t.last(jobs, "prune"), t.last(jobs, "compact")
    expect_in("1 of 1 archives removed, 2 kept", prune["reason"])
    expect_in("freed", compact["reason"])
    target = f"/restored/{t.prefix}"
    t.restore(names[1], client, target)
    expect_equal(t.web.run("ls", f"{target}{folder}").out.split(), ["2"], "the older archive's file")
    if place == "server":
        found, _ = _borg_lists(t, repository, client)
        expect_equal(found, set(names), "what borg lists")
    return policy, client, repository


@test("the policy's rules remove archives after each backup, and compaction frees their space", core=True, quick=True)
def after_each_backup(t):
    _pruned_after_each_backup(t, "server")


@test("in a repository on another host, too")
def on_vault(t):
    _pruned_after_each_backup(t, "vault")


@test("a preview and archive why name the rule; a pinned archive stays; nothing else of the same name's beginning goes")
def preview(t):
    folder = f"/srv/{t.prefix}"
    _grow(t, t.web, folder, "first", 1000)
    repository, client, other = t.repository("server"), t.client("web"), t.client("web", suffix="-db")
    policy = t.policy("folders", repository, client, "--client", other, "--var", f"folders={json.dumps([folder])}")
    for _ in range(3):
        t.run(policy)
    mine = [a["name"] for a in t.json("archive", "list", "--policy", policy, "--client", client)]
    theirs = [a["name"] for a in t.json("archive", "list", "--policy", policy, "--client", other)]
    expect_equal((len(mine), len(theirs)), (3, 3), "archives of both")
    t.refused(["policy", "prune", policy], 2, "keeps all archives")
    t.ctl("policy", "set", policy, "keep_last=1", f'client_keep={{"{other}": {{"keep_last": 5}}}}')
    t.ctl("archive", "pin", mine[2])
    t.ctl("archive", "comment", mine[2], "before the move")
    rows = {row["archive"]: row for row in t.json("policy", "prune", policy, "--dry-run")}
    expect_equal([rows[name]["keep"] for name in mine], [True, False, True], "what the preview keeps")
    expect_equal(rows[mine[2]]["rule"], "pinned", "why")
    expect(all(rows[name]["keep"] for name in theirs), "the other client keeps its own")
    expect_equal(t.json("archive", "why", mine[0])["rule"], "last 1 of 1", "why the newest stays")
    expect_equal(t.json("archive", "show", mine[2])["comment"], "before the move", "the comment")
    expect_equal(sorted(_archives(t, policy)), sorted(mine + theirs), "a preview removes nothing")
    jobs = t.json("policy", "prune", policy, "--wait")["jobs"]
    expect_equal({job["state"] for job in jobs}, {"successful"}, "how they ended")
    expect_equal(sorted(_archives(t, policy)), sorted([mine[0], mine[2], *theirs]), "what is left")
    t.refused(["archive", "remove", mine[2]], 1, "pinned", "unpin")
    t.ctl("archive", "unpin", mine[2])
    t.ctl("archive", "remove", mine[2], "--wait")
    t.refused(["archive", "show", mine[2]], 5, mine[2])
    found, _ = _borg_lists(t, repository, client)
    expect_equal(found, {mine[0]}, "what borg lists")


@test("nothing is removed after a backup that failed")
def after_failure(t):
    folder = f"/srv/{t.prefix}"
    _grow(t, t.web, folder, "first", 1000)
    policy = t.policy("folders", t.repository("server"), t.client("web"), "--var", f"folders={json.dumps([folder])}")
    t.run(policy)
    t.run(policy)
    t.ctl("policy", "set", policy, "keep_last=1")
    t.web.run("rm", "-rf", folder)
    jobs = t.run(policy, status=7)
    expect_equal([job["state"] for job in jobs], ["failed", "skipped", "skipped", "skipped"], "states of the chain")
    job = t.json("policy", "prune", policy, "--wait", status=7)["jobs"][0]
    expect_equal(job["state"], "error", "state of a prune by hand")
    expect_in("the last backup", job["reason"])
    expect_equal(len(_archives(t, policy)), 2, "archives")


@test("nothing is removed when the repository does not list what it must hold")
def not_credible(t):
    folder = f"/srv/{t.prefix}"
    _grow(t, t.web, folder, "first", 1000)
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([folder])}")
    for _ in range(3):
        t.run(policy)
    names = _archives(t, policy)
    t.ctl("policy", "set", policy, "keep_last=2")
    text = t.ctl("repository", "key-export", repository, "--client", client).out
    passphrase = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("passphrase:"))
    _, path = _borg_lists(t, repository, client)
    # Another holder of the passphrase deletes an archive without cyborgd.
    t.server.run("runuser", "-u", "cyborg", "--", "sh", "-c",
                 'read -r P; export BORG_PASSPHRASE=$P BORG_BASE_DIR=/tmp/behind-$$ '
                 'BORG_RELOCATED_REPO_ACCESS_IS_OK=yes; borg delete "$0::$1"', path, names[0], data=f"{passphrase}\n")
    job = t.json("policy", "prune", policy, "--wait", status=7)["jobs"][0]
    expect_equal((job["state"], job["code"]), ("failed", "listing-not-credible"), "how the prune ended")
    expect_in("nothing was removed", job["reason"])
    found, _ = _borg_lists(t, repository, client)
    expect_equal(found, set(names[1:]), "what borg lists")


@test("a check finds no damage, in parts too, and calls damage a failure")
def damage(t):
    folder = f"/srv/{t.prefix}"
    _grow(t, t.web, folder, "first", 2_000_000)
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([folder])}")
    t.run(policy)
    job = t.json("repository", "check", repository, "--wait")["jobs"][0]
    expect_equal((job["state"], job["reason"]), ("successful", "no damage found"), "a whole check")
    t.ctl("repository", "check", repository, "--max-duration", "10s", "--wait")
    t.ctl("repository", "check", repository, "--verify-data", "--wait")
    _, path = _borg_lists(t, repository, client)
    t.server.python("""import glob, os, sys
files = sorted(glob.glob(f'{sys.argv[1]}/data/0/*'), key=os.path.getsize)
with open(files[-1], 'r+b') as file:
    file.seek(os.path.getsize(files[-1]) // 2)
    file.write(b'damage')""", path)
    job = t.json("repository", "check", repository, "--wait", status=7)["jobs"][0]
    expect_equal((job["state"], job["code"]), ("failed", "damage"), "a check of a damaged repository")
