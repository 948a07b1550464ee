# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# h NUMBER PATH: prints a file's number, its status from stat and the hash of its content.
#
# Says: no-tool.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

for tool in stat sha256sum; do command -v $tool >/dev/null || die no-tool $tool; done
h() {
  if [ -L "$2" ] || [ ! -f "$2" ]; then
    if [ -e "$2" ] || [ -L "$2" ]; then echo "$1 odd"; else echo "$1 missing"; fi
    return
  fi
  before=$(stat -c '%s %Y %y' "$2") && hash=$(sha256sum <"$2") && after=$(stat -c '%s %Y %y' "$2") ||
    { echo "$1 unreadable"; return; }
  if [ "$before" = "$after" ]; then echo "$1 file ${hash%% *} $before"; else echo "$1 odd"; fi
}
