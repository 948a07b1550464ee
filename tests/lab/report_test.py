# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports, alerts and metrics: each problem is reported once to the right recipient."""

import json
import re

from suite import expect, expect_equal, expect_in, test

_METRICS = "/var/lib/prometheus/node-exporter"


def _failing(t):
    """Adds a policy whose folder does not exist; its backup has failed."""
    folder = f"/srv/{t.prefix}"
    t.later(t.web.run, "rm", "-rf", folder)
    policy = t.policy("folders", t.repository(), t.client(), "--var", f"folders={json.dumps([folder])}")
    return policy, folder, t.backup(policy, status=7)


def _mend(t, policy, folder):
    t.web.sh('mkdir -p "$1"; echo content >"$1/file"', folder)
    t.backup(policy)


def _own(t, text):
    """The lines about this test's objects: other tests have problems, too."""
    return [line for line in text.splitlines() if f"{t.prefix}-" in line]


@test("what has become wrong is told once, again if that failed, and when it is over", core=True)
def changes(t):
    policy, folder, job = _failing(t)
    told = f"/tmp/{t.prefix}-told"
    t.later(t.server.run, "rm", "-f", told)
    expect_in("exit status 1", t.ctl("report", "--changes", told, "--", "false", status=1).err)
    t.server.run("test", "!", "-e", told)
    lines = _own(t, t.ctl("report", "--changes", told).out)
    expect_equal(len(lines), 2, f"lines in {lines}")
    expect(all(line.startswith("new: ") for line in lines), f"all of it is new: {lines}")
    expect_in([f"policy {policy}", f"(job {job['id']})", job["reason"]], lines[0])
    expect_in("no backup has ever succeeded", lines[1])
    expect_equal(t.server.run("stat", "-c", "%a", told).out, "600\n", "mode of what was told")
    expect_equal(_own(t, t.ctl("report", "--changes", told).out), [], "what is told a second time")
    # Two days later.
    t.server.python("import json, sys; told = json.load(open(sys.argv[1]))\n"
                    "for one in told['troubles'].values(): one['since'] -= 2 * 86400 * 10**6\n"
                    "json.dump(told, open(sys.argv[1], 'w'))", told)
    lines = _own(t, t.ctl("report", "--changes", told).out)
    expect(lines[0].startswith("day 3: "), f"it lasts: {lines}")
    expect_equal(_own(t, t.ctl("report", "--changes", told).out), [], "what is told twice a day")
    # An unreachable cyborgd is a problem, and no reason to report others as over.
    lines = t.server.run("env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/none", "cyborgctl", "report", "--changes", told).out
    expect(lines.startswith("new: the system bus cannot be reached") and not _own(t, lines), f"no bus: {lines}")
    _mend(t, policy, folder)
    text = t.ctl("report", "--changes", told).out
    expect_in("over: the system bus cannot be reached", text)
    expect(len(_own(t, text)) == 2 and all(line.startswith("over: ") for line in _own(t, text)), f"both are over: {text}")


@test("a report has what is wrong and what happened, for people and for programs", quick=True)
def report(t):
    policy, folder, job = _failing(t)
    lines = t.ctl("report").out
    expect_in([f"policy {policy}: failed: {job['reason']}", f"cyborgctl job log {job['id']}\n"], lines)
    _mend(t, policy, folder)
    record = t.json("report", "--since", "30d")
    expect(job["id"] in [one["id"] for one in record["unsuccessful"]], "the job that failed is among the unsuccessful")
    expect(not [one for one in record["troubles"] if one["policy"] == policy], "nothing is wrong any more")
    expect(record["archives"]["new_size"] > 0 and record["jobs"]["backup"]["successful"] > 0, f"work was done: {record}")
    expect_equal(len(record["days"]), 31, "days")
    expect_in("Backups by day:", t.ctl("report", "--since", "monthly").out)
    client = t.name("web")
    row = next(row for row in t.json("status")["repositories"] if row["client"] == client)
    expect(row["size"] > 0 and row["size_week_ago"] == 0, f"the size of the repository is known by now: {row}")
    size = next(row["size"] for row in record["repositories"] if row["client"] == client)
    expect_equal(size, row["size"], "size in the report")
    t.refused(["report", "--since", "soon"], 2, "--since soon")


def _dropin(t, unit, *lines):
    directory = f"/run/systemd/system/{unit}.d"
    t.server.sh('mkdir -p "$1"; cat >"$1/test.conf"; systemctl daemon-reload', directory,
                data="\n".join(("[Service]", *lines, "")))
    t.later(t.server.sh, 'rm -r "$1"; systemctl daemon-reload', directory)


