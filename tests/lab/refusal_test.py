# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid requests are refused with a message that says what is wrong, and nothing is half done."""

import json

from restore_test import start_sshd
from suite import expect, expect_equal, expect_in, test

PASSPHRASE = 'ä" \'$HOME `id` \\ \\n %s {x} ünïcødé ☃'


def _fails(t, jobs, kind, state, code, *parts):
    """The job of this kind ended in this state, and there was no backup."""
    job = t.job(t.last(jobs, kind)["id"])
    expect_equal((job["state"], job["code"]), (state, code), f"end of {kind} ({job['reason']})")
    expect_in(parts, job["reason"])
    for other in jobs:
        if other["kind"] == "backup" and other["id"] != job["id"]:
            expect_equal(other["state"], "skipped", "state of the backup")


def _client_fails(t, options, code, *parts, machine="web", suffix=""):
    """The preparation of a client with these options fails with this error; cyborgctl reports it, too."""
    name = t.name(f"refused{suffix}")
    t.ctl("client", "add", name, *options)
    output = t.ctl("client", "test", name, status=7)
    expect_in(parts, output.out + output.err)
    jobs = t.jobs(client=name)
    _fails(t, jobs, "prepare-client", "error", code, *parts)
    expect_equal(t.json("client", "show", name)["ready"], False, "readiness of the client")


@test("a host that nobody knows")
def unknown_host(t):
    _client_fails(t, ["--address", "nowhere.invalid"], "unknown-host", "nowhere.invalid")


@test("a port where nobody listens")
def refused_connection(t):
    _client_fails(t, ["--address", "web", "--port", "9"], "connection-refused", "web", "port 9")


@test("a user who does not let the server in")
def wrong_key(t):
    _client_fails(t, ["--address", "db", "--user", "outsider"], "authentication-failed", "outsider@db",
                  "cyborgctl ssh-key show")


@test("a user without sudo")
def no_sudo(t):
    _client_fails(t, ["--address", "web", "--user", "outsider"], "no-sudo", "outsider@web", "sudo")


