# SPDX-License-Identifier: GPL-3.0-or-later
"""The framework of the tests: @test declares one, and its argument, a Context, is its interface to the lab."""

import importlib
import itertools
import json
import subprocess
import time
import traceback

from machines import Problem, wait_for

_cases = []
_numbers = itertools.count(1)


class Case:
    def __init__(self, title, function, alone, core, quick, slow, needs, turns):
        self.title = title
        self.function = function
        self.module = function.__module__.removesuffix("_test")
        self.alone = alone
        self.core = core
        self.quick = quick
        self.slow = slow
        self.needs = needs
        self.turns = turns

    def is_selected(self, patterns, core, quick):
        name = f"{self.module}: {self.title}"
        return ((self.core or not core) and (self.quick or not quick)
                and (not patterns or any(pattern in name for pattern in patterns)))

    def can_run_beside(self, other):
        """Whether both can run in one lab at the same time."""
        return not (self.alone is True or other.alone is True or self.alone in other.needs or other.alone in self.needs
                    or (self.turns and self.turns == other.turns))


def test(title, alone=False, core=False, quick=False, slow=False, needs=(), turns=None):
    """alone: what nothing else can use beside it: one of the machines that it needs, or, if it is True, all of the lab.
    core: on every release. slow: begin early. needs: machines that are booted for it, beside the usual ones. turns: what
    it shares with others, which run before or after it."""
    def declare(function):
        _cases.append(Case(title, function, alone, core, quick, slow, needs, turns))
        return function
    return declare


def load(directory):
    for path in sorted(directory.glob("*_test.py")):
        importlib.import_module(path.stem)
    return list(_cases)


def expect(condition, what):
    if not condition:
        raise Problem(f"expected: {what}")


def expect_equal(found, expected, what):
    if found != expected:
        raise Problem(f"{what}: found {found!r}, expected {expected!r}")


def expect_in(parts, text):
    """The text contains all of the parts."""
    for part in [parts] if isinstance(parts, str) else parts:
        if part not in text:
            raise Problem(f"{part!r} is not in {text!r}")


