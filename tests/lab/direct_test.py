# SPDX-License-Identifier: GPL-3.0-or-later
"""Transport direct: the client's borg connects to the repository host itself, with a key that permits nothing else."""

import json

import trees
from interruption_test import Slow
from restore_test import start_sshd
from suite import expect, expect_equal, expect_in, test, wait_for

KEYS = "/var/lib/cyborg-client/keys"
AUTHORIZED = "/home/borg/.ssh/authorized_keys"
DIRECT = ("--transport", "direct")


def _lines(t, repository):
    """The lines of vault's authorized_keys for a repository."""
    return [line for line in t.vault.run("cat", AUTHORIZED).out.splitlines() if line.endswith(f":{repository}")]


def _others(t):
    """The administrator's own lines."""
    return [line for line in t.vault.run("cat", AUTHORIZED).out.splitlines() if " cyborg:" not in line]


def _key(client, repository):
    return f"{KEYS}/{client}@{repository}"


def _ssh(t, machine, client, repository, *words, check=False):
    """Runs a command on the client with the client's key, as an attacker would."""
    return machine.run("ssh", "-F", "/dev/null", "-i", _key(client, repository), "-oBatchMode=yes",
                       "-oIdentitiesOnly=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null",
                       "-oLogLevel=ERROR", *words, check=check, timeout=60)


def _borg(t, machine, client, repository, *words, of=None):
    """Runs borg on the client with the client's key, and the passphrase of the repository of `of`."""
    exported = t.ctl("repository", "key-export", repository, "--client", of or client).out
    passphrase = next(line.split(":", 1)[1].strip() for line in exported.splitlines() if line.startswith("passphrase:"))
    return machine.run(
        "sh", "-c", 'IFS= read -r BORG_PASSPHRASE; export BORG_PASSPHRASE BORG_RSH="$1" BORG_BASE_DIR=/root/by-hand '
        'BORG_DELETE_I_KNOW_WHAT_I_AM_DOING=YES BORG_RELOCATED_REPO_ACCESS_IS_OK=yes; shift; exec borg "$@"', "sh",
        f"ssh -F /dev/null -i {_key(client, repository)} -oBatchMode=yes -oStrictHostKeyChecking=no "
        "-oUserKnownHostsFile=/dev/null -oLogLevel=ERROR", *words, data=passphrase + "\n", check=False)


def _withdrawn(t, repository, client):
    job = wait_for(lambda: next((job for job in t.jobs(repository=repository, client=client, kind="withdraw")), None), 20,
                   "a job that withdraws the key")
    return t.ended(job["id"])


@test("a backup goes straight to the repository host, and comes back; its line there is exact", core=True, quick=True)
def there_and_back(t):
    source = f"/srv/{t.prefix}"
    trees.make_odd_tree(t.db, source)
    others = _others(t)
    repository, client = t.repository("vault", *DIRECT), t.client("db")
    policy = t.policy("folders", repository, client, "--var", f"folders={source}")
    job = t.backup(policy)
    expect_equal(job["state"], "successful", "state of the backup")
    t.restore(job["archive"], client, f"/restored/{t.prefix}")
    trees.expect_same(t.db, source, f"/restored/{t.prefix}{source}")

    public = t.db.run("ssh-keygen", "-y", "-f", _key(client, repository)).out.split()[:2]
    path = f"/srv/borg/{repository}-{client}"
    expect_equal(_lines(t, repository),
                 [f'command="borg serve --umask=077 --restrict-to-repository {path}",restrict {" ".join(public)} '
                  f"cyborg:{client}:{repository}"], "the line on vault")
    expect_equal(_others(t), others, "the other lines on vault")
    expect_equal(t.vault.run("stat", "-c", "%U %a", AUTHORIZED).out, "borg 600\n", "owner and mode of the file")
    expect_equal(t.db.run("stat", "-c", "%U %a", _key(client, repository)).out, "root 600\n", "owner and mode of the key")
    expect_in(" ".join(public), t.ctl("repository", "keys", repository).out)
    expect_equal(t.ctl("repository", "key-line", repository, "--client", client).out, _lines(t, repository)[0] + "\n",
                 "the line that is printed")

    # For borg it is the same repository with either transport: nothing is read again, and no confirmation is
    # asked for.
    t.ctl("repository", "set", repository, "transport=relay")
    expect_equal(_withdrawn(t, repository, client)["state"], "successful", "state of the withdrawal")
    expect_equal((_lines(t, repository), _others(t)), ([], others), "what authorized_keys has then")
    expect_equal([job["kind"] for job in t.run(policy)][0], "backup", "the first job by relay")
    t.ctl("repository", "set", repository, "transport=direct")
    jobs = t.run(policy)
    expect_equal([job["kind"] for job in jobs][:2], ["prepare-repository", "backup"], "jobs when it is direct again")
    log = t.ctl("job", "log", str(t.last(jobs, "backup")["id"])).out
    expect("relocated" not in log and "previously" not in log, f"borg knows the repository: {log}")


@test("the client's private key is nowhere on the server")
def private_key_stays(t):
    repository, client = t.repository("vault", *DIRECT), t.client("web")
    t.backup(t.policy("config", repository, client))
    # The part after the header, which all such keys share.
    secret = t.web.run("sed", "-n", "4p", _key(client, repository)).out.strip()
    expect(len(secret) > 50, "a line of the private key")
    for place, command in {"journal": "journalctl -q -o export --all", "units": "systemctl show '*'",
                           "database": "runuser -u postgres -- pg_dump cyborg",
                           "files": "cd / && tar -cf - var/lib/cyborg etc/cyborg root 2>/dev/null || true"}.items():
        found = t.server.sh(f'IFS= read -r s; {{ {command}; }} | {{ grep -acF -e "$s" || true; }}', data=secret + "\n")
        expect_equal(found.strip(), "0", f"lines of the private key in: {place}")


@test("the client's key runs one borg serve, and no shell, no other path and no forwarding", core=True)
def key_is_bound(t):
    repository = t.repository("vault", *DIRECT)
    first, second = t.client("web", suffix="-1"), t.client("web", suffix="-2")
    t.ctl("policy", "add", t.name("policy"), "--type", "config", "--repository", repository, "--client", first,
          "--client", second)
    t.run(t.name("policy"))
    for words in (["borg@vault", "touch /home/borg/was-here"], ["borg@vault"], ["-tt", "borg@vault", "sh"],
                  ["-s", "borg@vault", "sftp"]):
        _ssh(t, t.web, first, repository, *words)
    expect_equal(t.vault.run("ls", "/home/borg/was-here", check=False).status, 2, "status of ls of what a shell had made")
    for words in (["-oExitOnForwardFailure=yes", "-N", "-R", "127.0.0.1:7777:127.0.0.1:22", "borg@vault"],
                  ["-W", "127.0.0.1:22", "borg@vault"]):
        expect(_ssh(t, t.web, first, repository, *words).status not in (0, 124), f"{words} is refused")
    url = "ssh://borg@vault/srv/borg/"
    own = _borg(t, t.web, first, repository, "list", f"{url}{repository}-{first}")
    expect_equal(own.status, 0, f"status of borg list of its own repository ({own})")
    other = _borg(t, t.web, first, repository, "list", f"{url}{repository}-{second}", of=second)
    expect(other.status in (2, 83), f"the second client's repository is refused to the first: {other}")
    expect_in("epository path not allowed", other.out + other.err)
    expect(_borg(t, t.web, first, repository, "init", "-e", "none", f"{url}{t.prefix}-new").status in (2, 83),
           "a new repository is refused")


@test("many clients are prepared at once, and no line is lost")
def many_at_once(t):
    repository = t.repository("vault", *DIRECT)
    clients = [t.client(machine, suffix=f"-{i}") for machine in ("web", "db") for i in range(4)]
    words = [word for client in clients for word in ("--client", client)]
    t.ctl("policy", "add", t.name("policy"), "--type", "config", "--repository", repository, *words)
    others = _others(t)
    t.ctl("repository", "prepare", repository, "--wait")
    t.ctl("repository", "test", repository, "--client", clients[0])
    expect_in("reaches it itself", t.jobs(repository=repository, client=clients[0])[0]["reason"])
    expect_equal(sorted(line.split("cyborg:")[1] for line in _lines(t, repository)),
                 sorted(f"{client}:{repository}" for client in clients), "lines of authorized_keys")
    expect_equal(_others(t), others, "the other lines")
    t.ctl("repository", "remove", repository, status=1)
    t.ctl("policy", "remove", t.name("policy"), "--force")
    t.ctl("repository", "remove", repository, "--force")
    wait_for(lambda: not _lines(t, repository), 60, "the lines of a removed repository go")


@test("append-only: the client takes nothing away, and the server does")
def append_only(t):
    repository, client = t.repository("vault", *DIRECT, "--append-only"), t.client("web")
    source = f"/srv/{t.prefix}"
    policy = t.policy("folders", repository, client, "--var", f"folders={json.dumps([source])}")
    path = f"/srv/borg/{repository}-{client}"
    used = lambda: int(t.vault.run("du", "-s", f"{path}/data").out.split()[0])
    t.web.sh('mkdir "$1"; head -c 4M /dev/urandom >"$1/first"', source)
    first = t.backup(policy)
    expect_in("--append-only\"", _lines(t, repository)[0])
    t.web.sh('rm "$1/first"; head -c 1M /dev/urandom >"$1/second"', source)
    second = t.backup(policy)
    full = used()
    good = t.vault.sh('sed -n "s/^transaction \\([0-9]*\\),.*/\\1/p" "$1/transactions" | tail -n 1', path).strip()
    deleted = _borg(t, t.web, client, repository, "delete", f"ssh://borg@vault{path}::{first['archive']}")
    _borg(t, t.web, client, repository, "compact", f"ssh://borg@vault{path}")
    expect(used() >= full, f"the data is still there: {full} KiB before, {used()} KiB after ({deleted})")
    # Back to the state before the client's transaction, as borg's manual describes.
    t.vault.sh('cd "$1" && rm -f hints.* index.* integrity.*; find data -type f -printf "%f %p\\n" | '
               'while read -r n f; do [ "$n" -le "$2" ] || rm "$f"; done', path, good)
    t.restore(first["archive"], client, f"/restored/{t.prefix}")
    expect_equal(t.web.run("ls", f"/restored/{t.prefix}{source}").out, "first\n", "what comes back")
    t.ctl("policy", "set", policy, "keep_last=1")
    jobs = t.json("policy", "prune", policy, "--wait")["jobs"]
    expect_equal({job["kind"]: job["state"] for job in jobs}, {"prune": "successful", "compact": "successful"}, "jobs")
    expect(used() < full - 3000, f"the server frees space: {full} KiB before, {used()} KiB after")
    expect_in(second["archive"], t.ctl("archive", "list", "--policy", policy).out)


@test("an administrator who writes authorized_keys: the job says which line")
def by_hand(t):
    repository, client = t.repository("vault", *DIRECT, "--authorize", "manual"), t.client("web")
    policy = t.policy("config", repository, client)
    jobs = t.run(policy, status=7)
    preparation = t.job(t.last(jobs, "prepare-repository")["id"])
    expect_equal((preparation["state"], preparation["code"]), ("failed", "not-authorized"), "end of the preparation")
    line = t.ctl("repository", "key-line", repository, "--client", client).out
    expect_in(line.strip(), preparation["reason"])
    expect_equal(_lines(t, repository), [], "lines on vault")
    t.vault.sh('cat >>"$1"', AUTHORIZED, data=line)
    expect_equal(t.backup(policy)["state"], "successful", "state with the line")
    removed = t.ctl("client", "remove", client, "--force")
    expect_in(["which you have to remove there", client], removed.out + removed.err)
    expect_equal(t.json("repository", "keys", repository)[0]["authorized"], True, "what is remembered")
    t.vault.sh('sed -i "/$1\\$/d" "$2"', f":{repository}", AUTHORIZED)
    t.ctl("repository", "withdraw", repository, "--client", client, "--force")
    expect_equal(t.json("repository", "keys", repository)[0]["authorized"], False, "what is remembered then")


@test("a removed client's key is withdrawn")
def removed_client(t):
    repository, client, other = t.repository("vault", *DIRECT), t.client("web"), t.client("db")
    t.ctl("policy", "add", t.name("policy"), "--type", "config", "--repository", repository, "--client", client,
          "--client", other)
    t.run(t.name("policy"))
    removed = t.ctl("client", "remove", client, "--force")
    expect_in(["takes the key", "borg@vault"], removed.out + removed.err)
    expect_equal(_withdrawn(t, repository, client)["state"], "successful", "state of the withdrawal")
    expect_equal([line.split("cyborg:")[1] for line in _lines(t, repository)], [f"{other}:{repository}"], "lines that stay")
    expect(_ssh(t, t.web, client, repository, "borg@vault").status == 255, "the key is refused")


@test("a repository host that is gone does not keep a client from being removed")
def host_is_gone(t):
    start_sshd(t, t.vault, 2230)
    repository, client = t.name("far"), t.client("web")
    t.ctl("repository", "add", repository, f"ssh://borg@vault:2230/srv/borg/{repository}-{{client}}", *DIRECT)
    t.backup(t.policy("config", repository, client))
    t.vault.run("systemctl", "stop", "sshd-2230")
    t.ctl("client", "remove", client, "--force")
    job = wait_for(lambda: next((job for job in t.jobs(repository=repository, kind="withdraw")), None), 20, "a withdrawal")
    wait_for(lambda: "refuses connections" in t.job(job["id"])["reason"], 30, "it says why it does not go on")
    t.ctl("job", "cancel", str(job["id"]))
    expect_equal([row["needed"] for row in t.json("repository", "keys", repository)], [False], "what is left")
    t.ctl("repository", "withdraw", repository, "--force")
    expect_equal([row["authorized"] for row in t.json("repository", "keys", repository)], [False], "what is left then")
    expect_equal(len(_lines(t, repository)), 1, "the line that nobody could remove")


@test("another host key of the repository host stops the client, too", core=True)
def other_host_key(t):
    start_sshd(t, t.vault, 2231)
    repository, client = t.name("far"), t.client("web")
    t.ctl("repository", "add", repository, f"ssh://borg@vault:2231/srv/borg/{repository}-{{client}}", *DIRECT)
    policy = t.policy("config", repository, client)
    t.backup(policy)
    t.vault.sh("systemctl stop sshd-2231; rm /etc/ssh/key-2231*")
    start_sshd(t, t.vault, 2231)
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("error", "host-key-mismatch"), f"end of the backup ({job['reason']})")
    new = t.vault.sh("ssh-keygen -l -E sha256 -f /etc/ssh/key-2231.pub").split()[1]
    t.ctl("repository", "set", repository, f"host_key={new}")
    jobs = t.run(policy)
    expect_equal([job["kind"] for job in jobs][:2], ["prepare-repository", "backup"], "jobs with the new key")


@test("a repository host that the client cannot reach: the job says so, and what else to do")
def unreachable(t):
    start_sshd(t, t.vault, 2232)
    repository, client = t.name("far"), t.client("web")
    t.ctl("repository", "add", repository, f"ssh://borg@vault:2232/srv/borg/{repository}-{{client}}", *DIRECT)
    policy = t.policy("config", repository, client)
    t.backup(policy)
    t.vault.run("systemctl", "stop", "sshd-2232")
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("error", "connection-refused"), f"end of the backup ({job['reason']})")
    expect_in(["port 2232", "transport=relay", client], job["reason"])


@test("a repository that was replaced is noticed before anything is written", core=True)
def swapped(t):
    repository, client = t.repository("vault", *DIRECT), t.client("web")
    policy = t.policy("config", repository, client)
    t.backup(policy)
    path = f"/srv/borg/{repository}-{client}"
    t.vault.sh('mv "$1" "$1.away"; runuser -u borg -- borg init -e none "$1"', path)
    before = t.vault.sh('cd "$1"; find . -type f | sort', path)
    job = t.backup(policy, status=7)
    expect_equal((job["state"], job["code"]), ("failed", "repository-swapped"), f"end of the backup ({job['reason']})")
    expect_equal(t.vault.sh('cd "$1"; find . -type f ! -name "lock*" | sort', path), before, "files of the other one")


@test("a hostile client shows another's key, or a second line: nothing is written")
def hostile(t):
    repository = t.repository("vault", *DIRECT)
    good, bad = t.client("web"), t.client("db")
    t.backup(t.policy("config", repository, good, suffix="good"))
    stolen = " ".join(t.web.run("ssh-keygen", "-y", "-f", _key(good, repository)).out.split()[:2])
    before = t.vault.run("cat", AUTHORIZED).out
    fake = f"/opt/{t.prefix}"
    start_sshd(t, t.db, 2233, f"SetEnv=PATH={fake}:/usr/bin:/bin")
    t.ctl("client", "set", bad, "port=2233")
    policy = t.policy("config", repository, bad, suffix="bad")
    for shown, code in ((stolen, "key-taken"), (stolen[:-1] + "A\nssh-ed25519 AAAA x", "no-client-key"),
                        ('command="sh" ' + stolen, "no-client-key")):
        t.db.sh('mkdir -p "$1"; printf "#!/bin/sh\\ncat %s\\n" "$1/shown" >"$1/cut"; cat >"$1/shown"; chmod 755 "$1/cut"',
                fake, data=shown + "\n")
        job = t.job(t.last(t.run(policy, status=7), "prepare-repository")["id"])
        expect_equal((job["state"] in ("failed", "error"), job["code"]), (True, code), f"end ({job['reason']})")
        lines = [line for line in t.vault.run("cat", AUTHORIZED).out.splitlines() if bad in line]
        expect_equal(lines, [], "lines of the hostile client")
    expect_in(_lines(t, repository)[0], before)


def _direct_slow(t, machine):
    slow = Slow(t, machine, "vault")
    t.ctl("repository", "set", t.name("on-vault"), "transport=direct")
    return slow


@test("cyborgctl job cancel, transport direct", slow=True)
def canceled(t):
    slow = _direct_slow(t, t.web)
    number = slow.start()
    t.ctl("job", "cancel", str(number), "--wait")
    job = t.job(number)
    expect_equal((job["state"], job["code"]), ("canceled", "canceled"), f"end of the job ({job['reason']})")
    slow.expect_clean()
    slow.expect_next_run_works()


@test("cyborg-job is killed, transport direct", slow=True)
def killed(t):
    slow = _direct_slow(t, t.db)
    number = slow.start()
    t.server.run("systemctl", "kill", "-s", "KILL", f"cyborg-job-{number}.service")
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "interrupted"), f"end of the job ({job['reason']})")
    slow.expect_clean()


@test("the client's connection to the repository host breaks, transport direct", slow=True)
def broken(t):
    slow = _direct_slow(t, t.db)
    number = slow.start()
    t.vault.run("pkill", "-KILL", "-f", f"borg serve.*{slow.repository}")
    job = t.ended(number)
    expect_equal((job["state"], job["code"]), ("failed", "connection-lost"), f"end of the job ({job['reason']})")
    wait_for(lambda: not slow.borg_runs(), 30, "no borg is left on the client")
    slow.expect_next_run_works()
    slow.expect_clean()


@test("a dump goes straight to the repository host, too")
def dump(t):
    repository, client = t.repository("vault", *DIRECT), t.client("web")
    policy = t.policy("piped", repository, client, "--var", "command=echo 42", "--var", "filename=answer")
    job = t.backup(policy)
    t.restore(job["archive"], client, f"/restored/{t.prefix}")
    expect_equal(t.web.run("cat", f"/restored/{t.prefix}/answer").out, "42\n", "what comes back")
