# shellcheck shell=sh
# Can this machine make a mount namespace? Then a script is run in one.
#
# Says: started, snapshot-failed.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
x=$(unshare -m true 2>&1) || {
  printf '@cyborg started\n@cyborg snapshot-failed the folders: %s\n' "$x" >&2
  exit 99
}
