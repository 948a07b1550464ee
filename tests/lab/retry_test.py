"""What is tried again: a scheduled run whose client is away, and a preparation with the backups that waited for it."""

import time

from machines import wait_for
from suite import expect, expect_equal, expect_in, test


def _scheduled_run(t, policy):
    """Starts a run as a timer does; returns the number of its backup job."""
    said = t.server.run("busctl", "call", "org.cyborgbackup1", "/org/cyborgbackup1", "org.cyborgbackup1.Manager",
                        "RunPolicy", "sa{sv}", policy, "1", "scheduled", "t", str(time.time_ns() // 1000)).out
    numbers = said.split()[3:]  # "tataa{sv} RUN COUNT JOB… 0"
    jobs = [t.job(int(number)) for number in numbers[:-1] if int(number) > 0]
    return next(job["id"] for job in jobs if job["kind"] == "backup")


@test("a client that is away for a while is tried again, and backed up when it is back", core=True)
def comes_back(t):
    t.web.run("mkdir", "-p", f"/srv/{t.prefix}")
    client = t.client("web")
    policy = t.policy("folders", t.repository("server"), client, "--var", f'folders=["/srv/{t.prefix}"]')
    t.run(policy)
    t.ctl("settings", "set", "retry_delay=2s")
    t.later(lambda: t.ctl("settings", "set", "retry_delay="))
    t.ctl("client", "set", client, "port=1")
    number = _scheduled_run(t, policy)
    wait_for(lambda: "attempt 1 of 5 failed" in t.job(number)["reason"], 60, "the first attempt fails")
    expect_equal(t.job(number)["state"], "pending", "state between two attempts")
    t.ctl("client", "set", client, "port=22")
    job = t.ended(number)
    expect_equal(job["state"], "successful", f"how it ended: {job['reason']}")
    log = t.ctl("job", "log", str(number)).out
    expect_in(["refuses", "archive"], log)


@test("a run by hand fails at once")
def by_hand(t):
    t.web.run("mkdir", "-p", f"/srv/{t.prefix}")
    client = t.client("web")
    policy = t.policy("folders", t.repository("server"), client, "--var", f'folders=["/srv/{t.prefix}"]')
    t.run(policy)
    t.ctl("client", "set", client, "port=1")
    jobs = t.run(policy, status=7)
    expect_equal({job["kind"]: job["state"] for job in jobs}, {"prepare-client": "error", "backup": "skipped"},
                 "how it ended")
    # The retry of what failed brings back what was skipped for it.
    t.ctl("client", "set", client, "port=22")
    failed = t.last(jobs, "prepare-client")["id"]
    again = t.json("job", "retry", str(failed), "--wait")["jobs"]
    expect_equal({job["kind"]: job["state"] for job in again},
                 {"prepare-client": "successful", "backup": "successful"}, "the retry")
    expect(len(t.json("archive", "list", "--policy", policy)) == 2, "a second archive")
