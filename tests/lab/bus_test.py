# SPDX-License-Identifier: GPL-3.0-or-later
"""busctl can do everything that cyborgctl does."""

from suite import expect_equal, expect_in, test

NAME, ROOT = "org.cyborgbackup1", "/org/cyborgbackup1"
MANAGER = (NAME, ROOT, "org.cyborgbackup1.Manager")


@test("busctl adds, runs, looks at and removes", quick=True)
def busctl(t):
    client, repository, policy = t.name("web"), t.name("repository"), t.name("policy")
    call = lambda *words, check=True: t.server.run("busctl", "call", *MANAGER, *words, check=check)
    call("AddClient", "sa{sv}", client, "1", "address", "s", "web")
    call("AddRepository", "ssa{sv}", repository, f"/var/lib/cyborg/repositories/{repository}", "0")
    path = call("AddPolicy", "sa{sv}", policy, "3", "type", "s", "config", "clients", "as", "1", client, "repositories",
                "as", "1", repository).out.split('"')[1]
    expect_in(path, t.server.run("busctl", "--list", "tree", NAME).out)
    expect_in(["Type", "Clients", "Variables"], t.server.run("busctl", "introspect", NAME, path).out)
    # Run 1, jobs 4 of them.
    answer = call("RunPolicy", "sa{sv}", policy, "0").out.split()
    expect_equal(answer[:1] + answer[2:3], ["tataa{sv}", "4"], "signature of the answer, and number of jobs")
    job = t.ended(max(int(number) for number in answer[3:6]))
    expect_equal(job["state"], "successful", "state of the backup")
    expect_in(job["archive"], call("ListArchives", "a{sv}us", "1", "policy", "s", policy, "10", "").out)
    expect_equal(t.server.run("busctl", "get-property", NAME, path, "org.cyborgbackup1.Policy", "Type").out,
                 's "config"\n', "a property")
    refusal = call("RunPolicy", "sa{sv}", policy, "1", "nonsense", "b", "true", check=False)
    expect_equal(refusal.status, 1, "exit status of a call with an unknown option")
    expect_in("nonsense", refusal.err)
