# SPDX-License-Identifier: GPL-3.0-or-later
"""Existing repositories, in every encryption mode; foreign archives; archives that have disappeared."""

import json

import byhand
from suite import expect, expect_equal, expect_in, test

_MODES = ("none", "authenticated", "authenticated-blake2", "repokey", "repokey-blake2")


def _folder(t, machine, text="x"):
    folder = f"/srv/{t.prefix}"
    machine.sh('mkdir -p "$1"; echo "$2" >"$1/file"', folder, text)
    return folder


@test("a backup comes back from a repository of each encryption mode", core=True, quick=True)
def modes(t):
    folder = _folder(t, t.web, "of each mode")
    client = t.client("web")
    repositories = [t.repository("server", "--encryption", mode, suffix=f"-{mode}") for mode in _MODES]
    policy = t.policy("folders", repositories[0], client, "--var", f"folders={json.dumps([folder])}",
                      *(word for name in repositories[1:] for word in ("--repository", name)))
    jobs = [job for job in t.run(policy) if job["kind"] == "backup"]
    expect_equal(len(jobs), len(_MODES), "backups")
    for job in jobs:
        target = f"/restored/{t.prefix}-{job['repository']}"
        t.restore(f"{job['repository']}::{job['archive']}", client, target)
        expect_equal(t.web.sh('cat "$1"', f"{target}{folder}/file"), "of each mode\n", f"the file from {job['repository']}")


def _by_hand(t, mode, passphrase, *names):
    """Makes a repository with archives on the server, with borg alone. Returns its path."""
    folder = _folder(t, t.server, "from before")
    path = f"/var/lib/cyborg/repositories/{t.prefix}-old"
    byhand.borg(t, path, passphrase, mode=mode)
    for name in names:
        byhand.borg(t, path, passphrase, "create", "{}::" + name, folder)
    return folder, path


@test("a repository that exists is adopted; its archives are shown, taken over, restored, and never pruned unasked",
      core=True, slow=True)
def adopt(t):
    folder, path = _by_hand(t, "repokey", "old secret", "host-1", "host-2", "other-1")
    repository, client = t.name("old"), t.client("web")
    t.ctl("repository", "add", repository, path, "--passphrase-file", "-", data="wrong\n")
    jobs = t.json("repository", "prepare", repository, "--wait", status=7)["jobs"]
    expect_equal(jobs[0]["code"], "passphrase-wrong", "with another passphrase")
    expect_in(f"repository set {repository} --passphrase-file", jobs[0]["reason"])
    t.ctl("repository", "set", repository, "--passphrase-file", "-", data="old secret\n")
    t.ctl("repository", "prepare", repository, "--wait")
    expect_equal(t.json("repository", "show", repository)["encryption"], "repokey", "the mode that was found")

    rows = t.json("repository", "archives", repository)
    expect_equal({row["name"]: row["state"] for row in rows},
                 {name: "foreign" for name in ("host-1", "host-2", "other-1")}, "what it has")
    expect_equal(t.json("archive", "list", "--repository", repository), [], "the history")
    t.refused(["archive", "import", repository, "nothing-of-that-name", "--client", client], 5, "nothing-of-that-name")
    t.ctl("archive", "import", repository, "--client", client, "--glob", "host-*")
    found = t.json("archive", "list", "--repository", repository)
    expect_equal(sorted(row["name"] for row in found), ["host-1", "host-2"], "the history after an import")
    expect(all(row["files"] >= 1 and row["original_size"] > 0 and row["client"] == client for row in found),
           f"their facts: {found}")
    expect_in("imported without a policy", t.json("archive", "why", "host-1")["rule"])
    t.restore(f"{repository}::host-1", client, f"/restored/{t.prefix}")
    expect_equal(t.web.sh('cat "$1"', f"/restored/{t.prefix}{folder}/file"), "from before\n", "the file")
    for job in t.jobs(repository=repository, kind="catalog"):
        expect_equal(t.ended(job["id"])["state"], "successful", "its catalog job")
    expect("host-1" in t.ctl("find", "file", "--client", client).out, "it is found in the catalog")

    # The retention of a policy in the same repository applies to the policy's own archives only.
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([_folder(t, t.web)])}",
                      "--keep-last", "1")
    for _ in range(2):
        expect_equal({job["state"] for job in t.run(policy)}, {"successful"}, "a run")
    names = byhand.archives(t, path, "old secret")
    expect_equal(len(names), 4, f"archives: {names}")
    expect({"host-1", "host-2", "other-1"} <= names, f"nothing of others was pruned: {names}")
    t.ctl("archive", "import", repository, "--policy", policy, "--client", client)
    t.run(policy)
    expect_equal(byhand.archives(t, path, "old secret") & {"host-1", "host-2", "other-1"}, {"host-1", "host-2"},
                 "archives after one was given to the policy")


