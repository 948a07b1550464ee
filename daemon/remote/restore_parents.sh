# shellcheck shell=sh
# Called by xargs: creates the directories that are its arguments, with default modes: directories in the archive get
# their own modes from borg.

for e; do
  case $e in [Gg]*) ;; *) mkdir -p -- "${e#?}" 2>/dev/null ;; esac
done
:
