# shellcheck shell=sh
# Begins every script: a safe umask, a PATH with the directories of system programs, which may be missing over ssh,
# and functions for talking to cyborg-job.
#
#   say WORD [DETAIL]   reports an event (remote/job_script.h)
#   die WORD [DETAIL]   reports why this script gives up, and ends it

umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
