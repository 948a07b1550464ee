# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance of repositories: their own timers, damage, overdue tasks, and when archives will be removed."""

import json

from byhand import archives, opened
from suite import expect, expect_equal, expect_in, test, wait_for


def _sql(t, statement):
    return t.server.sh('setpriv --reuid postgres --regid postgres --init-groups psql -XqtA cyborg -c "$1"',
                       statement).split()


def _backed_up(t, place, *options, size=300_000):
    folder = f"/srv/{t.prefix}"
    t.web.python("import os, sys; os.makedirs(sys.argv[1]);"
                 "open(f'{sys.argv[1]}/file', 'wb').write(os.urandom(int(sys.argv[2])))", folder, str(size))
    repository, client = t.repository(place), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([folder])}", *options)
    t.backup(policy)
    return repository, client, policy


def _status(t, repository):
    return next(row for row in t.json("status")["repositories"] if row["repository"] == repository)


@test("a repository is checked, verified and compacted by schedules of its own, once for each elapse", core=True, slow=True)
def schedules(t):
    repository, _, _ = _backed_up(t, "vault")
    schedule = t.name("often")
    t.ctl("schedule", "add", schedule, "--on-calendar", "*:*:0/10")
    t.ctl("repository", "set", repository, f"check_schedule={schedule}", f"compact_schedule={schedule}",
          f"verify_schedule={schedule}", "check_max_duration=20s")
    timers = t.server.run("systemctl", "list-timers", "cyborg-*").out
    expect_in([f"cyborg-check@{repository}.timer", f"cyborg-compact@{repository}.timer",
               f"cyborg-verify@{repository}.timer"], timers)
    expect_in("Start a check of cyborg repository", t.server.run("systemctl", "cat", f"cyborg-check@{repository}.timer").out)

    def scheduled(kind):
        return _sql(t, f"select usec(scheduled) from run where upkeep = '{kind}' and repository = '{repository}'")
    wait_for(lambda: len(scheduled("check")) >= 2 and scheduled("compact") and scheduled("verify"), 60,
             "two checks, a compaction and a verification")
    t.refused(["schedule", "remove", schedule], 1, repository, "--force")
    # An elapse that a service reports a second time, although the first report succeeded, is the same run.
    t.ctl("schedule", "set", schedule, "on_calendar=2150-01-01")
    before = len(scheduled("check"))
    for _ in range(2):
        t.server.run("systemctl", "start", f"cyborg-check@{repository}.service")
    times = scheduled("check")
    expect(len(times) <= before + 1, f"one run for one elapse: {times}")
    expect_equal(len(set(times)), len(times), "number of different elapses")
    t.ctl("schedule", "disable", schedule)
    expect(repository not in t.server.run("systemctl", "list-timers", "--all", "cyborg-*").out, "the timers rest")
    jobs = [t.ended(job["id"]) for job in t.jobs(repository=repository) if job["kind"] in ("check", "compact", "verify")]
    expect_equal({job["state"] for job in jobs}, {"successful"}, "how they ended")
    expect_in("in 20 s of checking; that was the last part", t.last(jobs, "check")["reason"])
    row = _status(t, repository)
    for key in ("last_check", "last_whole_check", "last_compact", "last_verify"):
        expect(row[key] > 0, f"{key} is noted: {row}")
    t.ctl("schedule", "remove", schedule, "--force")
    expect_equal(t.json("repository", "show", repository)["check_schedule"], "", "the repository's schedule")


