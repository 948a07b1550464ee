# shellcheck shell=sh
# Like prelude.sh, but for the umask: installed files must be readable by everybody. Says: started.

umask 022
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
say started
