# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Begins every script: a PATH with the directories of system programs, which may be missing over ssh, and functions
# for talking to cyborg-job. remote/words.h has all words.
#
#   say WORD [DETAIL]   reports an event
#   die WORD [DETAIL]   reports why this script gives up, and ends it

PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