@test("mails go out by sendmail, and wait while it does not work", core=True)
def mails(t):
    # A directory in which the units' sandbox lets a mail system write.
    spool = f"/var/spool/{t.prefix}"
    t.server.sh("""mkdir "$1"; cat >/usr/sbin/sendmail; chmod +x /usr/sbin/sendmail""", spool, data=f"""#!/bin/sh
[ ! -e {spool}/broken ] || exit 75
echo "$*" >{spool}/words
cat >>{spool}/mail
""")
    t.later(t.server.run, "rm", "-rf", spool, "/usr/sbin/sendmail", "/var/lib/cyborg-alert")
    policy, _, job = _failing(t)
    _dropin(t, "cyborg-report@daily.service", "Environment=MAILTO=admins@example.net")

    def start(unit, status=0):
        t.server.sh(": >$1/mail", spool)
        expect_equal(t.server.run("systemctl", "start", unit, check=False).status, status, f"end of {unit}")
        return t.server.run("cat", f"{spool}/mail").out

    t.server.run("touch", f"{spool}/broken")
    start("cyborg-alert.service", status=1)
    expect_in("exit status 75", t.server.run("systemctl", "status", "cyborg-alert.service", check=False).out)
    t.server.run("rm", f"{spool}/broken")
    mail = start("cyborg-alert.service")
    expect_equal(t.server.run("cat", f"{spool}/words").out, "-t -oi\n", "arguments of sendmail")
    head, body = mail.split("\n\n", 1)
    expect_in(["To: root\n", "Subject: cyborgd on server: new: ", "Content-Type: text/plain; charset=utf-8"], head)
    expect_in(f"(job {job['id']}): {job['reason']}", "\n".join(_own(t, body)))
    expect_equal(_own(t, start("cyborg-alert.service")), [], "what is mailed a second time")
    mail = start("cyborg-report@daily.service")
    expect_in(["To: admins@example.net\n", f"cyborgctl job log {job['id']}\n"], mail)
    expect(re.search(r"(?m)^Subject: cyborgd on server: .*\(and \d+ more\)$|^Subject: .*policy", mail),
           f"the subject says the worst: {mail.splitlines()[1]}")
    t.server.run("systemctl", "start", "cyborg-report@daily.timer", "cyborg-report@weekly.timer")
    t.later(t.server.run, "systemctl", "stop", "cyborg-report@daily.timer", "cyborg-report@weekly.timer")
    expect_in(["cyborg-report@daily.timer", "cyborg-report@weekly.timer"],
              t.server.run("systemctl", "list-timers", "cyborg-report*").out)


def _samples(text):
    """Name and labels: value; of a text that is what Prometheus reads, and nothing else."""
    names, found, current = set(), {}, None
    value = r'"((?:[^"\\\n]|\\[\\"n])*)"'
    for line in text.splitlines():
        if header := re.fullmatch(r"# HELP (cyborg_\w+) \S.*", line):
            current = header[1]
            expect(current not in names, f"{current} is there once")
            names.add(current)
        elif line != f"# TYPE {current} gauge":
            sample = re.fullmatch(rf"(\w+)(?:\{{(\w+={value}(?:,\w+={value})*)\}})? (\d+(?:\.\d+)?)", line)
            expect(sample and sample[1] == current, f"a sample of {current}: {line}")
            key = (current, frozenset(re.findall(rf"(\w+)={value}", sample[2] or "")))
            expect(key not in found, f"one value: {line}")
            found[key] = float(line.rsplit(" ", 1)[1])
    return found


@test("metrics are written where Prometheus reads them, as a whole and for everybody")
def metrics(t):
    policy, folder, _ = _failing(t)
    t.server.run("systemctl", "start", "cyborg-metrics.service", check=False)
    expect_in(f"{_METRICS}/cyborg.prom: No such file or directory",
              t.server.run("systemctl", "status", "cyborg-metrics.service", check=False).out)
    t.server.run("install", "-d", "-o", "backup", "-g", "backup", _METRICS)
    t.later(t.server.run, "rm", "-rf", "/var/lib/prometheus")

    def written():
        t.server.run("systemctl", "start", "cyborg-metrics.service")
        return _samples(t.server.run("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "cat",
                                     f"{_METRICS}/cyborg.prom").out)

    client = t.name("web")
    repository = t.json("policy", "show", policy)["repositories"][0]

    def backup(samples, name, **more):
        labels = {"policy": policy, "client": client, "repository": repository, **more}
        return samples.get((f"cyborg_backup_{name}", frozenset(labels.items())))

    before = written()
    expect_equal((before["cyborg_up", frozenset()], before["cyborg_database_up", frozenset()]), (1, 1), "what is up")
    expect_equal(backup(before, "last_end_state", state="failed"), 1, "how the backup ended")
    expect_equal(backup(before, "last_success_timestamp_seconds"), None, "what never happened")
    expect(before["cyborg_troubles", frozenset({("kind", "failed")})] >= 1, "the failure is counted")
    _mend(t, policy, folder)
    after = written()
    row = next(row for row in t.json("status")["fleet"] if row["policy"] == policy)
    expect_equal(backup(after, "last_success_timestamp_seconds"), row["last_success"] / 1e6, "the last success")
    expect_equal(backup(after, "original_size_bytes"), float(row["original_size"]), "size of the archive")
    size = after["cyborg_repository_size_bytes", frozenset({("repository", repository), ("client", client)})]
    expect(size > 0, "the size of the repository is known")
    expect_equal(t.server.run("ls", "-A", _METRICS).out, "cyborg.prom\n", "what is in the directory")
    # Without a bus, that is the only sample.
    output = t.server.run("env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/none", "cyborgctl", "metrics", check=False)
    expect_equal((output.status, _samples(output.out)["cyborg_up", frozenset()]), (3, 0), "without a bus")
