# SPDX-License-Identifier: GPL-3.0-or-later
"""Access: polkit, and secrets that nobody can see."""

import secrets as random_tokens
import subprocess

from interruption_test import Slow
from suite import expect, expect_equal, expect_in, test, wait_for

RULE = "/etc/polkit-1/rules.d/50-cyborg-test.rules"


def _as_outsider(t, *arguments):
    return t.server.run("runuser", "-u", "outsider", "--", "cyborgctl", *arguments, check=False)


@test("an unprivileged user changes, runs and restores nothing", quick=True)
def outsider_is_refused(t):
    repository, client, schedule = t.repository("server"), t.client("web"), t.name("schedule")
    t.ctl("schedule", "add", schedule, "@yearly")
    policy = t.policy("config", repository, client, "--schedule", schedule)
    job = t.backup(policy)
    number = str(job["id"])
    commands = [
        ["client", "add", t.name("no")], ["client", "set", client, "port=2"], ["client", "disable", client],
        ["client", "remove", client, "--force"], ["client", "prepare", client],
        ["repository", "add", t.name("no"), "/srv/no"], ["repository", "disable", repository],
        ["repository", "key-export", repository, "--client", client], ["repository", "prepare", repository],
        ["repository", "keys", repository], ["repository", "withdraw", repository, "--force"],
        ["schedule", "add", t.name("no"), "@daily"], ["schedule", "set", schedule, "crontab=@daily"],
        ["policy", "add", t.name("no"), "--type", "config", "--repository", repository, "--client", client],
        ["policy", "set", policy, "exclude=/etc"], ["policy", "run", policy], ["policy", "run", policy, "--dry-run"],
        ["job", "cancel", number], ["job", "retry", number], ["job", "log", number], ["job", "list"],
        ["archive", "list"], ["restore", job["archive"], "--to", f"{client}:/x"], ["restore", job["archive"], "--in-place"],
        ["settings", "set", "max_jobs=1"],
    ]
    before = [t.json(noun, "list") for noun in ("client", "repository", "schedule", "policy", "settings", "job")]
    for command in commands:
        output = _as_outsider(t, *command)
        expect_equal(output.status, 4, f"exit status of {command} ({output.err})")
        expect_in("org.cyborgbackup1.", output.err)
    for noun, rows in zip(("client", "repository", "schedule", "policy"), before):
        mine = [row for row in rows if row["name"].startswith(t.prefix + "-")]
        now = [row for row in t.json(noun, "list") if row["name"].startswith(t.prefix + "-")]
        expect_equal(now, mine, f"each {noun} afterwards")
    expect_equal(_as_outsider(t, "client", "list").status, 0, "exit status of a list of properties")


@test("a polkit rule grants one right, and no other")
def rule(t):
    repository, client = t.repository("server"), t.client("web")
    policy, removed = (t.policy("config", repository, client, suffix=suffix) for suffix in ("granted", "removed"))
    t.ctl("archive", "remove", t.backup(removed)["archive"], "--wait")
    removal = str(t.last(t.jobs(policy=removed), "prune")["id"])
    t.server.sh('cat >"$1"', RULE, data='polkit.addRule(function(action, subject) {\n'
                '  if (action.id == "org.cyborgbackup1.run" && subject.user == "admin") return "yes";\n});\n')
    t.later(t.server.run, "rm", RULE)
    as_admin = ["runuser", "-u", "admin", "--", "cyborgctl"]
    wait_for(lambda: t.server.run(*as_admin, "policy", "run", policy, check=False).status == 0, 20, "the rule is in effect")
    for command in (["policy", "disable", policy], ["job", "retry", removal]):
        expect_equal(t.server.run(*as_admin, *command, check=False).status, 4, f"exit status of what is not granted: {command}")
    expect_equal(_as_outsider(t, "policy", "run", policy).status, 4, "exit status for another user")
    uid, other = (f"uid {t.server.run('id', '-u', user).out.strip()}" for user in ("admin", "outsider"))
    asked = t.journal("CYBORG_METHOD=Manager.RunPolicy", f"CYBORG_POLICY={policy}")
    expect({entry["CYBORG_ACTOR"] for entry in asked if "refused" not in entry["MESSAGE"]} == {uid},
           f"the journal says who ran it: {asked}")
    expect(other in {entry["CYBORG_ACTOR"] for entry in asked if "refused" in entry["MESSAGE"]},
           f"the journal says who was refused: {asked}")
    t.ended(t.jobs(policy=policy)[0]["id"])


# Prints every place on a machine where a secret can be seen, without an end of line or a pattern in an
# argument.
_PROCESSES = r"""
import glob, os, sys, time
needles = [line.encode() for line in sys.stdin.read().split("\n") if line]
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            text = open(path, "rb").read()
        except OSError:
            continue
        for needle in needles:
            # borg takes its passphrase into its own environment in memory, which /proc does not show.
            if needle in text: print(path, text, flush=True)
    time.sleep(0.05)  # the machines share their processors
"""


