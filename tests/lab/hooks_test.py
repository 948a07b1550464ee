# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks on the client and on the server: when they run, their environment, and the effect of their failure."""

import json

from suite import expect, expect_equal, expect_in, test


def _policy(t, *hooks):
    t.web.run("mkdir", "-p", f"/srv/{t.prefix}")
    t.web.sh(f"echo data >/srv/{t.prefix}/file")
    words = [word for hook in hooks for word in ("--hook", json.dumps(hook))]
    return t.folders(f"/srv/{t.prefix}", *words)


def _lines(t, machine, path):
    return machine.run("cat", path).out.splitlines()


@test("before and after on the client, with the job's facts and result", core=True, quick=True)
def around(t):
    log = f"/root/{t.prefix}.log"
    policy = _policy(t, {"when": "before", "command": f"echo before $CYBORG_KIND $CYBORG_POLICY >>{log}"},
                     {"when": "success", "command": f"echo success $CYBORG_STATE $CYBORG_FILES >>{log}"},
                     {"when": "failure", "command": f"echo failure >>{log}"},
                     {"when": "after", "command": f"echo after \"$CYBORG_ARCHIVE\" >>{log}; echo said to the log"})
    job = t.backup(policy)
    expect_equal(_lines(t, t.web, log),
                 [f"before backup {policy}", "success successful 1", f"after {job['archive']}"], "what the hooks wrote")
    expect_in("said to the log", t.ctl("job", "log", str(job["id"])).out)


@test("a hook before the backup that fails: no archive, and what is after it runs all the same")
def failing(t):
    log = f"/root/{t.prefix}.log"
    policy = _policy(t, {"when": "before", "command": "echo not today; exit 3"},
                     {"when": "after", "command": f"echo after $CYBORG_CODE >>{log}"})
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "hook-failed"), "how it ended")
    expect_in(["not today", "status 3"], job["reason"])
    expect_equal(_lines(t, t.web, log), ["after hook-failed"], "the hook after it")
    expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")


@test("a hook that hangs is ended, with all that it started; as a warning if it says so")
def hanging(t):
    policy = _policy(t, {"when": "before", "timeout": "2s", "effect": "warn",
                         "command": f"sleep 987{t.prefix[1:]} & sleep 986{t.prefix[1:]}"})
    job = t.backup(policy, status=6)
    expect_equal(job["state"], "warning", "how it ended")
    expect(any("was ended after 2 s" in warning for warning in job["warnings"]), f"a warning of it: {job['warnings']}")
    expect(not t.web.has_process(f"sleep 98[67]{t.prefix[1:]}"), "nothing of the hook runs on")


@test("on the server, as an unprivileged user, after a failure")
def on_server(t):
    policy = _policy(t, {"when": "failure", "where": "server", "command": "id -un; echo told: $CYBORG_MESSAGE"})
    t.web.run("rm", "-rf", f"/srv/{t.prefix}")
    job = t.backup(policy, status=7)
    expect_in(["cyborg", "told: ", "does not exist"], t.ctl("job", "log", str(job["id"])).out)


@test("what a hook may not be is refused with the field")
def refused(t):
    repository, client = t.repository("server"), t.client("web")
    add = ["policy", "add", t.name("x"), "--type", "config", "--repository", repository, "--client", client, "--hook"]
    t.refused([*add, '{"when": "never", "command": "x"}'], 2, "never", "before, after, success or failure")
    t.refused([*add, '{"command": "x", "kinds": ["prune"]}'], 2, "cannot run on the client")
    t.refused([*add, "x"], 2, "JSON object")
