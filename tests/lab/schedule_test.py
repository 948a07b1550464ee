# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers that systemd really elapses."""

from suite import expect, expect_equal, expect_in, test, wait_for


@test("each elapse of a timer starts one run", core=True, slow=True, quick=True)
def elapses(t):
    repository, client, schedule = t.repository("server"), t.client("web"), t.name("often")
    t.web.sh('mkdir "$1"; echo x >"$1/x"', f"/srv/{t.prefix}")
    policy = t.policy("folders", repository, client, "--var", f"folders=/srv/{t.prefix}")
    t.backup(policy)
    t.ctl("schedule", "add", schedule, "--on-calendar", "*:*:0/10")
    t.ctl("policy", "set", policy, f"schedule={schedule}")
    timer = f"cyborg-policy@{policy}.timer"
    expect_in(timer, t.server.run("systemctl", "list-timers", "cyborg-*").out)
    expect_equal(len(t.json("policy", "next", policy, "--count", "7")), 7, "announced elapses")

    def scheduled():
        return t.server.sh("setpriv --reuid postgres --regid postgres --init-groups psql -XqtA cyborg -c "
                           "\"select usec(scheduled) from run where policy = '$1' and scheduled is not null\"",
                           policy).split()
    wait_for(lambda: len(scheduled()) >= 3, 60, "three elapses")
    t.ctl("schedule", "disable", schedule)
    times = sorted(int(time) for time in scheduled())
    expect_equal(len(set(times)), len(times), "number of different elapses")
    # A timer elapses within a second of the requested time.
    slots = [time // 10_000_000 for time in times]
    expect(all(time % 10_000_000 < 3_000_000 for time in times), f"they are what was asked for: {times}")
    expect_equal([b - a for a, b in zip(slots, slots[1:])], [1] * (len(slots) - 1), "tens of seconds between them")
    jobs = [t.ended(job["id"]) for job in t.jobs(policy=policy)]
    backups = [job for job in jobs if job["kind"] == "backup"]
    expect_equal(len(backups), len(times) + 1, "number of backups")
    expect_equal({job["state"] for job in backups}, {"successful"}, "their states")
    expect(t.server.run("systemctl", "is-active", timer, check=False).out != "active\n", "the timer rests")


@test("a crontab with both day fields becomes a timer that elapses on either")
def crontab(t):
    schedule = t.name("schedule")
    t.ctl("schedule", "add", schedule, "30 2 1 * mon", "--timezone", "Europe/Berlin")
    policy = t.policy("config", t.repository("server"), t.client("web"), "--schedule", schedule)
    text = t.server.run("systemctl", "cat", f"cyborg-policy@{policy}.timer").out
    expect_in(["30 2 1 * mon", "Persistent=true", "Europe/Berlin"], text)
    expect_equal(text.count("OnCalendar="), 2, "lines with OnCalendar")
    t.ctl("policy", "remove", policy)
    gone = f"/run/systemd/system/cyborg-policy@{policy}.timer"
    wait_for(lambda: t.server.run("ls", gone, check=False).status != 0, 10, "the timer is removed")