@test("a damaged repository is shown as such, and left alone, until a whole check finds it good", core=True, quick=True)
def damage(t):
    repository, client, policy = _backed_up(t, "server", size=2_000_000)
    t.backup(policy)
    path, passphrase = opened(t, repository, client)
    spoil = """import glob, os, sys
files = sorted(glob.glob(f'{sys.argv[1]}/data/0/*'), key=os.path.getsize)
name = sys.argv[3] or files[-1]
with open(name, 'r+b') as file:
    file.seek(os.path.getsize(name) // 2)
    old = file.read(6)
    file.seek(os.path.getsize(name) // 2)
    file.write(bytes.fromhex(sys.argv[2]))
print(name, old.hex())"""
    name, old = t.server.python(spoil, path, "64616d616765", "").split()
    job = t.json("repository", "check", repository, "--wait", status=7)["jobs"][0]
    expect_equal((job["state"], job["code"]), ("failed", "damage"), "the check")
    expect_equal(_status(t, repository)["damaged_job"], job["id"], "the job that found it")
    expect_equal(t.json("repository", "show", repository)["damaged"], [client], "damaged")
    output = t.ctl("status", "--check", status=1).out
    expect_in(f"damaged: job {job['id']}", output)
    t.ctl("policy", "set", policy, "keep_last=1")
    jobs = t.run(policy, status=7)
    backup = t.last(jobs, "backup")
    expect_equal((backup["state"], backup["code"]), ("warning", "repository-damaged"), f"the backup: {backup['reason']}")
    expect_equal(t.last(jobs, "prune")["state"], "error", "the prune behind it")
    expect_in("is damaged", t.last(jobs, "prune")["reason"])
    expect_equal(len(archives(t, path, passphrase)), 3, "archives that are left")
    by_hand = t.ended(t.json("repository", "compact", repository)["jobs"][0])
    expect("is damaged (job" not in by_hand["reason"], f"whoever asks for it by hand gets it: {by_hand}")
    t.server.python(spoil, path, old, name)
    t.ctl("repository", "check", repository, "--max-duration", "20s", "--wait")
    expect(_status(t, repository)["damaged"] > 0, "a part of a check says nothing of the whole")
    t.ctl("repository", "check", repository, "--wait")
    expect_equal(_status(t, repository)["damaged"], 0, "damage after a whole check")
    expect_equal({job["state"] for job in t.run(policy)}, {"successful"}, "a run afterwards")
    expect_equal(len(archives(t, path, passphrase)), 1, "archives that retention keeps")


@test("upkeep that is overdue is as loud as a late backup")
def overdue(t):
    repository, _, policy = _backed_up(t, "server")
    schedule = t.name("weekly")
    t.ctl("schedule", "add", schedule, "@weekly")
    t.ctl("repository", "set", repository, f"check_schedule={schedule}")
    t.ctl("policy", "set", policy, "keep_last=1", f"schedule={schedule}")
    row = _status(t, repository)
    expect_equal((row["late"], row["last_check"]), ([], 0), "never done, but not due yet")
    expect(row["next_check"] > 0 and row["next_prune"] > 0, f"what comes next: {row}")
    t.ctl("repository", "check", repository, "--wait")
    t.run(policy)
    expect_equal(_status(t, repository)["late"], [], "what is late")
    _sql(t, "update maintenance_status s set last_success = now() - interval '8 days' from borg_repository b "
            f"where b.id = s.borg_repository and b.repository = '{repository}' and s.kind <> 'compact'")
    row = _status(t, repository)
    expect_equal(sorted(word.split()[0] for word in row["late"]), ["check", "prune"], "what is late")
    expect_in("late: ", t.ctl("status", "--check", status=1).out)


@test("archive why tells when an archive will go")
def when_it_goes(t):
    _, _, policy = _backed_up(t, "server")
    schedule = t.name("nightly")
    t.ctl("schedule", "add", schedule, "30 2 * * *")
    archive = t.json("archive", "list", "--policy", policy)[0]["name"]
    expect_equal(t.json("archive", "why", archive)["goes"], 0, "without a schedule")
    t.ctl("policy", "set", policy, f"schedule={schedule}", "keep_daily=7")
    why = t.json("archive", "why", archive)
    elapses = t.json("policy", "next", policy, "--count", "9")
    times = [elapse if isinstance(elapse, int) else elapse["time"] for elapse in elapses]
    # A backup of the same day replaces it; otherwise a week of others does.
    expect(why["goes"] in times[:8], f"{why['goes']} is one of the next elapses: {times}")
    expect_in("daily 1 of 7", why["rule"])
    t.ctl("archive", "pin", archive)
    expect_equal(t.json("archive", "why", archive)["goes"], 0, "of one that is pinned")
