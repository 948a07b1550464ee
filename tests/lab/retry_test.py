# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic retries: a scheduled run whose client is away, and a preparation with the backups that waited for it."""

import time

from machines import wait_for
from suite import expect, expect_equal, expect_in, test


def _scheduled_run(t, policy):
    """Starts a run like a timer; returns the numbers of its jobs."""
    said = t.server.run("busctl", "call", "org.cyborgbackup1", "/org/cyborgbackup1", "org.cyborgbackup1.Manager",
                        "RunPolicy", "sa{sv}", policy, "1", "scheduled", "t", str(time.time_ns() // 1000)).out
    words = said.split()  # "tataa{sv} RUN COUNT JOB… 0"
    return [int(word) for word in words[3:3 + int(words[2])]]


@test("a client that is away for a while is tried again, and backed up when it is back", core=True, quick=True)
def comes_back(t):
    t.web.sh('mkdir "$1" && echo x >"$1/f"', f"/srv/{t.prefix}")
    client = t.client("web")
    policy = t.policy("folders", t.repository("server"), client, "--var", f'folders=["/srv/{t.prefix}"]')
    t.run(policy)
    t.ctl("settings", "set", "retry_delay=2s")
    t.later(lambda: t.ctl("settings", "set", "retry_delay="))
    t.ctl("client", "set", client, "port=1")
    # A changed port makes a preparation necessary first.
    prepare, backup, _ = _scheduled_run(t, policy)
    wait_for(lambda: "attempt 1 of 5 failed" in t.job(prepare)["reason"], 60, "the first attempt fails")
    expect_equal((t.job(prepare)["state"], t.job(backup)["state"]), ("pending", "waiting"), "states meanwhile")
    t.ctl("client", "set", client, "port=22")
    job = t.ended(backup)
    expect_equal(job["state"], "successful", f"how it ended: {job['reason']}")
    expect_in(["refuse", "is ready"], t.ctl("job", "log", str(prepare)).out)


@test("a run by hand fails at once")
def by_hand(t):
    t.web.sh('mkdir "$1" && echo x >"$1/f"', f"/srv/{t.prefix}")
    client = t.client("web")
    policy = t.policy("folders", t.repository("server"), client, "--var", f'folders=["/srv/{t.prefix}"]')
    t.run(policy)
    t.ctl("client", "set", client, "port=1")
    jobs = t.run(policy, status=7)
    expect_equal({job["kind"]: job["state"] for job in jobs}, {"prepare-client": "error", "backup": "skipped", "catalog": "skipped"},
                 "how it ended")
    # The retry of the failed job also brings back the jobs that were skipped because of it.
    t.ctl("client", "set", client, "port=22")
    failed = t.last(jobs, "prepare-client")["id"]
    again = t.json("job", "retry", str(failed), "--wait")["jobs"]
    expect_equal({job["kind"]: job["state"] for job in again},
                 {"prepare-client": "successful", "backup": "successful", "catalog": "successful"}, "the retry")
    expect(len(t.json("archive", "list", "--policy", policy)) == 2, "a second archive")
