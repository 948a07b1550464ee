# SPDX-License-Identifier: GPL-3.0-or-later
"""cyborgd and PostgreSQL stop and restart: nothing is lost, nothing happens twice."""

from interruption_test import Slow
from suite import expect, expect_equal, expect_in, test, wait_for


def _database(t, action):
    t.server.run("systemctl", action, "postgresql")
    # The unit of that name only stands for those of the clusters, which start after it.
    wait_for(lambda: t.server.run("test", "-S", "/run/postgresql/.s.PGSQL.5432", check=False).status == (action == "stop"),
             30, f"PostgreSQL follows its {action}")


def _serves(t):
    return t.server.run("cyborgctl", "status", check=False).status == 0


def _kill_daemon(t):
    """kill -9; systemd restarts it."""
    before = t.server.run("systemctl", "show", "-P", "MainPID", "cyborgd").out
    t.server.run("systemctl", "kill", "-s", "KILL", "cyborgd")
    wait_for(lambda: t.server.run("systemctl", "show", "-P", "MainPID", "cyborgd").out not in (before, "0\n"), 30,
             "systemd starts cyborgd again")
    wait_for(lambda: _serves(t), 30, "cyborgd serves again")


def _backups(t, policy):
    return [job for job in t.jobs(policy=policy) if job["kind"] == "backup"]


@test("cyborgd is killed while a job runs: it is adopted, and its result taken once", alone=True, core=True, quick=True)
def adoption(t):
    slow = Slow(t, t.web)
    number = slow.start()
    _kill_daemon(t)
    expect(t.unit_runs(number), "the job's unit runs on")
    expect_equal(t.job(number)["state"], "running", "state of the adopted job")
    # The job still blocks others, and can still be canceled.
    t.refused(["policy", "run", slow.policy], 1, f"job {number}", "has not ended")
    t.ctl("job", "cancel", str(number), "--wait")
    expect_equal([job["state"] for job in _backups(t, slow.policy)], ["canceled"], "all backups")
    slow.expect_clean()


@test("a job that ends while cyborgd is stopped: its result is not lost", alone=True, core=True)
def result_left_behind(t):
    slow = Slow(t, t.web)
    t.ctl("policy", "set", slow.policy, "upload_limit=20M")
    number = slow.start()
    t.server.run("systemctl", "stop", "cyborgd")
    t.later(t.server.run, "systemctl", "start", "cyborgd")
    wait_for(lambda: not t.unit_runs(number), 90, "the job ends")
    t.server.run("systemctl", "start", "cyborgd")
    wait_for(lambda: _serves(t), 30, "cyborgd serves again")
    job = t.ended(number, 20)
    expect_equal(job["state"], "successful", "state of the job")
    expect_in(job["archive"], t.ctl("archive", "list", "--policy", slow.policy).out)
    expect_in(job["archive"], t.ctl("job", "log", str(number)).out)
    wait_for(lambda: not t.server.sh("ls /var/lib/cyborg/jobs"), 20, "the files of jobs are removed")
    _kill_daemon(t)
    expect_equal([job["id"] for job in _backups(t, slow.policy)], [number], "all backups")
    expect_equal(len(t.json("archive", "list", "--policy", slow.policy)), 1, "archives")


@test("a job that is killed while cyborgd is stopped failed as interrupted", alone=True)
def vanished(t):
    slow = Slow(t, t.web)
    number = slow.start()
    t.server.run("systemctl", "stop", "cyborgd")
    t.later(t.server.run, "systemctl", "start", "cyborgd")
    t.server.run("systemctl", "kill", "-s", "KILL", f"cyborg-job-{number}.service")
    wait_for(lambda: not t.unit_runs(number), 30, "the job ends")
    t.server.run("systemctl", "start", "cyborgd")
    wait_for(lambda: _serves(t), 30, "cyborgd serves again")
    job = t.ended(number, 20)
    expect_equal((job["state"], job["code"]), ("failed", "interrupted"), f"end of the job ({job['reason']})")
    slow.expect_next_run_works()
    slow.expect_clean()


