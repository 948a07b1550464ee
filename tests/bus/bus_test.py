#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""cyborgd's D-Bus API, on the real daemon. As root:  bus_test.py CYBORGD [TEST...]"""

import os
import sys
import unittest
import xml.etree.ElementTree as ET

import dbus

from access_cases import Authorisation, Secrets, Survival  # noqa: F401: run with the others
from api import ERROR, INTERFACES, Case, Monitor, add, api, change, get, manager, path, remove, stage, v
from stage import NAME, TOP, wait_for


class Introspection(Case):
    def shape(self, interface):
        """Members with signatures and annotations, as comparable text."""
        found = set()
        for member in interface:
            if member.tag in ("method", "signal"):
                direction = "in" if member.tag == "method" else "out"
                words = [f"{a.get('direction', direction)} {a.get('type')}" for a in member.iter("arg")]
                found.add((member.tag, member.get("name"), tuple(words)))
            elif member.tag == "property":
                notes = {a.get("name"): a.get("value") for a in member.iter("annotation")}
                found.add(("property", member.get("name"), member.get("type"), member.get("access"),
                           notes.get("org.freedesktop.DBus.Property.EmitsChangedSignal", "true")))
        return found

    def test_is_what_the_xml_says(self):
        jobs = manager("PrepareClient", "sa{sv}", "web", v({}))
        where = {"Manager": TOP, "Schedule": path("schedule", "nightly"), "Repository": path("repository", "vault"),
                 "Client": path("client", "web"), "Policy": path("policy", "etc"), "Job": path("job", str(int(jobs)))}
        for interface in INTERFACES:
            with self.subTest(interface):
                text = stage.interface(where[interface], "org.freedesktop.DBus.Introspectable").Introspect()
                there = {i.get("name"): i for i in ET.fromstring(text).iter("interface")}
                self.assertEqual(self.shape(there[f"{NAME}.{interface}"]), self.shape(api(interface)))
        manager("CancelJob", "t", jobs)

    def test_each_property_can_be_read(self):
        for where, interfaces in stage.objects().items():
            for interface, properties in interfaces.items():
                if interface.startswith(NAME):
                    described = {p.get("name") for p in api(interface.rsplit(".", 1)[1]).iter("property")}
                    self.assertEqual(set(properties), described, where)

    def test_paths_hold_names_that_a_path_cannot(self):
        self.assertEqual(add("Client", "7.a-b_c"), path("client", "7.a-b_c"))
        self.assertEqual(get("Client", "7.a-b_c", "Name"), "7.a-b_c")
        remove("Client", "7.a-b_c")


