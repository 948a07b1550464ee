# SPDX-License-Identifier: GPL-3.0-or-later
"""However a backup is interrupted: no lock and no borg stays behind, the job says so, and the next run works."""

import subprocess

from suite import expect, expect_equal, expect_in, test, wait_for


class Slow:
    """A backup that stays slow until it is told otherwise."""

    def __init__(self, t, machine, place="server"):
        self.t = t
        self.machine = machine
        self.source = f"/srv/{t.prefix}-big"
        machine.sh('mkdir "$1"; head -c 100M /dev/urandom >"$1/big"', self.source)
        t.later(machine.run, "rm", "-rf", self.source)
        self.policy = t.folders(self.source, "--upload-limit", "2M", machine=machine.name, place=place)
        self.client = t.name(machine.name)
        repository = f"{t.name('on-' + place)}-{self.client}"
        self.host = t.vault if place == "vault" else t.server
        beginning = "/srv/borg" if place == "vault" else "/var/lib/cyborg/repositories"
        self.repository = f"{beginning}/{repository}"

    def start(self):
        number = self.t.start(self.policy)
        self.t.sends_data(number)
        wait_for(self.locked, 30, "borg holds the lock of the repository")
        return number

    def locked(self):
        return "lock.exclusive" in self.host.sh('ls "$1"', self.repository)

    def borg_runs(self):
        return self.machine.has_process(f"borg .*create.*{self.policy}")

    def expect_clean(self, seconds=30):
        wait_for(lambda: not self.borg_runs(), seconds, f"no borg is left on {self.machine.name}")
        wait_for(lambda: not self.locked(), seconds, "no lock is left in the repository")
        expect(not self.host.has_process(f"borg serve.*{self.repository}"), "no borg serve is left")
        left = self.machine.sh("ls -d /tmp/cyborg-job-* 2>/dev/null || true").split()
        expect(not self.machine.has_process(f"borg .*{self.policy}"), f"nothing is left: {left}")

    def expect_next_run_works(self):
        self.machine.run("truncate", "-s", "1M", f"{self.source}/big")
        self.t.ctl("policy", "set", self.policy, "upload_limit=0")
        job = self.t.backup(self.policy)
        expect_equal(job["state"], "successful", "state of the next backup")


@test("a lost network: the job says so, and the client's borg ends by itself", core=True, slow=True)
def lost_network(t):
    slow = Slow(t, t.lab.client1)
    number = slow.start()
    t.lab.do("cut", "client1")
    t.later(t.lab.do, "heal", "client1")
    job = t.ended(number, 120)
    expect_equal((job["state"], job["code"]), ("failed", "connection-lost"), f"end of the job ({job['reason']})")
    # While the network is still down: the client hears nothing from the server, and must notice by itself.
    slow.expect_clean(150)
    t.lab.do("heal", "client1")
    slow.expect_next_run_works()


@test("cyborg-job is killed", core=True, slow=True, quick=True)
def killed(t):
    slow = Slow(t, t.web)
    number = slow.start()
    t.server.run("systemctl", "kill", "-s", "KILL", "--kill-whom=main", f"cyborg-job-{number}.service")
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "interrupted"), f"end of the job ({job['reason']})")
    # borg serve was killed with it, and could not release its lock. The next one removes it.
    wait_for(lambda: not slow.borg_runs(), 30, "no borg is left on the client")
    slow.expect_next_run_works()
    slow.expect_clean()


@test("cyborg-job is killed, repository on another host", slow=True)
def killed_with_vault(t):
    slow = Slow(t, t.db, "vault")
    number = slow.start()
    t.server.run("systemctl", "kill", "-s", "KILL", f"cyborg-job-{number}.service")
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "interrupted"), f"end of the job ({job['reason']})")
    slow.expect_clean()
    slow.expect_next_run_works()


@test("systemctl stop of the job's unit", core=True, slow=True)
def stopped(t):
    slow = Slow(t, t.web)
    number = slow.start()
    t.server.run("systemctl", "stop", f"cyborg-job-{number}.service")
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("canceled", "canceled"), f"end of the job ({job['reason']})")
    slow.expect_clean()
    slow.expect_next_run_works()