@test("PostgreSQL is away when cyborgd starts: it waits for it", alone=True, core=True)
def database_away_at_start(t):
    _database(t, "stop")
    t.later(_database, t, "start")
    t.server.run("systemctl", "restart", "cyborgd")
    expect_equal(t.server.run("systemctl", "is-active", "cyborgd").out, "active\n", "cyborgd's state")
    t.refused(["client", "add", t.name("web"), "--address", "web"], 3, "database")
    _database(t, "start")
    wait_for(lambda: t.server.run("cyborgctl", "client", "add", t.name("web"), "--address", "web",
                                  check=False).status == 0, 30, "cyborgd has its database again")


@test("PostgreSQL is away at a run by hand: a clear error, and nothing half done", alone=True, core=True, quick=True)
def database_away_at_run(t):
    policy = t.policy("config", t.repository("server"), t.client("web"))
    t.backup(policy)
    _database(t, "stop")
    t.later(_database, t, "start")
    t.refused(["policy", "run", policy], 3, "database")
    _database(t, "start")
    wait_for(lambda: t.server.run("cyborgctl", "job", "list", check=False).status == 0, 30, "the database is back")
    expect_equal(len(_backups(t, policy)), 1, "number of backups")


@test("PostgreSQL is away when a timer elapses: the run comes later, once", alone=True, core=True)
def database_away_at_elapse(t):
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("config", repository, client)
    t.backup(policy)
    _database(t, "stop")
    t.later(_database, t, "start")
    # The unit that the timer starts at its elapse.
    unit = f"cyborg-policy@{policy}.service"
    t.server.sh('mkdir -p "/run/systemd/system/$1.d"; printf "[Service]\\nRestartSec=1\\nEnvironment='
                'TRIGGER_TIMER_REALTIME_USEC=1700000000000000\\n" >"/run/systemd/system/$1.d/test.conf"; '
                'systemctl daemon-reload', unit)
    t.server.run("systemctl", "start", "--no-block", unit)
    wait_for(lambda: int(t.server.run("systemctl", "show", "-P", "NRestarts", unit).out) >= 2, 60,
             "systemd tries again")
    _database(t, "start")
    wait_for(lambda: t.server.run("systemctl", "show", "-P", "ActiveState", unit).out == "inactive\n", 60,
             "the run is accepted")
    expect_equal(t.server.run("systemctl", "show", "-P", "Result", unit).out, "success\n", "result of the service")
    t.server.run("systemctl", "start", unit)  # the same elapse once more
    backups = _backups(t, policy)
    expect_equal(len(backups), 2, "number of backups, the first by hand")
    expect_equal(t.ended(backups[0]["id"])["state"], "successful", "state of the scheduled backup")


@test("PostgreSQL is away when a job ends: it is recorded when it is back", alone=True, core=True)
def database_away_at_end(t):
    slow = Slow(t, t.web)
    t.ctl("policy", "set", slow.policy, "upload_limit=20M")
    number = slow.start()
    _database(t, "stop")
    t.later(_database, t, "start")
    wait_for(lambda: not t.unit_runs(number), 90, "the job ends")
    expect(t.server.run("cyborgctl", "client", "list").out, "what cyborgd has in memory can be read")
    _database(t, "start")
    wait_for(lambda: t.server.run("cyborgctl", "job", "list", check=False).status == 0, 30, "the database is back")
    job = t.ended(number, 30)
    expect_equal(job["state"], "successful", "state of the job")
    expect_in(job["archive"], t.ctl("archive", "list", "--policy", slow.policy).out)


@test("a job for whose result there is no room says so", alone=True)
def no_room(t):
    policy = t.policy("config", t.repository("server"), t.client("web"))
    t.backup(policy)
    jobs = "/var/lib/cyborg/jobs"
    wait_for(lambda: not t.server.sh(f"ls {jobs}"), 20, "the files of jobs are removed")
    t.server.sh('mount -t tmpfs -o size=1M,mode="$(stat -c %a "$1")" tmpfs "$1"; cat /dev/zero >"$1/filler" 2>/dev/null || true', jobs)
    t.later(t.server.run, "umount", "--lazy", jobs)
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "state-directory"), f"end of the job ({job['reason']})")
    expect_in(["without leaving a result", f"no space left in {jobs}"], job["reason"])
    t.server.run("rm", f"{jobs}/filler")
    expect_equal(t.backup(policy)["state"], "successful", "with room")