class Objects(Case):
    def test_come_and_go_with_signals(self):
        cases = (("Schedule", {"crontab": "@daily"}, None), ("Client", {"port": dbus.UInt32(2222)}, None),
                 ("Repository", {}, "/srv/x"),
                 ("Policy", {"type": "config", "repositories": ["vault"], "clients": ["web"]}, None))
        for kind, properties, url in cases:
            with self.subTest(kind), Monitor() as monitor:
                where = add(kind, "fresh", properties, url)
                self.assertEqual(where, path(kind.lower(), "fresh"))
                self.assertIn(where, stage.objects())
                change(kind, "fresh", {"enabled": False})
                self.assertFalse(get(kind, "fresh", "Enabled"))
                remove(kind, "fresh")
                self.assertNotIn(where, stage.objects())
            added = [data[0] for _, data in monitor.signals("InterfacesAdded")]
            removed = [data[0] for _, data in monitor.signals("InterfacesRemoved")]
            self.assertEqual((added, removed), ([where], [where]))
            changed = [data for at, data in monitor.signals("PropertiesChanged") if at == where]
            self.assertTrue(changed)
            self.assertIs(changed[0][1]["Enabled"]["data"], False)

    def test_a_name_is_taken_once(self):
        for kind, properties, url in (("Schedule", {"crontab": "@daily"}, None), ("Client", {}, None),
                                      ("Repository", {}, "/srv/x"), ("Policy", {}, None)):
            name = {"Schedule": "nightly", "Client": "web", "Repository": "vault", "Policy": "etc"}[kind]
            with self.refused("NameTaken", f'a {kind.lower()} named "{name}" exists'):
                add(kind, name, properties, url)

    BAD = (
        ("Schedule", None, {}, "InvalidSchedule", "expected one of crontab and on_calendar"),
        ("Schedule", None, {"crontab": "61 * * * *"}, "InvalidSchedule", "61"),
        ("Schedule", None, {"on_calendar": "sometimes"}, "InvalidSchedule", "sometimes"),
        ("Schedule", None, {"on_calendar": "2001-01-01"}, "InvalidSchedule", "2001-01-01"),
        ("Schedule", None, {"crontab": 5}, "InvalidArgument", 'crontab "5": expected a text'),
        ("Schedule", None, {"crontab": "@daily", "colour": "red"}, "InvalidArgument", 'unknown field "colour"'),
        ("Schedule", None, {"crontab": "@daily", "random_delay": "x"}, "InvalidArgument", 'random_delay "x"'),
        ("Schedule", None, {"crontab": "@daily", "timezone": "Mars/Base"}, "InvalidSchedule", "Mars/Base"),
        ("Repository", "relative", {}, "InvalidArgument", 'repository url "relative"'),
        ("Repository", "-oProxyCommand=id:/x", {}, "InvalidArgument", "is not a host name"),
        ("Repository", "/srv/x", {"encryption": "keyfile"}, "InvalidArgument", 'encryption "keyfile"'),
        ("Repository", "/srv/x", {"passphrase": "in clear"}, "InvalidArgument", "passphrase"),
        ("Repository", "/srv/x", {"append_only": "yes"}, "InvalidArgument", 'append_only "yes"'),
        ("Repository", "/srv/x", {"transport": "direct"}, "InvalidArgument", 'transport "direct"'),
        ("Repository", "/srv/x", {"authorize": "never"}, "InvalidArgument", 'authorize "never"'),
        ("Client", None, {"port": dbus.UInt32(70000)}, "InvalidArgument", 'port "70000": expected a number in 1-65535'),
        ("Client", None, {"address": "-v"}, "InvalidArgument", 'address "-v"'),
        ("Client", None, {"user": "a b"}, "InvalidArgument", 'user "a b"'),
        ("Client", None, {"local": True, "user": "x"}, "InvalidArgument", "local"),
        ("Client", None, {"password": "x"}, "InvalidArgument", "password"),
        ("Policy", None, {"type": "oracle"}, "InvalidArgument", 'type "oracle"'),
        ("Policy", None, {"type": "config", "repositories": ["vault"], "clients": ["nobody"]}, "NoSuchClient", "nobody"),
        ("Policy", None, {"type": "config", "repositories": ["none"], "clients": ["web"]}, "NoSuchRepository", "none"),
        ("Policy", None, {"type": "config", "repositories": ["vault"], "clients": ["web"], "schedule": "weekly"},
         "NoSuchSchedule", "weekly"),
        ("Policy", None, {"type": "folders", "repositories": ["vault"], "clients": ["web"]}, "InvalidArgument", "folders"),
        ("Policy", None, {"type": "config", "repositories": ["vault"], "clients": ["web"],
                          "variables": v({"nope": 1})}, "InvalidArgument", 'unknown field "nope"'),
    )

    def test_bad_input_is_named_and_nothing_is_made(self):
        before = set(stage.objects())
        for kind, url, properties, error, said in self.BAD:
            with self.subTest(f"{kind} {url} {properties}"), self.refused(error, said):
                add(kind, "fresh", properties, url)
        for kind, url in (("Schedule", None), ("Repository", "/srv/x"), ("Client", None), ("Policy", None)):
            for name in ("", "A", "../x", "a b", "x" * 64, "-x", "ä"):
                with self.subTest(f"{kind} {name}"), self.refused("InvalidArgument", f'{kind.lower()} name "{name}"'):
                    add(kind, name, {}, url)
        self.assertEqual(set(stage.objects()), before)

    def test_of_a_bad_change_nothing_is_applied(self):
        before = stage.objects()
        for kind, name, properties, said in (
                ("Schedule", "nightly", {"enabled": False, "crontab": "x"}, "x"),
                ("Schedule", "nightly", {"enabled": False, "on_calendar": "2001-01-01"}, "2001-01-01"),
                ("Repository", "vault", {"enabled": False, "host_key": "x"}, 'host_key "x"'),
                ("Repository", "vault", {"enabled": False, "url": "/y"}, "url"),
                ("Client", "web", {"enabled": False, "address": "192.0.2.7", "port": dbus.UInt32(0)}, 'port "0"'),
                ("Client", "web", {"enabled": False, "local": True}, "local"),
                ("Policy", "etc", {"enabled": False, "clients": ["web", "nobody"]}, "nobody"),
                ("Policy", "etc", {"enabled": False, "clients": dbus.Array([], "s")}, "clients"),
                ("Policy", "etc", {"enabled": False, "compression": "zip"}, 'compression "zip"')):
            with self.subTest(f"{name} {properties}"):
                try:
                    change(kind, name, properties)
                    self.fail("it was not refused")
                except dbus.DBusException as error:
                    self.assertTrue(error.get_dbus_name().startswith(ERROR), error)
                    self.assertIn(said, error.get_dbus_message())
        self.assertEqual(stage.objects(), before)

    def test_a_client_has_a_comment(self):
        add("Client", "noted", {"comment": "of the print room"})
        self.assertEqual(get("Client", "noted", "Comment"), "of the print room")
        with Monitor() as monitor:
            change("Client", "noted", {"comment": "of Ann's room"})
            self.assertEqual(get("Client", "noted", "Comment"), "of Ann's room")
        changed = [data for at, data in monitor.signals("PropertiesChanged") if at == path("client", "noted")]
        self.assertEqual(changed[0][1]["Comment"]["data"], "of Ann's room")
        with self.refused("InvalidArgument", 'comment "5": expected a text'):
            change("Client", "noted", {"comment": 5})
        remove("Client", "noted")

    def test_what_is_in_use_stays_unless_forced(self):
        add("Schedule", "s", {"crontab": "@daily"})
        add("Client", "c1")
        add("Client", "c2")
        add("Repository", "r", {"shared": True}, "/srv/shared")
        add("Policy", "p", {"type": "config", "repositories": ["r"], "clients": ["c1", "c2"], "schedule": "s"})
        for kind, name in (("Schedule", "s"), ("Client", "c1"), ("Repository", "r")):
            with self.subTest(kind), self.refused("InUse", "p"):
                remove(kind, name)
        with self.refused("InvalidArgument", 'unknown field "really"'):
            remove("Client", "c1", {"really": True})
        with self.refused("InvalidArgument", 'force "yes"'):
            remove("Client", "c1", {"force": "yes"})
        remove("Client", "c1", {"force": True})
        self.assertEqual(list(get("Policy", "p", "Clients")), ["c2"])
        remove("Schedule", "s", {"force": True})
        self.assertEqual(get("Policy", "p", "Schedule"), "")
        remove("Policy", "p")
        remove("Repository", "r")
        remove("Client", "c2")

    # systemd is asked for existing timers before one is written; until it answers, this is retried.
    def test_a_schedule_is_taken_although_systemd_is_away(self):
        change("Policy", "etc", {"schedule": "nightly"})
        times = manager("ListElapses", "su", "etc", dbus.UInt32(3))
        self.assertEqual(len(set(times)), 3)
        self.assertEqual(list(times), sorted(times))
        self.assertEqual(list((stage.directory / "timers").iterdir()), [])
        self.assertIn("the timers could not be written", stage.log())
        change("Policy", "etc", {"schedule": ""})
        self.assertEqual(list(manager("ListElapses", "su", "etc", dbus.UInt32(3))), [])


class Requests(Case):
    def test_unknown_names_and_bad_arguments(self):
        def u(number):
            return dbus.UInt32(number)
        for method, signature, arguments, error, said in (
                ("RunPolicy", "sa{sv}", ("none", v({})), "NoSuchPolicy", '"none"'),
                ("RunPolicy", "sa{sv}", ("etc", v({"speed": 1})), "InvalidArgument", 'unknown field "speed"'),
                ("RunPolicy", "sa{sv}", ("etc", v({"clients": ["nobody"]})), "NoSuchClient", "nobody"),
                ("RunPolicy", "sa{sv}", ("etc", v({"dry_run": "yes"})), "InvalidArgument", 'dry_run "yes"'),
                ("RunPolicy", "sa{sv}", ("etc", v({"scheduled": -1})), "InvalidArgument", 'scheduled "-1"'),
                ("PrepareClient", "sa{sv}", ("none", v({})), "NoSuchClient", '"none"'),
                ("PrepareClient", "sa{sv}", ("web", v({"password": "clear"})), "InvalidArgument", "password"),
                ("PrepareRepository", "sa{sv}", ("none", v({})), "NoSuchRepository", '"none"'),
                ("PrepareRepository", "sa{sv}", ("vault", v({"clients": ["none"]})), "NoSuchClient", "none"),
                ("ListKeys", "a{sv}", (v({"repository": "none"}),), "NoSuchRepository", '"none"'),
                ("ListKeys", "a{sv}", (v({"colour": "x"}),), "InvalidArgument", 'unknown field "colour"'),
                ("WithdrawKeys", "sa{sv}", ("none", v({})), "InvalidArgument", "no key of a client"),
                ("WithdrawKeys", "sa{sv}", ("vault", v({"force": 1})), "InvalidArgument", 'force "1"'),
                ("Restore", "sasa{sv}", ("none", [], v({"in_place": True})), "NoSuchArchive", "none"),
                ("Restore", "sasa{sv}", ("none", [], v({})), "InvalidArgument", "directory, in_place"),
                ("Restore", "sasa{sv}", ("none", [], v({"in_place": True, "directory": "/x"})), "InvalidArgument",
                 "exactly one"),
                ("Restore", "sasa{sv}", ("none", [], v({"directory": "x"})), "InvalidArgument", 'directory "x"'),
                ("Restore", "sasa{sv}", ("none", [], v({"in_place": True, "conflict": "maybe"})), "InvalidArgument",
                 'conflict "maybe"'),
                ("Restore", "sasa{sv}", ("none", [], v({"all_databases": True, "in_place": True})), "InvalidArgument",
                 "exactly one"),
                ("Restore", "sasa{sv}", ("none", [], v({"databases": v({"shop": 5})})), "InvalidArgument", "databases"),
                ("Restore", "sasa{sv}", ("none", [], v({"output": dbus.types.UnixFd(os.open(os.devnull, os.O_WRONLY))})), "InvalidArgument",
                 "writing end of a pipe"),
                ("ListElapses", "su", ("none", u(1)), "NoSuchPolicy", '"none"'),
                ("ListElapses", "su", ("etc", u(0)), "InvalidArgument", "limit 0"),
                ("ListElapses", "su", ("etc", u(1001)), "InvalidArgument", "limit 1001"),
                ("ListJobs", "a{sv}us", (v({}), u(0), ""), "InvalidArgument", "limit 0"),
                ("ListJobs", "a{sv}us", (v({}), u(1001), ""), "InvalidArgument", "limit 1001"),
                ("ListJobs", "a{sv}us", (v({}), u(1), "x"), "InvalidArgument", 'cursor "x"'),
                ("ListJobs", "a{sv}us", (v({"state": "happy"}), u(1), ""), "InvalidArgument", 'state "happy"'),
                ("ListJobs", "a{sv}us", (v({"kind": "x"}), u(1), ""), "InvalidArgument", 'kind "x"'),
                ("ListJobs", "a{sv}us", (v({"colour": "x"}), u(1), ""), "InvalidArgument", 'unknown field "colour"'),
                ("ListArchives", "a{sv}us", (v({"run": 1}), u(1), ""), "InvalidArgument", 'unknown field "run"'),
                ("ListArchives", "a{sv}us", (v({}), u(0), ""), "InvalidArgument", "limit 0"),
                ("GetJob", "t", (10**9,), "NoSuchJob", "1000000000"),
                ("GetJob", "t", (2**64 - 1,), "NoSuchJob", ""),
                ("ReadJobLog", "ttu", (10**9, 0, u(1)), "NoSuchJob", "1000000000"),
                ("ReadJobLog", "ttu", (10**9, 0, u(10001)), "InvalidArgument", "limit 10001"),
                ("FollowJob", "tt", (10**9, 0), "NoSuchJob", "1000000000"),
                ("CancelJob", "t", (10**9,), "NoSuchJob", "1000000000"),
                ("RetryJob", "t", (10**9,), "NoSuchJob", "1000000000"),
                ("SetSetting", "ss", ("colour", "red"), "NoSuchSetting", '"colour"'),
                ("SetSetting", "ss", ("max_jobs", "0"), "InvalidArgument", 'max_jobs "0"'),
                ("SetSetting", "ss", ("job_timeout", "x"), "InvalidArgument", 'job_timeout "x"'),
                ("AddClient", "sa{sv}", ("fresh", v({"user": "x" * 16385})), "org.freedesktop.DBus.Error.LimitsExceeded",
                 "user: 16385 bytes are more than 16384"),
                ("ExportKey", "sa{sv}", ("none", v({})), "NoSuchRepository", '"none"'),
                ("ExportKey", "sa{sv}", ("vault", v({})), "InvalidArgument", "client"),
                ("ChangePassphrase", "sa{sv}", ("none", v({})), "NoSuchRepository", '"none"'),
                ("ChangePassphrase", "sa{sv}", ("vault", v({})), "InvalidArgument", "none of what is asked for is prepared"),
                ("ChangePassphrase", "sa{sv}", ("vault", v({"passphrase": "text"})), "InvalidArgument", "passphrase"),
                ("ExportKey", "sa{sv}", ("vault", v({"colour": 1})), "InvalidArgument", 'unknown field "colour"')):
            with self.subTest(f"{method} {arguments}"), self.refused(error, said):
                manager(method, signature, *arguments)

    def test_a_disabled_object_is_named(self):
        for kind, name in (("Policy", "etc"), ("Repository", "vault")):
            change(kind, name, {"enabled": False})
            with self.subTest(kind), self.refused("Disabled", f"{kind.lower()} {name} is disabled"):
                manager("RunPolicy", "sa{sv}", "etc", v({}))
            self.assertEqual(get("Policy", "etc", "Unusable"), f"{kind.lower()} {name} is disabled")
            change(kind, name, {"enabled": True})
        self.assertEqual(get("Policy", "etc", "Unusable"), "")

    def test_a_dry_run_makes_nothing(self):
        before = stage.postgres.query("select count(*) from run")
        run, jobs, plan = manager("RunPolicy", "sa{sv}", "etc", v({"dry_run": True, "clients": ["web"]}))
        self.assertEqual((int(run), list(jobs)), (0, []))
        kinds = [row["kind"] for row in plan]
        self.assertEqual(kinds[-2:], ["backup", "catalog"])
        self.assertEqual(plan[-2]["borg_repository"], "backup@192.0.2.9:/srv/web")
        self.assertEqual(stage.postgres.query("select count(*) from run"), before)

    # Whether a unit was started is unknown until systemd answers, so its job stays in the state starting; the
    # jobs behind it wait, and say why.
    def test_jobs_wait_for_systemd(self):
        add("Client", "slow")
        add("Policy", "slow", {"type": "config", "repositories": ["vault"], "clients": ["slow"]})
        elapse = v({"scheduled": dbus.UInt64(1_000_000)})
        with Monitor() as monitor:
            run, jobs, _ = manager("RunPolicy", "sa{sv}", "slow", elapse)
        self.assertEqual([data[0] for _, data in monitor.signals("JobNew")], list(jobs))
        again = manager("RunPolicy", "sa{sv}", "slow", elapse)
        self.assertEqual((again[0], list(again[1])), (run, list(jobs)))
        prepared, backup = jobs[0], jobs[-2]  # then comes the catalog
        wait_for("the start", lambda: manager("GetJob", "t", prepared)["state"] == "starting")
        record = manager("GetJob", "t", backup)
        self.assertEqual((record["run"], record["state"]), (run, "waiting"))
        self.assertIn("preparation of client slow", record["reason"])
        self.assertGreaterEqual(stage.get(TOP, "Manager", "RunningJobs"), 1)
        with self.refused("InUse", "has not ended"):
            manager("RunPolicy", "sa{sv}", "slow", v({}))
        second = manager("PrepareClient", "sa{sv}", "slow", v({}))
        wait_for("a reason", lambda: "is at work on client slow" in stage.get(path("job", str(int(second))), "Job", "Reason"))
        with self.refused("InUse", f"job {int(second)} has not ended"):
            manager("RetryJob", "t", second)
        self.cancel(second)
        self.cancel(backup)
        _, retried = manager("RetryJob", "t", second)
        self.assertEqual(len(retried), 1)
        self.cancel(retried[0])
        self.assertEqual(self.pages({"run": run}), sorted(jobs, reverse=True))
        self.assertEqual(self.pages({"run": run, "state": "canceled"}), [backup])

    def cancel(self, job):
        with Monitor() as monitor:
            manager("CancelJob", "t", job)
            wait_for("the end", lambda: manager("GetJob", "t", job)["state"] == "canceled")
        ended = {data[0]: data[2] for _, data in monitor.signals("JobRemoved")}
        self.assertEqual(ended.pop(job), "canceled")
        self.assertEqual(set(ended.values()) - {"skipped"}, set(), "what waits for it")
        with self.refused("JobNotCancelable", f"job {int(job)} has ended"):
            manager("CancelJob", "t", job)

    def pages(self, wanted):
        seen, cursor = [], ""
        while True:
            rows, cursor = manager("ListJobs", "a{sv}us", v(wanted), dbus.UInt32(2), cursor)
            self.assertLessEqual(len(rows), 2)
            seen += [row["id"] for row in rows]
            if not cursor:
                return seen

    def test_settings(self):
        def value():
            return {str(row["name"]): str(row["value"]) for row in manager("ListSettings", "")}["max_jobs"]
        manager("SetSetting", "ss", "max_jobs", "3")
        self.assertEqual(value(), "3")
        manager("SetSetting", "ss", "max_jobs", "")
        self.assertEqual(value(), "16")

    def test_each_property_is_described(self):
        rows = manager("ListProperties", "")
        for kind in ("Schedule", "Repository", "Client", "Policy"):
            described = {str(r["name"]): r for r in rows if r["object"] == kind.lower()}
            for p in api(kind).iter("property"):
                key = "".join("_" + c.lower() if c.isupper() else c for c in p.get("name")).lstrip("_")
                self.assertIn(key, described)
        port, = (r for r in rows if (r["object"], r["name"]) == ("client", "port"))
        self.assertEqual((port["set"], port["default"], port["minimum"], port["maximum"]), ("always", 22, 1, 65535))

    def test_the_status_of_the_fleet_has_a_row_for_each_policy_and_client(self):
        rows = {(str(r["policy"]), str(r["client"])) for r in manager("GetFleetStatus", "")}
        self.assertLessEqual({("etc", "web"), ("etc", "db")}, rows)


if __name__ == "__main__":
    if len(sys.argv) < 2 or os.geteuid() != 0:
        sys.exit("usage, as root: bus_test.py CYBORGD [TEST...]")
    stage.open(os.path.abspath(sys.argv.pop(1)))
    try:
        unittest.main(verbosity=2)
    finally:
        if os.environ.get("CYBORG_TEST_LOG"):
            sys.stderr.write(stage.log())
        stage.close()