@test("secrets are in no journal, process, unit, message, core file or database", slow=True)
def secrets(t):
    passphrase, password = ("secret" + random_tokens.token_hex(12) for _ in range(2))
    t.db.sh('useradd -m -s /bin/bash backup-$1; echo "backup-$1 ALL=(ALL:ALL) NOPASSWD: ALL" >/etc/sudoers.d/backup-$1; '
            'IFS= read -r p; printf "%s:%s\\n" "backup-$1" "$p" | chpasswd; '
            'rm -f /etc/ssh/sshd_config.d/*no-password* ', t.prefix, data=password + "\n")
    key = t.server.sh("runuser -u postgres -- psql -XqtA cyborg -c 'select count(*) from secret'")
    expect(int(key) > 0, "there are secrets in the database")
    watchers = []
    stop = f"/run/{t.prefix}-stop"
    for machine in (t.server, t.db, t.vault):
        watcher = machine.start("python3", "-c", _PROCESSES, stop, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # Killing this end would leave the other end running in the machine.
        t.later(lambda machine=machine, watcher=watcher: (machine.run("touch", stop), watcher.wait(30),
                                                          watcher.stdout.close(), machine.run("rm", "-f", stop)))
        watcher.stdin.write(f"{passphrase}\n{password}\n".encode())
        watcher.stdin.close()
        expect_equal(watcher.stdout.readline(), b"ready\n", "the watcher's first line")
        watchers.append(watcher)
    t.server.run("systemd-run", "-q", "--collect", f"--unit=monitor-{t.prefix}", "sh", "-c",
                 "exec busctl monitor --match=type=method_call --match=sender=org.cyborgbackup1 "
                 f">/root/monitor-{t.prefix} 2>&1")
    t.later(lambda: t.server.run("systemctl", "stop", f"monitor-{t.prefix}", check=False))
    client = t.name("db")
    t.ctl("client", "add", client, "--address", "db", "--user", f"backup-{t.prefix}", "--password-file", "-",
          data=password + "\n")
    repository = t.repository("vault", "--passphrase-file", "-", data=passphrase + "\n")
    slow = t.policy("config", repository, client)
    job = t.backup(slow)
    t.restore(job["archive"], client, f"/restored/{t.prefix}")
    expect_in(passphrase, t.ctl("repository", "key-export", repository, "--client", client).out)
    t.server.run("systemctl", "stop", f"monitor-{t.prefix}", check=False)
    # Before the search below, whose own processes contain them.
    for machine, watcher in zip((t.server, t.db, t.vault), watchers):
        machine.run("touch", stop)
        expect_equal(watcher.stdout.read(), b"", "processes that show a secret")
    places = {
        "journal": f"journalctl -q -o export --all --since @{int(t.since)}",
        "units": "systemctl show '*'",
        "bus": f"cat /root/monitor-{t.prefix}",
        "database": "runuser -u postgres -- pg_dump cyborg",
        "files": "cd / && tar -cf - var/lib/cyborg/jobs etc/cyborg var/crash var/lib/systemd/coredump 2>/dev/null || true",
    }
    for place, command in places.items():
        found = t.server.sh(f"{{ {command}; }} | {{ grep -acF -e \"$1\" -e \"$2\" || true; }}", passphrase, password)
        expect_equal(found.strip(), "0", f"number of secrets in: {place}")


@test("nobody but root listens to the bus, and the private key never shows")
def private_key(t):
    output = t.server.run("runuser", "-u", "outsider", "--", "timeout", "5", "busctl", "monitor", check=False)
    expect(output.status not in (0, 124), f"the bus refuses to be monitored: {output}")
    for command in ("journalctl -q -o export --all", "systemctl show --all '*'",
                    "runuser -u postgres -- pg_dump cyborg", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline"):
        count = t.server.sh(f"{command} 2>/dev/null | {{ grep -acE 'OPENSSH PRIVATE KE[Y]' || true; }}").strip()
        expect_equal(count, "0", f"private keys in: {command}")


@test("systemctl sets how much cyborgd logs")
def log_level(t):
    t.later(t.server.run, "systemctl", "service-log-level", "cyborgd.service", "info")
    expect_equal(t.server.run("systemctl", "service-log-level", "cyborgd.service").out, "info\n", "the level")
    t.server.run("systemctl", "service-log-level", "cyborgd.service", "debug")
    client = t.client("web")
    t.ctl("client", "prepare", client, "--wait")
    said = [entry["MESSAGE"] for entry in t.journal("-u", "cyborgd", "PRIORITY=7")]
    expect(any(f"uid 0 calls org.cyborgbackup1.Manager.PrepareClient, client {client}" in line for line in said), f"a call: {said}")
    expect(any(f"(prepare-client on {client}) is running" in line for line in said), f"what becomes of a job: {said}")