class Context:
    """One test's view of the lab. Objects that it creates get unique names."""

    def __init__(self, lab, case):
        self.lab = lab
        self.server = lab.server
        self.web = lab.web
        self.db = lab.db
        self.vault = lab.vault
        self.case = case
        self.prefix = f"t{next(_numbers)}"
        self.jobs_seen = set()
        self.since = time.time()
        self._cleanups = []

    def perform(self):
        """Runs the test. Returns None, or the failure with everything that helps to understand it."""
        problem = None
        try:
            self.case.function(self)
        except Exception:  # after any exception, the other tests continue
            problem = traceback.format_exc(limit=-6)
        for cleanup in reversed(self._cleanups):
            try:
                cleanup()
            except Exception:
                problem = (problem or "") + traceback.format_exc(limit=-3)
        return None if problem is None else problem + self._evidence()

    def later(self, function, *arguments):
        """Calls this at the end of the test, however it ends."""
        self._cleanups.append(lambda: function(*arguments))

    def _evidence(self):
        parts = []
        for job in sorted(self.jobs_seen)[-4:]:
            for command in (["--json", "job", "show", str(job)], ["job", "log", str(job)]):
                output = self.server.run("cyborgctl", *command, check=False)
                parts.append(f"--- cyborgctl {' '.join(command)}\n{output.out[-2500:]}{output.err}")
        journal = self.server.run("journalctl", "-u", "cyborgd", "-q", "-o", "short-precise", "--since",
                                  f"@{int(self.since)}", "-n", "40", check=False)
        parts.append(f"--- journal of cyborgd\n{journal.out}")
        return "\n".join(parts)

    # cyborgctl

    def ctl(self, *arguments, status=0, data=None, timeout=180):
        """Runs cyborgctl, which must end with this exit status."""
        output = self.server.run("cyborgctl", *arguments, data=data, check=False, timeout=timeout)
        if output.status != status:
            raise Problem(f"expected exit status {status}: {output}")
        return output

    def json(self, *arguments, **options):
        return json.loads(self.ctl("--json", *arguments, **options).out)

    def refused(self, arguments, status, *parts, data=None):
        """cyborgctl refuses this with the exit status and a message that contains all these parts."""
        output = self.ctl(*arguments, status=status, data=data)
        expect_in(parts, output.err)
        return output.err

    def name(self, suffix):
        return f"{self.prefix}-{suffix}"

    def client(self, machine="web", *options, suffix=""):
        """Adds a client, and returns its name."""
        name = self.name(f"{machine}{suffix}")
        address = ["--local"] if machine == "server" else ["--address", machine]
        self.ctl("client", "add", name, *address, *options)
        return name

    def repository(self, place="server", *options, suffix="", data=None):
        """Adds a repository on the server, or on vault."""
        name = self.name(f"on-{place}{suffix}")
        beginning = "borg@vault:/srv/borg/" if place == "vault" else "/var/lib/cyborg/repositories/"
        self.ctl("repository", "add", name, f"{beginning}{name}-{{client}}", *options, data=data)
        return name

    def policy(self, kind, repository, client, *options, suffix="policy"):
        name = self.name(suffix)
        self.ctl("policy", "add", name, "--type", kind, "--repository", repository, "--client", client, *options)
        return name

    def folders(self, folder, *options, machine="web", place="server"):
        """Client, repository and policy for one folder; returns the policy's name."""
        return self.policy("folders", self.repository(place), self.client(machine), "--var",
                           f"folders={json.dumps([folder])}", *options)

    def run(self, policy, *options, status=0):
        """Runs a policy to its end; returns its jobs."""
        words = ("--json", "policy", "run", policy, "--wait", *options)
        output = self.server.run("cyborgctl", *words, check=False)
        try:
            jobs = json.loads(output.out)["jobs"]
        except ValueError:
            raise Problem(f"no JSON: {output}") from None
        self.jobs_seen.update(job["id"] for job in jobs)
        how = "".join(f"\n  {job['kind']}: {job['state']}: {job['reason']}" for job in jobs)
        expect_equal(output.status, status, f"exit status of policy run{how}")
        return jobs

    def backup(self, policy, *options, status=0):
        """Runs a policy to its end; returns the backup job."""
        return self.last(self.run(policy, *options, status=status), "backup")

    def start(self, policy):
        """Starts a policy; returns the number of its backup job."""
        numbers = self.json("policy", "run", policy)["jobs"]
        self.jobs_seen.update(numbers)
        return next(number for number in numbers if self.job(number)["kind"] == "backup")

    @staticmethod
    def last(jobs, kind):
        found = [job for job in jobs if job["kind"] == kind]
        expect(found, f"a job of kind {kind} in {jobs}")
        return found[-1]

    def job(self, number):
        self.jobs_seen.add(number)
        return self.json("job", "show", str(number))

    def jobs(self, **filters):
        words = [word for key, value in filters.items() for word in (f"--{key}", str(value))]
        jobs = self.json("job", "list", *words, "--all")
        self.jobs_seen.update(job["id"] for job in jobs)
        return jobs

    def ended(self, number, seconds=120):
        """Waits until a job has ended, and returns it."""
        live = ("waiting", "pending", "starting", "running")
        return wait_for(lambda: (lambda job: job["state"] not in live and job)(self.job(number)), seconds,
                        f"job {number} ends")

    def restore(self, archive, client, directory, *paths, status=0):
        jobs = self.json("restore", archive, *paths, "--to", f"{client}:{directory}", "--wait", status=status)
        return jobs

    def unit_runs(self, number):
        return self.server.run("systemctl", "is-active", "-q", f"cyborg-job-{number}.service", check=False).status == 0

    def sends_data(self, number):
        """Waits until a backup sends data to the repository."""
        def some():
            job = self.job(number)
            expect(job["state"] in ("waiting", "pending", "starting", "running"), f"job {number} runs: {job}")
            path = f"/org/cyborgbackup1/job/_{ord(str(number)[0]):x}{str(number)[1:]}"
            said = self.server.run("busctl", "get-property", "org.cyborgbackup1", path, "org.cyborgbackup1.Job",
                                   "Bytes", check=False).out
            return said.startswith("t ") and int(said[2:]) > 0
        wait_for(some, 60, f"job {number} reads files")

    def journal(self, *matches):
        """Entries of the server's journal, as dictionaries."""
        lines = self.server.run("journalctl", "-q", "-o", "json", "--all", "--since", f"@{int(self.since)}",
                                *matches).out.splitlines()
        return [json.loads(line) for line in lines]

    def background(self, machine, *command):
        """Starts a process on a machine, which is ended with the test."""
        process = machine.start(*command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.later(lambda: (process.kill(), process.communicate()))
        return process
