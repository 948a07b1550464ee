# SPDX-License-Identifier: GPL-3.0-or-later
"""Very much output: all of it arrives, in order, and cyborgd keeps answering."""

import time

from restore_test import start_sshd
from suite import expect, expect_equal, test

LINES = 1_000_000


def _seconds(t, *call):
    begin = time.monotonic()
    t.server.run("busctl", *call)
    return time.monotonic() - begin


@test("a million lines are in the journal, the database and cyborgctl, in order", alone=True)
def a_million_lines(t):
    # A borg that prints much before it works.
    t.web.sh('mkdir -p /opt/loud; printf \'#!/bin/sh\\ncase "$*" in *create*) seq -f "said %%.0f" 1 %s >&2;; esac\\n'
             'exec /usr/bin/borg "$@"\\n\' "$1" >/opt/loud/borg; chmod 755 /opt/loud/borg', str(LINES))
    start_sshd(t, t.web, 2225, "SetEnv=PATH=/opt/loud:/usr/bin:/bin")
    policy = t.policy("config", t.repository("server"), t.client("web", "--port", "2225"))
    number = t.start(policy)
    slowest = beside = 0.0
    while t.job(number)["state"] in ("waiting", "pending", "starting", "running"):
        slowest = max(slowest, _seconds(t, "call", "org.cyborgbackup1", "/org/cyborgbackup1",
                                        "org.cyborgbackup1.Manager", "ListJobs", "a{sv}us", "0", "10", ""))
        beside = max(beside, _seconds(t, "status", "--no-pager", "org.freedesktop.DBus"))
    job = t.job(number)
    expect(job["state"] in ("successful", "warning"), f"the backup works: {job}")
    # The limit includes the time of starting two programs, measured with one that asks the bus itself.
    expect(slowest < 1.0 + beside, f"ListJobs is answered within a second, not {slowest:.2f} s ({beside:.2f} s beside it)")
    check = ('sed -n "s/.*said \\([0-9]*\\)$/\\1/p" | awk \'$1 != NR { print "line", NR, "is", $1; bad = 1; exit } '
             'END { if (!bad) print NR }\'')
    expect_equal(t.server.sh(f'cyborgctl job log "$1" | {check}', str(number)), f"{LINES}\n", "lines of cyborgctl job log")
    expect_equal(t.server.sh(f'journalctl --sync; journalctl -q -o cat CYBORG_JOB="$1" | {check}', str(number)),
                 f"{LINES}\n", "lines in the journal")
