# shellcheck shell=sh
# Runs a script in a mount namespace, if this machine can create one.
#
# Says: started, snapshot-failed.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
x=$(unshare -m true 2>&1) || {
  printf '@cyborg started\n@cyborg snapshot-failed the folders: %s\n' "$x" >&2
  exit 99
}