@test("what was deleted behind cyborgd's back is marked as missing, and shown until it is taken out of the history")
def missing(t):
    folder = _folder(t, t.web)
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([folder])}")
    names = [t.backup(policy)["archive"] for _ in range(3)]
    path, passphrase = byhand.opened(t, repository, client)
    byhand.borg(t, path, passphrase, "delete", "{}::" + names[0])
    output = t.ctl("repository", "archives", repository, status=6).out
    expect_in(["1 of the history's are missing", names[0]], output)
    rows = {row["name"]: row["state"] for row in t.json("repository", "archives", repository, "--last")}
    expect_equal(rows, {names[0]: "missing", names[1]: "known", names[2]: "known"}, "states")
    expect(next(row["missing"] for row in t.json("archive", "list", "--policy", policy) if row["name"] == names[0]) > 0,
           "archive list says so")
    status = next(row for row in t.json("status")["repositories"] if row["repository"] == repository)
    expect_equal(status["missing"], 1, "status")
    expect_in("archives are missing", t.ctl("status", "--check", status=1).out)
    # The foreign archive does not count: the two kept archives are the newest two.
    t.ctl("policy", "set", policy, "keep_last=2")
    jobs = t.json("policy", "prune", policy, "--wait")["jobs"]
    expect_equal({job["state"] for job in jobs}, {"successful"}, "a prune")
    expect_equal(byhand.archives(t, path, passphrase), set(names[1:]), "archives that are left")
    t.ctl("archive", "remove", names[0], "--wait")
    status = next(row for row in t.json("status")["repositories"] if row["repository"] == repository)
    expect_equal(status["missing"], 0, "status afterwards")

    # A listing that fails changes nothing.
    t.server.run("mv", path, f"{path}.away")
    t.ctl("repository", "archives", repository, status=7)
    t.server.run("mv", f"{path}.away", path)
    rows = {row["state"] for row in t.json("repository", "archives", repository, "--last")}
    expect_equal(rows, {"known"}, "what is known after a listing that failed")


@test("a repository whose key is in a file is refused with the reason, one without encryption is taken")
def other_modes(t):
    _, path = _by_hand(t, "none", "", "first")
    repository = t.name("clear")
    t.ctl("repository", "add", repository, path)
    t.ctl("repository", "prepare", repository, "--wait")
    expect_equal(t.json("repository", "show", repository)["encryption"], "none", "the mode that was found")
    expect_equal([row["name"] for row in t.json("repository", "archives", repository)], ["first"], "archives")
    keyfile = f"/var/lib/cyborg/repositories/{t.prefix}-keyfile"
    byhand.borg(t, keyfile, "secret", mode="keyfile")
    name = t.name("keyfile")
    t.refused(["repository", "add", name, keyfile, "--encryption", "keyfile"], 2, "keeps its key in the repository")
    t.ctl("repository", "add", name, keyfile, "--passphrase-file", "-", data="secret\n")
    job = t.json("repository", "prepare", name, "--wait", status=7)["jobs"][0]
    expect_in("key", job["reason"])
    expect_equal(job["code"], "key-file", "the code")


