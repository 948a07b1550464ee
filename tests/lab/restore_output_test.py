# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores to standard output, which receives only the content, and either all of it or a failure."""

from suite import expect, expect_equal, expect_in, test


def _tree(t, machine="web"):
    source = f"/srv/{t.prefix}"
    getattr(t, machine).sh(r"""mkdir -p "$1/sub/deep" && cd "$1" && head -c 3000000 /dev/urandom >big && ln big link && ln -s big soft
        echo hello >"sub/it's \$x"; printf x >"$(printf 'sub/new\nline')"; echo deep >sub/deep/file; : >empty""", source)
    return source


def _stdout(t, archive, *words, consumer="sha256sum"):
    """The output as a consumer receives it; both must succeed."""
    return t.server.sh(f'set -o pipefail; archive=$1; shift; cyborgctl restore --stdout "$archive" "$@" | {consumer}', archive, *words)


def _content_comes(t, place):
    source = _tree(t)
    job = t.backup(t.folders(source, place=place))
    digest = t.web.run("sha256sum", f"{source}/big").out.split()[0]
    for path in (f"{source}//./big/"[1:], f"{source}/link"):
        expect_equal(_stdout(t, job["archive"], path).split()[0], digest, f"content of {path}")
    expect_equal(_stdout(t, job["archive"], f"{source}/sub/new\nline", consumer="cat"), "x", "a name with a line break")
    expect_equal(_stdout(t, job["archive"], f"{source}/empty", consumer="wc -c").strip(), "0", "an empty file")
    return source, job


@test("the bytes of a file, whatever its path looks like", core=True, quick=True)
def file_of_server(t):
    source, job = _content_comes(t, "server")
    last = t.jobs(kind="restore", policy=job["policy"])[0]
    expect_equal((last["state"], last["client"]), ("successful", job["client"]), "the last job")
    # Folders, several paths and a whole archive are a tar stream, and so is a single file on request.
    there = f"/restored/{t.prefix}"
    for number, (words, inside) in enumerate(((["--", f"{source}/sub/"], "sub"), (["--", f"{source}/sub", f"{source}/big"], "."), ([], "."),
                                              (["--tar", f"{source}/big"], "big"))):
        t.server.sh('mkdir -p "$1"', f"{there}/{number}")
        _stdout(t, job["archive"], *words, consumer=f"tar -x -C {there}/{number}")
        want = t.web.sh('cd "$1" && find "$2" -type f -exec sha256sum {} + | LC_ALL=C sort', source, inside)
        if "--" in words and inside == ".":
            want = "".join(line + "\n" for line in want.splitlines() if "./sub" in line or line.endswith("./big"))
        found = t.server.sh('cd "$1" && find "$2" -type f -exec sha256sum {} + | LC_ALL=C sort', f"{there}/{number}{source}", inside)
        expect_equal(found, want, f"files of tar stream {number}")
    # This needs no client.
    t.ctl("client", "disable", job["client"])
    expect_equal(_stdout(t, job["archive"], f"{source}/sub/deep/file", consumer="cat"), "deep\n", "a disabled client's file")


@test("the bytes of a file whose repository is on another host")
def file_of_vault(t):
    _content_comes(t, "vault")


@test("a reader that goes away, or takes no more, fails the restore")
def reader_gone(t):
    source = _tree(t)
    job = t.backup(t.folders(source))

    def last(code, *parts):
        found = t.json("job", "show", str(t.jobs(kind="restore", policy=job["policy"])[0]["id"]))
        ended = t.ended(found["id"])
        expect_equal((ended["state"], ended["code"]), ("failed", code), f"the job: {ended['reason']}")
        expect_in(parts, ended["reason"])

    pid = t.server.run("systemctl", "show", "-P", "MainPID", "cyborgd").out.strip()
    count = 'for fd in /proc/"$1"/fd/*; do readlink "$fd"; done | grep -c pipe: || :'
    before = t.server.sh(count, pid)
    t.server.sh('cyborgctl restore "$1" "$2" --stdout | head -c 100 >/dev/null; [ ${PIPESTATUS[0]} != 0 ]', job["archive"], f"{source}/big")
    last("reader-gone", "went away after")
    said = t.server.sh('if cyborgctl restore "$1" "$2" --stdout 2>&1 >/dev/full; then exit 1; else echo "status $?"; fi', job["archive"], f"{source}/big")
    expect_in(["No space left", "status 1"], said)
    last("reader-gone")
    said = t.server.sh('if cyborgctl restore "$1" "$2" --stdout 2>&1; then exit 1; else echo "status $?"; fi', job["archive"], "/tmp/x/big")
    expect_in(["/tmp/x/big is not in archive", f"{source}/big", "status 7"], said)
    last("path-not-in-archive")
    expect_equal(t.server.sh(count, pid), before, "pipes that cyborgd has open")
    t.refused(["job", "retry", str(t.jobs(kind="restore", policy=job["policy"])[0]["id"])], 2, "who has gone")
    t.refused(["restore", job["archive"], "--stdout", "--to", f"{job['client']}:/x"], 2, "one of")
    t.refused(["--json", "restore", job["archive"], "--stdout"], 2, "--json")
    t.refused(["restore", job["archive"], "--tar", "--in-place"], 2, "--tar")


@test("a restore to standard output while a backup of the same repository runs")
def while_backup(t):
    source = _tree(t)
    policy = t.folders(source)
    job = t.backup(policy)
    t.web.sh('head -c 60000000 /dev/urandom >"$1/slow"', source)
    t.ctl("policy", "set", policy, "upload_limit=800")
    number = t.start(policy)
    t.sends_data(number)
    expect_equal(_stdout(t, job["archive"], f"{source}/sub/deep/file", consumer="cat"), "deep\n", "the content")
    t.restore(job["archive"], job["client"], f"/restored/{t.prefix}", f"{source}/sub/")
    expect_equal(t.job(number)["state"], "running", "the backup meanwhile")
    expect_equal(t.web.sh('cat "$1"', f"/restored/{t.prefix}{source}/sub/deep/file"), "deep\n", "the file")
    t.ctl("policy", "set", policy, "upload_limit=0")
    t.ctl("job", "cancel", str(number), "--wait")
    expect(t.job(number)["state"] == "canceled", "the backup was canceled")
