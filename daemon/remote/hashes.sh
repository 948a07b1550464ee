# shellcheck shell=sh
# h NUMBER PATH: prints a file's number, its status from stat and the hash of its content.
#
# Says: no-tool.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

for x in stat sha256sum; do command -v $x >/dev/null || die no-tool $x; done
h() {
  if [ -L "$2" ] || [ ! -f "$2" ]; then
    if [ -e "$2" ] || [ -L "$2" ]; then echo "$1 odd"; else echo "$1 missing"; fi
    return
  fi
  a=$(stat -c '%s %Y %y' "$2") && x=$(sha256sum <"$2") && b=$(stat -c '%s %Y %y' "$2") ||
    { echo "$1 unreadable"; return; }
  if [ "$a" = "$b" ]; then echo "$1 file ${x%% *} $a"; else echo "$1 odd"; fi
}
