# SPDX-License-Identifier: GPL-3.0-or-later
"""borg, called by hand like an administrator beside cyborgd: on the server, as its user."""

import json


def borg(t, path, passphrase, *words, mode=None, check=True, new=""):
    """Runs borg WORDS with the repository at that path, on the server. `{}` in a word stands for the repository."""
    script = ('read -r P; [ -z "$P" ] || export BORG_PASSPHRASE=$P; read -r N; [ -z "$N" ] || export BORG_NEW_PASSPHRASE=$N; export BORG_BASE_DIR=/tmp/byhand-$1 '
              'BORG_RELOCATED_REPO_ACCESS_IS_OK=yes BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes; shift; exec borg "$@"')
    full = [word.replace("{}", path) for word in words]
    if mode:
        full = ["init", "--encryption", mode, path]
    return t.server.run("runuser", "-u", "cyborg", "--", "sh", "-c", script, "sh", t.prefix, *full,
                        data=f"{passphrase}\n{new}\n", check=check).out


def opened(t, repository, client=None):
    """The path and passphrase of a borg repository of cyborgd."""
    text = t.ctl("repository", "key-export", repository, *(["--client", client] if client else [])).out
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return fields["borg repository"].strip(), fields.get("passphrase", "").strip()


def archives(t, path, passphrase):
    """The names of the archives that borg itself lists."""
    return {row["name"] for row in json.loads(borg(t, path, passphrase, "--bypass-lock", "list", "--json", "{}"))["archives"]}
