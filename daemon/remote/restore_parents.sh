# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by xargs: creates the directories that are its arguments, with default modes: directories in the archive get
# their own modes from borg.

for entry; do
  case $entry in [Gg]*) ;; *) mkdir -p -- "${entry#?}" 2>/dev/null ;; esac
done
:
