# SPDX-License-Identifier: GPL-3.0-or-later
"""What the D-Bus tests stand on: a bus, a PostgreSQL and a cyborgd of their own.

Everything lives in one temporary directory, nothing outside of it is written, and every process that is started
is ended by its id. No systemd and no polkit are on this bus, and that is a part of what is tested.
"""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

import dbus
import dbus.bus

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "org.cyborgbackup1"
TOP = "/org/cyborgbackup1"

# As in system.conf: nobody may own a name or call a method unless the service's own file allows it.
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={directory}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{service}</include>
</busconfig>
"""


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.05)


class Postgres:
    """A cluster with a database for cyborgd."""

    def __init__(self, directory):
        self.directory = directory
        self.directory.mkdir()
        self.bin = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.user = pwd.getpwnam("postgres")
        os.chown(directory, self.user.pw_uid, self.user.pw_gid)
        self.run("initdb", "-D", directory / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.start()
        self.run("createdb", "-h", directory, "-U", "postgres", "cyborg")

    def words(self, program, *words):
        return ["runuser", "-u", "postgres", "--", str(self.bin / program), *map(str, words)]

    def run(self, *words):
        done = subprocess.run(self.words(*words), cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout)
        return done.stdout

    def start(self):
        self.run("pg_ctl", "-D", self.directory / "data", "-w", "-l", self.directory / "log", "-o",
                 f"-k {self.directory} -c listen_addresses= -c fsync=off", "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.directory / "data", "-w", "-m", "immediate", "stop")

    def query(self, sql):
        return self.run("psql", "-h", self.directory, "-U", "postgres", "-d", "cyborg", "-At", "-c", sql)


class Stage:
    def __init__(self, program):
        self.program = program
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cyborg-bus-"))
        self.directory.chmod(0o755)
        self.address = f"unix:path={self.directory}/bus"
        self.cyborgd = self.bus = self.bus_daemon = self.postgres = None
        for name in ("state", "run", "credentials", "timers", "stamps"):
            (self.directory / name).mkdir()
        (self.directory / "credentials" / "seal-key").write_bytes(os.urandom(32))
        try:
            self.postgres = Postgres(self.directory / "postgres")
            self.start_bus()
            self.start()
        except BaseException as error:
            log = self.log() if (self.directory / "log").exists() else ""
            self.close()
            raise RuntimeError("the stage cannot be set up; cyborgd said:\n" + log) from error

    def start_bus(self):
        config = self.directory / "bus.conf"
        config.write_text(BUS_CONFIG.format(directory=self.directory, service=ROOT / "dbus" / "org.cyborgbackup1.conf"))
        self.bus_daemon = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork"])
        wait_for("the bus", (self.directory / "bus").exists)
        self.bus = dbus.bus.BusConnection(self.address)

    def start(self, wait=True):
        """Starts cyborgd, and waits until it has read its database."""
        config = self.directory / "cyborgd.conf"
        config.write_text(f"[cyborgd]\nDatabase=dbname=cyborg user=postgres host={self.postgres.directory}\n")
        environment = dict(
            PATH=os.environ["PATH"], DBUS_SYSTEM_BUS_ADDRESS=self.address, CYBORG_CONFIG=str(config),
            CREDENTIALS_DIRECTORY=str(self.directory / "credentials"), STATE_DIRECTORY=str(self.directory / "state"),
            RUNTIME_DIRECTORY=str(self.directory / "run"), CYBORG_TIMERS=str(self.directory / "timers"),
            CYBORG_STAMPS=str(self.directory / "stamps"))
        with open(self.directory / "log", "ab") as log:
            self.cyborgd = subprocess.Popen([self.program], env=environment, stderr=log)
        wait_for("cyborgd on the bus", lambda: self.bus.name_has_owner(NAME) or self.died())
        if wait:
            wait_for("the ssh key", lambda: self.get(TOP, "Manager", "SshPublicKey"))

    def died(self):
        if self.cyborgd.poll() is not None:
            raise AssertionError("cyborgd ended:\n" + self.log())

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def stop(self):
        """Ends cyborgd as systemd would; returns its exit status."""
        self.cyborgd.terminate()
        return self.cyborgd.wait(20)

    def close(self):
        if self.cyborgd and self.cyborgd.poll() is None:
            self.cyborgd.kill()
            self.cyborgd.wait()
        if self.bus:
            self.bus.close()
        if self.bus_daemon:
            self.bus_daemon.terminate()
            self.bus_daemon.wait()
        if self.postgres:
            try:
                self.postgres.stop()
            except RuntimeError:
                pass
        shutil.rmtree(self.directory, ignore_errors=True)

    def interface(self, path, interface):
        return dbus.Interface(self.bus.get_object(NAME, path, introspect=False), interface)

    def call(self, path, interface, method, signature, *arguments):
        return self.bus.call_blocking(NAME, path, f"{NAME}.{interface}", method, signature, arguments, timeout=30)

    def get(self, path, interface, name):
        return self.interface(path, "org.freedesktop.DBus.Properties").Get(f"{NAME}.{interface}", name)

    def objects(self):
        return self.interface(TOP, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