@test("a passphrase is changed by cyborgd, or was by hand, and the one that works is always known")
def change_passphrase(t):
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([_folder(t, t.web)])}")
    t.refused(["repository", "change-passphrase", repository], 2, "none of what is asked for is prepared")
    t.backup(policy)
    path, generated = byhand.opened(t, repository, client)

    def expect_known(passphrase):
        """A backup works after its preparation has found out the passphrase; then cyborgd and borg agree on it."""
        expect_equal(t.backup(policy)["state"], "successful", "state of a backup")
        expect_equal(byhand.opened(t, repository, client)[1], passphrase, "what is exported")
        byhand.archives(t, path, passphrase)

    # A wrong passphrase replaces nothing: the preparation before the next backup has tried it.
    t.ctl("repository", "set", repository, "--passphrase-file", "-", data="wrong\n")
    expect_equal(byhand.opened(t, repository, client)[1], generated, "what is exported meanwhile")
    jobs = t.run(policy, status=6)
    prepared = t.last(jobs, "prepare-repository")
    expect_equal((prepared["state"], prepared["code"]), ("warning", "passphrase-wrong"), "the preparation")
    expect_in("the one that it had is kept", prepared["reason"])
    expect_known(generated)

    # The passphrase was changed by hand, with borg.
    byhand.borg(t, path, f"{generated}", "key", "change-passphrase", "{}", new="by hand")
    said = t.last(t.run(policy, status=7), "backup")
    expect_equal(said["code"], "passphrase-wrong", "a backup that does not know")
    expect_in(f"cyborgctl repository set {repository} --passphrase-file", said["reason"])
    t.ctl("repository", "set", repository, "--passphrase-file", "-", data="by hand\n")
    expect_known("by hand")

    t.ctl("repository", "change-passphrase", repository, "--passphrase-file", "-", "--wait", data="by cyborgd\n")
    expect_known("by cyborgd")
    t.ctl("repository", "change-passphrase", repository, "--client", client, "--wait")
    changed = byhand.opened(t, repository, client)[1]
    expect(len(changed) > 20, f"a strong one was generated, not {changed!r}")
    expect_known(changed)
    expect(t.server.run("journalctl", "-q", "--grep", "by cyborgd", check=False).status != 0, "it is not in the journal")


@test("a repository that is lost is refused, and begun anew when that is asked for")
def lost(t):
    source, place = f"/srv/{t.prefix}", t.name("place")
    t.web.sh('mkdir "$1" && echo x >"$1/f"', source)
    repository, client = t.name("lost"), t.client("web")
    path = f"/srv/borg/{place}-{client}"
    t.ctl("repository", "add", repository, f"borg@vault:/srv/borg/{place}-{{client}}")
    policy = t.policy("folders", repository, client, "--var", f'folders=["{source}"]')
    first = t.backup(policy)["archive"]
    t.vault.sh('mv "$1" "$1.gone"', path)
    advice = f"cyborgctl repository prepare {repository}, with --anew if it is lost"
    job = t.backup(policy, status=7)
    expect_equal(job["code"], "repository-missing", job["reason"])
    expect_in(advice, job["reason"])
    said = t.ctl("repository", "prepare", repository, "--wait", status=7)
    expect_in(advice, said.out + said.err)
    t.ctl("repository", "prepare", repository, "--anew", "--wait")
    expect(t.json("archive", "show", first)["missing"] > 0, "what was in it is missing")
    second = t.backup(policy)
    expect_equal(second["state"], "successful", second["reason"])
    # The old repository is back: it is not accepted as the new one.
    t.vault.sh('rm -r "$1" && mv "$1.gone" "$1"', path)
    job = t.backup(policy, status=7)
    expect_in(["is not the one that was prepared", f"cyborgctl repository prepare {repository} --anew"], job["reason"])
    t.ctl("repository", "prepare", repository, "--anew", "--wait")
    expect_equal(t.backup(policy)["state"], "successful", "state of a backup to it")