@test("a host key that is not the one that was given")
def wrong_host_key(t):
    wrong = "SHA256:" + "A" * 43
    right = t.web.sh("ssh-keygen -l -E sha256 -f /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    _client_fails(t, ["--address", "web", "--host-key", wrong], "host-key-mismatch", wrong, right)


@test("a host key that has changed since the client was prepared", quick=True)
def changed_host_key(t):
    start_sshd(t, t.web, 2223)
    fingerprint = "ssh-keygen -l -E sha256 -f /etc/ssh/key-2223.pub"
    client = t.client("web", "--port", "2223")
    policy = t.policy("config", t.repository("server"), client)
    t.backup(policy)
    old = t.web.sh(fingerprint).split()[1]
    t.web.sh("systemctl stop sshd-2223; rm /etc/ssh/key-2223*")
    start_sshd(t, t.web, 2223)
    new = t.web.sh(fingerprint).split()[1]
    jobs = t.run(policy, status=7)
    _fails(t, jobs, "backup", "error", "host-key-mismatch", old, new)
    # The administrator confirms the new key.
    t.ctl("client", "set", client, f"host_key={new}")
    expect_equal(t.backup(policy)["state"], "successful", "state with the new key")


@test("a client without borg and package manager; then with one, which is used")
def no_borg(t):
    machine = t.lab.client2
    machine.run("mv", "/usr/bin/apt-get", "/usr/bin/apt-get.away")
    _client_fails(t, ["--address", "client2"], "no-borg", "borg is not installed", "prepare the client")
    name = t.name("refused")
    output = t.ctl("client", "prepare", name, "--wait", status=7)
    expect_in(["no borg", "install borg by hand"], output.out + output.err)
    machine.run("mv", "/usr/bin/apt-get.away", "/usr/bin/apt-get")
    expect_equal(machine.run("sh", "-c", "command -v borg", check=False).out, "", "borg before")
    t.ctl("client", "prepare", name, "--wait")
    expect_in("borg 1.", machine.run("borg", "--version").out)


@test("borg 2")
def borg_2(t):
    t.web.sh('mkdir -p /opt/borg2; printf "#!/bin/sh\\necho borg 2.0.0b14\\n" >/opt/borg2/borg; chmod 755 /opt/borg2/borg')
    start_sshd(t, t.web, 2224, "SetEnv=PATH=/opt/borg2:/usr/bin:/bin")
    _client_fails(t, ["--address", "web", "--port", "2224"], "borg-unsupported", "borg 2.0.0")


@test("passphrases with quotes, dollars, backslashes and other alphabets")
def odd_passphrase(t):
    for place, host in (("server", t.server), ("vault", t.vault)):
        repository = t.repository(place, "--passphrase-file", "-", data=PASSPHRASE + "\n")
        client = t.client("web", suffix=f"-{place}")
        job = t.backup(t.policy("config", repository, client, suffix=f"to-{place}"))
        expect_equal(job["state"], "successful", "state of the backup")
        path = t.json("archive", "list", "--repository", repository)[0]["borg_repository"]
        path = path[path.index("/srv"):] if place == "vault" else path
        listed = host.sh('IFS= read -r p; BORG_PASSPHRASE=$p BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg list "$1"', path,
                         data=PASSPHRASE + "\n")
        expect_in(job["archive"], listed)
        expect_in(PASSPHRASE, t.ctl("repository", "key-export", repository, "--client", client).out)


def _by_hand(t, passphrase):
    """Makes a borg repository on vault with borg alone; returns its path."""
    path = f"/srv/borg/{t.prefix}-by-hand"
    t.vault.sh('IFS= read -r p; BORG_PASSPHRASE=$p runuser -u borg -- borg init -e repokey-blake2 "$1"', path,
               data=passphrase + "\n")
    return path


@test("a wrong passphrase for a repository that exists; the right one adopts it", quick=True)
def wrong_passphrase(t):
    path = _by_hand(t, "right")
    repository, client = t.name("by-hand"), t.client("web")
    t.ctl("repository", "add", repository, f"borg@vault:{path}", "--passphrase-file", "-", data="wrong\n")
    policy = t.policy("config", repository, client)
    jobs = t.run(policy, status=7)
    _fails(t, jobs, "prepare-repository", "failed", "passphrase-wrong", "passphrase", path)
    t.ctl("repository", "remove", repository, "--force", status=1)  # the policy needs it
    other = t.name("adopted")
    second = f"{path}-2"
    t.vault.sh('cp -a "$1" "$2"', path, second)
    t.ctl("repository", "add", other, f"borg@vault:{second}", "--passphrase-file", "-", data="right\n")
    job = t.backup(t.policy("config", other, client, suffix="right"))
    expect_equal(job["state"], "successful", "state with the right passphrase")


@test("a repository on another host that belongs to somebody else")
def denied_on_vault(t):
    t.vault.sh("install -d -m 700 -o root /srv/theirs")
    repository = t.name("theirs")
    t.ctl("repository", "add", repository, "borg@vault:/srv/theirs/repository")
    jobs = t.run(t.policy("config", repository, t.client("web")), status=7)
    _fails(t, jobs, "prepare-repository", "failed", "repository-denied", "/srv/theirs/repository", "install -d -o borg")


@test("a repository on the server that belongs to somebody else")
def denied_here(t):
    t.server.sh("install -d -m 755 -o root /srv/theirs")
    repository = t.name("theirs")
    t.ctl("repository", "add", repository, "/srv/theirs/repository")
    jobs = t.run(t.policy("config", repository, t.client("web")), status=7)
    _fails(t, jobs, "prepare-repository", "failed", "repository-denied", "/srv/theirs/repository", "install -d -o cyborg")


@test("directories above a repository are made, where the package keeps repositories")
def nested(t):
    repository = t.name("nested")
    t.ctl("repository", "add", repository, f"/var/lib/cyborg/repositories/{repository}/deep/{{client}}")
    job = t.backup(t.policy("config", repository, t.client("web")))
    expect_equal(job["state"], "successful", "state of the backup")


@test("a repository that is gone is not made anew")
def lost_repository(t):
    policy = t.policy("config", t.repository("server"), t.client("web"))
    job = t.backup(policy)
    path = t.json("archive", "list", "--policy", policy)[0]["borg_repository"]
    t.server.run("mv", path, f"{path}.away")
    jobs = t.run(policy, status=7)
    job = t.last(jobs, "backup")
    expect(job["state"] in ("failed", "error"), f"the backup fails: {job}")
    expect_in(path, job["reason"])
    expect_equal(t.server.run("ls", path, check=False).status, 2, "status of ls of the repository")


@test("a folder that does not exist: a failure that names it, and no archive")
def no_folder(t):
    t.web.run("mkdir", "-p", f"/srv/{t.prefix}")
    policy = t.policy("folders", t.repository("server"), t.client("web"), "--var",
                      "folders=" + json.dumps([f"/srv/{t.prefix}", f"/srv/{t.prefix}/not here"]))
    jobs = t.run(policy, status=7)
    _fails(t, jobs, "backup", "failed", "source-missing", f"/srv/{t.prefix}/not here")
    expect_equal(t.json("archive", "list", "--policy", policy), [], "archives")


@test("a file that cannot be read: a warning with its name, and exit status 6")
def unreadable_file(t):
    # Its first byte is not mapped: also root gets an input/output error.
    t.web.sh('mkdir "$1"; echo x >"$1/good"; : >"$1/un readable"; mount --bind /proc/1/mem "$1/un readable"',
             f"/srv/{t.prefix}")
    t.later(t.web.run, "umount", f"/srv/{t.prefix}/un readable")
    policy = t.folders(f"/srv/{t.prefix}")
    job = t.backup(policy, status=6)
    expect_equal((job["state"], job["code"]), ("warning", "borg-warning"), "end of the backup")
    expect_in(f"/srv/{t.prefix}/un readable", " ".join(job["warnings"]))
    expect_in(f"/srv/{t.prefix}/un readable", job["reason"])
    t.restore(job["archive"], job["client"], f"/restored/{t.prefix}")
    expect_equal(t.web.sh('cat "$1"/srv/*/good', f"/restored/{t.prefix}"), "x\n", "the file beside it")


@test("names that are taken")
def taken(t):
    repository, client = t.repository("server"), t.client("web")
    policy, schedule = t.policy("config", repository, client), t.name("schedule")
    t.ctl("schedule", "add", schedule, "@daily")
    t.refused(["client", "add", client, "--address", "db"], 1, client)
    t.refused(["repository", "add", repository, "/var/lib/cyborg/repositories/x"], 1, repository)
    t.refused(["schedule", "add", schedule, "@hourly"], 1, schedule)
    t.refused(["policy", "add", policy, "--type", "mail", "--repository", repository, "--client", client], 1, policy)
    expect_equal(t.json("client", "show", client)["address"], "web", "address of the first")
    expect_equal(t.json("policy", "show", policy)["type"], "config", "type of the first")


@test("names that are not allowed, and other values")
def not_allowed(t):
    repository, client = t.repository("server"), t.client("web")
    for name in ("Big", "with space", "-x", ".x", "../x", "ü", "x" * 64, "a/b", ""):
        t.refused(["client", "add", "--address", "web", "--", name], 2, name)
        t.refused(["schedule", "add", "--", name, "@daily"], 2, name)
    policy = ["policy", "add", t.name("no"), "--client", client, "--repository", repository, "--type"]
    t.refused(["client", "add", t.name("no"), "--port", "0"], 2, "port")
    t.refused(["client", "add", t.name("no"), "--port", "65536"], 2, "65536")
    t.refused(["client", "add", t.name("no"), "--address=-oProxyCommand=x"], 2, "-oProxyCommand=x")
    t.refused(["client", "add", t.name("no"), "--host-key", "md5"], 2, "md5")
    t.refused(["repository", "add", t.name("no"), "relative/path"], 2, "relative/path")
    t.refused([*policy, "tape"], 2, "tape")
    t.refused([*policy, "folders"], 2, "folders")
    t.refused([*policy, "folders", "--var", "folders=relative"], 2, "relative")
    t.refused([*policy, "config", "--var", "nonsense=1"], 2, "nonsense")
    t.refused([*policy, "config", "--compression", "fast"], 2, "fast")
    t.refused([*policy, "config", "--schedule", "no-such"], 5, "no-such")
    t.refused(["settings", "set", "max_jobs=none"], 2, "none")
    t.refused(["restore", "archive", "--to", f"{client}:relative"], 2, "relative")
    for noun in ("client", "schedule", "policy", "repository"):
        expect(t.name("no") not in t.ctl(noun, "list").out, f"no {noun} was half made")


@test("schedules that are wrong, and ones that never elapse")
def schedules(t):
    for expression, part in (("61 * * * *", "61"), ("* * *", "* * *"), ("0 0 30 2 *", "never"), ("0 0 * foo *", "foo"),
                             ("0 0 1 1 * 1999", "never"), ("@sometimes", "@sometimes")):
        t.refused(["schedule", "add", t.name("no"), expression], 2, part)
    t.refused(["schedule", "add", t.name("no"), "--on-calendar", "Foo 25:00"], 2, "Foo 25:00")
    t.refused(["schedule", "add", t.name("no"), "@daily", "--timezone", "Mars/Olympus"], 2, "Mars/Olympus")
    expect(t.name("no") not in t.ctl("schedule", "list").out, "no schedule was half made")


@test("things that do not exist")
def missing(t):
    for command in (["client", "show", "nix"], ["client", "remove", "nix"], ["client", "test", "nix"],
                    ["repository", "set", "nix", "enabled=no"], ["schedule", "disable", "nix"], ["policy", "run", "nix"],
                    ["policy", "next", "nix"], ["job", "show", "999999"], ["job", "log", "999999"],
                    ["job", "cancel", "999999"], ["archive", "show", "nix"], ["settings", "get", "nix"],
                    ["restore", "nix", "--to", "web:/x"]):
        output = t.ctl(*command, status=5)
        expect_in(command[-1] if command[1] in ("show", "run") else "no ", output.err)


@test("what is disabled, and all that needs it, runs neither by hand nor by a timer", quick=True)
def disabled(t):
    repository, client, schedule = t.repository("server"), t.client("web"), t.name("schedule")
    t.ctl("schedule", "add", schedule, "@yearly")
    policy = t.policy("config", repository, client, "--schedule", schedule)
    timer = f"cyborg-policy@{policy}.timer"
    for noun, name in (("client", client), ("repository", repository), ("schedule", schedule), ("policy", policy)):
        t.ctl(noun, "disable", name)
        t.refused(["policy", "run", policy], 1, f"{noun}", name, "disabled")
        elapse = ["env", "TRIGGER_TIMER_REALTIME_USEC=1700000000000000"]
        output = t.server.run(*elapse, "cyborgctl", "policy", "run", policy, "--scheduled", check=False)
        expect_equal(output.status, 4, f"exit status of a scheduled run ({output})")
        t.ctl(noun, "enable", name)
        expect_equal(t.server.run("systemctl", "is-active", timer, check=False).out, "active\n", "the timer again")
    expect_equal(t.jobs(policy=policy), [], "jobs")
    expect_equal(t.backup(policy)["state"], "successful", "state when all is enabled")


@test("what is needed or has history is not removed, unless forced")
def removal(t):
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("config", repository, client)
    job = t.backup(policy)
    t.refused(["client", "remove", client], 1, policy)
    t.refused(["repository", "remove", repository], 1, policy)
    t.refused(["policy", "remove", policy], 1, "--force")
    t.ctl("policy", "remove", policy, "--force")
    t.ctl("client", "remove", client, "--force")
    expect_equal(t.job(job["id"])["state"], "successful", "the history of the job")
    expect_in(job["archive"], t.ctl("archive", "list", "--client", client).out)


@test("a repository that is there already, by another spelling of its place")
def same_place(t):
    name, folder = t.name("one"), t.name("folder")
    t.ctl("repository", "add", name, f"borg@vault:/srv/borg/{folder}/{{client}}")
    for number, url in enumerate([f"ssh://borg@vault:22/srv/borg/{folder}/{{client}}", f"root@vault:/srv//borg/./{folder}/{{client}}/"]):
        t.refused(["repository", "add", t.name(f"other{number}"), url], 1, f"repository {name} is there already")
    for number, (end, how) in enumerate([("{client}/inner", "it lies inside"), ("", "inside it lies")]):
        t.refused(["repository", "add", t.name(f"nested{number}"), f"borg@vault:/srv/borg/{folder}/{end}"], 1,
                  f"of repository {t.name(f'nested{number}')}: {how} repository {name}")


@test("an archive without a single file is no success")
def empty(t):
    source = f"/srv/{t.prefix}"
    t.web.sh('mkdir -p "$1/data" && echo x >"$1/data/f"', source)
    repository, client = t.repository("server"), t.client("web")
    policy = t.policy("folders", repository, client, "--var", f'folders=["{source}/data"]', "--var", f'exclude=["{source}/data"]')
    job = t.backup(policy, status=6)
    expect_equal((job["state"], job["code"]), ("warning", "empty-archive"), f"excluded: {job['reason']}")