@test("cyborgctl job cancel, repository on another host", core=True, slow=True, quick=True)
def canceled(t):
    slow = Slow(t, t.web, "vault")
    number = slow.start()
    t.ctl("job", "cancel", str(number), "--wait")
    job = t.job(number)
    expect_equal((job["state"], job["code"]), ("canceled", "canceled"), f"end of the job ({job['reason']})")
    slow.expect_clean()
    t.refused(["job", "cancel", str(number)], 1, f"job {number} has ended")
    slow.expect_next_run_works()


@test("the client's sshd is killed", slow=True)
def sshd_killed(t):
    slow = Slow(t, t.db)
    number = slow.start()
    # The sshd of this connection is the parent of the shell that is the parent of this borg.
    t.db.sh('borg=$(pgrep -o -f "borg .*create.*$1"); p=$borg; '
            'until [ "$(cat /proc/$p/comm)" = sshd ] || grep -q sshd-session /proc/$p/cmdline; do '
            'p=$(awk "{ print \\$4 }" /proc/$p/stat); done; kill -KILL "$p"', slow.policy)
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "connection-lost"), f"end of the job ({job['reason']})")
    slow.expect_clean(150)
    slow.expect_next_run_works()


@test("borg is killed on the client")
def borg_killed(t):
    slow = Slow(t, t.db)
    number = slow.start()
    t.db.run("pkill", "-KILL", "-f", f"borg .*create.*{slow.policy}")
    job = t.ended(number)
    expect_equal(job["state"], "failed", f"end of the job ({job['reason']})")
    expect_in("signal 9", job["reason"])
    slow.expect_clean()


@test("jobs that wait for a canceled one are skipped; a retry prepares what it needs and runs")
def skipped(t):
    client = t.name("web")
    # A port with a listener that never sends anything.
    silent = t.server.start("python3", "-uc", "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 0)); "
                            "s.listen(9); print(s.getsockname()[1]); sys.stdin.read()",
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    t.later(lambda: (silent.stdin.close(), silent.wait(30), silent.stdout.close()))
    port = silent.stdout.readline().decode().strip()
    t.ctl("client", "add", client, "--address", "127.0.0.1", "--port", port)
    policy = t.policy("config", t.repository("server"), client)
    numbers = t.json("policy", "run", policy)["jobs"]
    kinds = {t.job(number)["kind"]: number for number in numbers}
    t.ctl("job", "cancel", str(kinds["prepare-client"]), "--wait")
    expect_equal(t.ended(kinds["prepare-client"])["state"], "canceled", "state of the preparation")
    job = t.ended(kinds["backup"])
    expect_equal(job["state"], "skipped", "state of the backup")
    expect_in(f"job {kinds['prepare-client']}", job["reason"])
    t.ctl("client", "set", client, "address=web", "port=22")
    t.ctl("job", "retry", str(kinds["backup"]), "--wait")
    expect_equal(t.json("job", "list", "--policy", policy, "--limit", "1")[0]["state"], "successful", "after the retry")


@test("a time limit ends a job and its borg", slow=True)
def time_limit(t):
    slow = Slow(t, t.db)
    t.ctl("policy", "set", slow.policy, "timeout=5s")
    job = t.backup(slow.policy, status=7)
    expect_equal(job["state"], "failed", f"end of the job ({job['reason']})")
    expect_in("time", job["reason"])
    slow.expect_clean()


@test("two backups of one client wait for each other, and say so")
def one_at_a_time(t):
    slow = Slow(t, t.web)
    number = slow.start()
    other = t.policy("config", t.repository("server", suffix="-2"), slow.client, suffix="other")
    second = t.start(other)
    waits = wait_for(lambda: (lambda job: job["state"] == "pending" and job)(t.job(second)), 30, "the second waits")
    expect_in(slow.client, waits["reason"])
    t.ctl("job", "cancel", str(number), "--wait")
    expect_equal(t.ended(second)["state"], "successful", "state of the second")
