# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts/bench does on the bus of the machine that cyborgd is on, without a process for each call.

    bench_bus.py queue N          prepares the clients queue1 to queueN and waits for the end of all these jobs
    bench_bus.py start N          prepares client1 to clientN and waits until all these jobs run
    bench_bus.py latency TIMES N  times calls, in turns, of cyborgd and of systemd; N jobs must run
    bench_bus.py wait             until no job runs
    bench_bus.py idle SECONDS     cyborgd's memory, and how often it woke up in this time

Prints samples, "NAME<tab>VALUE".  Uses libsystemd as it is: the machines have no other binding.
"""
import ctypes
import glob
import re
import subprocess
import sys
import time

SYSTEMD = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
CYBORG = ("org.cyborgbackup1", "/org/cyborgbackup1")
MANAGER = "org.cyborgbackup1.Manager"
JOBS_TIMEOUT = 600

sd = ctypes.CDLL("libsystemd.so.0", use_errno=True)
Handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def check(result, what):
    if result < 0:
        raise OSError(-result, f"{what} failed")
    return result


class Bus:
    """A connection to the system bus."""

    def __init__(self):
        self.bus = ctypes.c_void_p()
        check(sd.sd_bus_open_system(ctypes.byref(self.bus)), "connecting to the bus")
        self.handlers = []

    def call(self, service, path, interface, member, signature="", *arguments):
        """A call with basic arguments and counts of empty arrays; returns the reply, to be released."""
        message, reply = ctypes.c_void_p(), ctypes.c_void_p()
        check(sd.sd_bus_message_new_method_call(self.bus, ctypes.byref(message), service.encode(), path.encode(),
                                                interface.encode(), member.encode()), member)
        if signature:
            check(sd.sd_bus_message_append(message, signature.encode(), *map(native, arguments)), member)
        result = sd.sd_bus_call(self.bus, message, ctypes.c_uint64(0), None, ctypes.byref(reply))
        sd.sd_bus_message_unref(message)
        check(result, f"{interface}.{member}")
        return reply

    def get(self, service, path, interface, name):
        return self.call(service, path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)

    def on_signal(self, member, function):
        """Calls the function with each such signal of cyborgd's manager."""
        handler = Handler(lambda message, data, error: function(ctypes.c_void_p(message)) or 0)
        self.handlers.append(handler)
        check(sd.sd_bus_match_signal(self.bus, None, CYBORG[0].encode(), CYBORG[1].encode(), MANAGER.encode(),
                                     member.encode(), handler, None), "the match")

    def process_until(self, done):
        deadline = time.monotonic() + JOBS_TIMEOUT
        while not done():
            if time.monotonic() > deadline:
                sys.exit("the jobs do not end")
            if check(sd.sd_bus_process(self.bus, None), "the bus") == 0:
                sd.sd_bus_wait(self.bus, ctypes.c_uint64(1_000_000))


def native(value):
    return value.encode() if isinstance(value, str) else ctypes.c_int(value)


def release(message):
    sd.sd_bus_message_unref(message)


def read_number(message, kind, number):
    value = number()
    check(sd.sd_bus_message_read_basic(message, ctypes.c_char(kind), ctypes.byref(value)), "reading a reply")
    return value.value


def prepare(bus, client):
    reply = bus.call(*CYBORG, MANAGER, "PrepareClient", "sa{sv}", client, 0)
    job = read_number(reply, b"t", ctypes.c_uint64)
    release(reply)
    return job


def running_jobs(bus):
    reply = bus.get(*CYBORG, MANAGER, "RunningJobs")
    check(sd.sd_bus_message_enter_container(reply, ctypes.c_char(b"v"), b"u"), "reading a reply")
    number = read_number(reply, b"u", ctypes.c_uint32)
    release(reply)
    return number


def sample(name, value):
    print(f"{name}\t{value}")


def queue(number):
    bus = Bus()
    ended = set()
    bus.on_signal("JobRemoved", lambda message: ended.add(read_number(message, b"t", ctypes.c_uint64)))
    start = time.monotonic()
    jobs = {prepare(bus, f"queue{1 + i}") for i in range(number)}
    created = time.monotonic()
    bus.process_until(lambda: jobs <= ended)
    sample("queue.ours", f"{time.monotonic() - start:.4f}")
    sample("queue.create", f"{created - start:.4f}")


def start(number):
    bus = Bus()
    for i in range(number):
        prepare(bus, f"client{1 + i}")
        time.sleep(0.1)  # the time to make 100 connections at once is not measured
    wait_for(bus, number)
    time.sleep(5)  # until all of them have started up


def wait_for(bus, number):
    deadline = time.monotonic() + JOBS_TIMEOUT
    while running_jobs(bus) != number:
        if time.monotonic() > deadline:
            sys.exit(f"{running_jobs(bus)} jobs run, not {number}")
        time.sleep(0.2)


def latency(times, jobs):
    bus = Bus()
    unit = SYSTEMD[1] + "/unit/cyborgd_2eservice"
    client = CYBORG[1] + "/client/client500"
    calls = {
        "scale.list_jobs": lambda: bus.call(*CYBORG, MANAGER, "ListJobs", "a{sv}us", 0, 50, ""),
        "scale.property": lambda: bus.get(CYBORG[0], client, "org.cyborgbackup1.Client", "Ready"),
        "scale.objects": lambda: bus.call(*CYBORG, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
        "scale.list_units": lambda: bus.call(*SYSTEMD, "org.freedesktop.systemd1.Manager", "ListUnits"),
        "scale.unit_property": lambda: bus.get(SYSTEMD[0], unit, "org.freedesktop.systemd1.Unit", "ActiveState"),
    }
    for i in range(times):
        for name, call in calls.items():
            # Calls with large answers are made less often, or they would dominate the time.
            if name in ("scale.objects", "scale.list_units") and i % 5:
                continue
            begin = time.monotonic()
            reply = call()
            sample(name, f"{(time.monotonic() - begin) * 1000:.3f}")
            release(reply)
    if running_jobs(bus) != jobs:
        sys.exit(f"{running_jobs(bus)} jobs run, not {jobs}")


def status(path, key):
    with open(path, encoding="utf-8") as file:
        return int(re.search(rf"^{key}:\s+(\d+)", file.read(), re.MULTILINE)[1])


def switches(pid):
    """How often each thread went to sleep, and so was woken."""
    return {task: status(f"{task}/status", "voluntary_ctxt_switches") for task in glob.glob(f"/proc/{pid}/task/*")}


def idle(seconds):
    pid = subprocess.check_output(["systemctl", "show", "-P", "MainPID", "cyborgd"], text=True).strip()
    before = switches(pid)
    time.sleep(seconds)
    after = switches(pid)
    sample("idle.wakeups", sum(count - before.get(task, 0) for task, count in after.items()))
    sample("idle.seconds", seconds)
    sample("idle.rss", f"{status(f'/proc/{pid}/status', 'VmRSS') / 1024:.1f}")


def main():
    verb, *numbers = sys.argv[1:]
    verbs = {"queue": queue, "start": start, "latency": latency, "idle": idle,
             "wait": lambda: wait_for(Bus(), 0)}
    verbs[verb](*map(int, numbers))


main()
