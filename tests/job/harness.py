# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of cyborg-job stand on: an sshd of their own on loopback, and jobs as cyborgd would start them.

Everything lives in one temporary directory; every process that is started is ended by its id.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PROGRAM = os.environ.get("CYBORG_JOB", "build/release/daemon/cyborg-job")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def keygen(path, kind="ed25519"):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)


def fingerprint(path):
    out = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(path)], check=True, capture_output=True)
    return out.stdout.split()[1].decode()


class Sshd:
    """An sshd with its own host key, which accepts one key for root."""

    def __init__(self, directory, authorized, extra="", kinds=("ed25519",)):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.port = free_port()
        self.authorized = self.directory / "authorized_keys"
        self.authorized.write_text(authorized)
        self.authorized.chmod(0o600)
        host_keys = ""
        for kind in kinds:
            keygen(self.directory / f"host_{kind}", kind)
            host_keys += f"HostKey {self.directory}/host_{kind}\n"
        self.host_key = fingerprint(self.directory / f"host_{kinds[0]}.pub")
        config = self.directory / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n{host_keys}AuthorizedKeysFile {self.authorized}\n"
            f"PermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\nPrintMotd no\n{extra}\n")
        os.makedirs("/run/sshd", exist_ok=True)
        self.log = open(self.directory / "log", "wb")
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=self.log)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("sshd does not start: " + (self.directory / "log").read_text())

    def public_key(self):
        """The host key, as in known_hosts."""
        return " ".join((self.directory / "host_ed25519.pub").read_text().split()[:2])

    def sessions(self):
        """The ids of the processes that serve connections."""
        out = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True)
        return [int(pid) for pid in out.stdout.split()]

    def cut(self):
        """Breaks every connection, like a machine that is switched off."""
        for pid in self.sessions():
            out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True)
            for child in [pid] + [int(p) for p in out.stdout.split()]:
                name = pathlib.Path(f"/proc/{child}/comm")
                if name.exists() and name.read_text().strip() == "sshd":
                    os.kill(child, signal.SIGKILL)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def target(self, **changes):
        target = dict(address="127.0.0.1", port=self.port, user="root", host_key=self.host_key, jump="")
        target.update(changes)
        return target


NOWHERE = dict(address="", port=22, user="", host_key="", jump="")
NO_DIRECT = dict(used=False, manual=False, host_public_key="", key="", line="")
NO_DUMP = dict(type="", databases=[], user="", host="", port=0, command="", filename="", guests=[],
               quiesce=False, mode="")


class Lab:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cyborg-job-test-"))
        self.key = self.directory / "key"
        keygen(self.key)
        self.public_key = (self.directory / "key.pub").read_text().strip()
        self.borg_directory = self.directory / "server-borg"
        self.number = 0
        self.sshds = []

    def sshd(self, name, **options):
        sshd = Sshd(self.directory / name, options.pop("authorized", self.public_key + "\n"), **options)
        self.sshds.append(sshd)
        return sshd

    def close(self):
        for sshd in self.sshds:
            sshd.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, kind, passphrase=None, password=None, database_password=None, new_passphrase=None, **fields):
        secrets = {"passphrase": passphrase, "password": password, "database-password": database_password,
                   "new-passphrase": new_passphrase}
        return Run(self, kind, secrets, fields)

    def run(self, kind, passphrase=None, password=None, **fields):
        return self.start(kind, passphrase, password, **fields).end()


class Run:
    """One cyborg-job."""

    def __init__(self, lab, kind, secrets, fields):
        lab.number += 1
        self.directory = lab.directory / f"job-{lab.number}"
        credentials = lab.directory / f"credentials-{lab.number}"
        self.directory.mkdir(exist_ok=True)
        credentials.mkdir()
        spec = dict(job=lab.number, run=1, kind=kind, policy="p", client="web", repository="vault", local=False,
                    target=NOWHERE, repository_host=NOWHERE, ssh_public_key=lab.public_key, repository_path="",
                    encryption="repokey-blake2", append_only=False, borg_id="", change_passphrase=False, archive=f"archive-{lab.number}",
                    roots=[], any_root=False, patterns=[], exclude=[], exclude_if_present=[],
                    exclude_caches=False, one_file_system=False, snapshot=False, snapshot_size=10, compression="lz4", upload_limit=0,
                    files_cache_suffix="p", dry_run=False,
                    restore=dict(conflict="overwrite", paths=[], directory="", output=False, tar=False, databases={}, guest="", guest_name="", start=False,
                                 dry_run=False, all_databases=False, globals=False), remove=[], remove_ids=[], keep_ids=[],
                    dump=NO_DUMP, direct=NO_DIRECT, hooks=[], max_duration=0, verify_data=False, import_names=[], borg_url="",
                    catalog_budget=0, database_remote=False,
                    verify="", client_away="", seed="", sample_files=0, sample_bytes=0, canaries=[])
        spec["restore"].update((key, fields.pop(key)) for key in ("paths", "directory") if key in fields)
        spec.update(fields)
        (credentials / "spec").write_text(json.dumps(spec))
        (credentials / "ssh-key").write_bytes(lab.key.read_bytes())
        for name, secret in secrets.items():
            if secret is not None:
                (credentials / name).write_bytes(secret if isinstance(secret, bytes) else secret.encode())
        environment = dict(os.environ, CREDENTIALS_DIRECTORY=str(credentials), STATE_DIRECTORY=str(self.directory),
                           CYBORG_BORG_DIR=str(lab.borg_directory))
        self.process = subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.result = None

    def end(self, timeout=90):
        self.printed, _ = self.process.communicate(timeout=timeout)
        self.status = self.process.returncode
        path = self.directory / "result.json"
        self.result = json.loads(path.read_text()) if path.exists() else None
        return self

    def output(self):
        return (self.directory / "output").read_text()

    def progress(self):
        path = self.directory / "progress.json"
        return json.loads(path.read_text()) if path.exists() else None

    def __getattr__(self, name):
        return self.__dict__["result"][name]
