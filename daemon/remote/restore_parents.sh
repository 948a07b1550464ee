# shellcheck shell=sh
# Called by xargs: makes the directories that are its arguments. As a system has them: those that the archive knows get
# their own modes from borg.

for e; do
  case $e in [Gg]*) ;; *) mkdir -p -- "${e#?}" 2>/dev/null ;; esac
done
:
