# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the table of scripts/bench, from its samples ("NAME<tab>VALUE", several of each name)."""
import collections
import math
import statistics
import sys


def read(path):
    samples = collections.defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, value = line.rstrip("\n").split("\t")
            samples[name].append(float(value))
    return samples


class Table:
    def __init__(self, samples):
        self.samples = samples
        self.rows = []

    def median(self, name):
        return statistics.median(self.samples[name])

    def p99(self, name):
        values = sorted(self.samples[name])
        return values[math.ceil(len(values) * 0.99) - 1]

    def add(self, row, what, ours, beside, figure, target="", reached=None):
        verdict = "" if reached is None else ("reached" if reached else "NOT reached")
        self.rows.append((row, what, ours, beside, figure, target, verdict))

    def seconds(self, name):
        return f"{self.median(name):.2f} s" if self.samples[name] else "-"

    def small(self):
        difference = self.median("small.ours") - self.median("small.hand")
        self.add("small", "policy run --wait, /etc", self.seconds("small.ours"),
                 f"by hand {self.seconds('small.hand')}", f"{difference:+.3f} s", "at most +0.25 s",
                 difference <= 0.25)
        if self.samples["small.borgmatic"]:
            other = self.median("small.borgmatic") - self.median("small.hand")
            self.add("", "borgmatic 1.7.7 over ssh", self.seconds("small.borgmatic"),
                     f"by hand {self.seconds('small.hand')}", f"{other:+.3f} s", "(more than ours)")

    def gib(self):
        ratio = self.median("gib.ours") / self.median("gib.hand")
        self.add("gib", "policy run --wait, 1 GiB, first", self.seconds("gib.ours"),
                 f"by hand {self.seconds('gib.hand')}", f"time × {ratio:.3f}", "at most × 1.03", ratio <= 1.03)

    def relay(self):
        ratio = self.median("relay.hand") / self.median("relay.ours")
        self.add("relay", "1 GiB, first, to another host", self.seconds("relay.ours"),
                 f"client's ssh {self.seconds('relay.hand')}", f"throughput × {ratio:.3f}", "at least × 1.0",
                 ratio >= 1.0)

    def queue(self):
        ratio = self.median("queue.hand") / self.median("queue.ours")
        self.add("queue", "500 jobs that end at once", self.seconds("queue.ours"),
                 f"systemd-run {self.seconds('queue.hand')}", f"{ratio:.2f} × as fast", "faster", ratio > 1)
        p99 = self.p99("queue.delay")
        self.add("", "from ready to started", f"median {self.median('queue.delay'):.0f} ms", "",
                 f"p99 {p99:.0f} ms", "at most 100 ms", p99 <= 100)

    def scale(self):
        for name, what, beside, limit in (
                ("list_jobs", "ListJobs, 50", "list_units", 20),
                ("property", "a property", "unit_property", 5),
                ("objects", "GetManagedObjects", "list_units", 200)):
            p99 = self.p99(f"scale.{name}")
            other = "ListUnits" if beside == "list_units" else "a unit's property"
            self.add("scale" if name == "list_jobs" else "", what,
                     f"median {self.median(f'scale.{name}'):.2f} ms",
                     f"{other} p99 {self.p99(f'scale.{beside}'):.2f} ms", f"p99 {p99:.2f} ms",
                     f"at most {limit} ms", p99 <= limit)

    def idle(self):
        memory, wakeups = self.median("idle.rss"), self.median("idle.wakeups")
        self.add("idle", "resident memory", "", "", f"{memory:.1f} MiB", "at most 40 MiB", memory <= 40)
        # systemd expects a keep-alive every 3 minutes, and cyborgd sends one after half of them: at most one
        # in this time.
        self.add("", f"wake-ups in {self.median('idle.seconds'):.0f} s", "", "", f"{wakeups:.0f}",
                 "the watchdog's (1)", wakeups <= 1)

    def catalog(self):
        hand = self.median("catalog.hand")
        for name, what in (("first", "catalog job, 200,000 files, first"), ("next", "the next, 1,000 changed")):
            ratio = self.median(f"catalog.{name}") / hand
            self.add("catalog" if name == "first" else "", what, self.seconds(f"catalog.{name}"),
                     f"borg list {hand:.2f} s", f"time × {ratio:.3f}", "at most × 1.05", ratio <= 1.05)

    def database(self):
        ratio = self.median("database.ours") / self.median("database.hand")
        self.add("database", "dump of a database of 1 GiB", self.seconds("database.ours"),
                 f"by hand {self.seconds('database.hand')}", f"time × {ratio:.3f}", "at most × 1.05", ratio <= 1.05)

    def makespan(self):
        ratios = [took / bound for took, bound in zip(self.samples["makespan.took"], self.samples["makespan.bound"])]
        ratio = statistics.median(ratios)
        self.add("makespan", "40 clients over 8 repositories", self.seconds("makespan.took"),
                 f"longest lock {self.seconds('makespan.bound')}", f"time × {ratio:.3f}", "at most × 1.15",
                 ratio <= 1.15)

    def print(self):
        head = ("row", "what", "cyborgd", "beside it", "figure", "to reach", "")
        lines = [head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    samples = read(sys.argv[1])
    table = Table(samples)
    for row in ("small", "gib", "relay", "queue", "scale", "idle", "catalog", "database", "makespan"):
        if f"{row}.load" in samples:  # written when the row is complete
            getattr(table, row)()
    table.print()
    loads = [f"{name.removesuffix('.load')} {values[0]:.1f}" for name, values in samples.items()
             if name.endswith(".load")]
    print("load of this machine before each row:", ", ".join(loads))


main()
