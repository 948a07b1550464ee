# shellcheck shell=sh
# Rewrites authorized_keys of the user who runs this. A lock on the directory serialises such scripts. A concurrent
# reader gets either the old or the new file. sed preserves the bytes of other lines, whatever they are.
#
# Expects: $S, a sed script that deletes lines; $M, one that prints them; $L, the line for the end of the file, or
# empty; $B, the key in it. Descriptors: 9 is the lock.
# Says: cannot-authorize, key-taken.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

cd && mkdir -p .ssh || die cannot-authorize "$HOME/.ssh cannot be made"
command -v flock >/dev/null || die cannot-authorize "it has no flock"
exec 9<.ssh
flock -w 60 9 || die cannot-authorize "another program holds a lock on $HOME/.ssh"
F=.ssh/authorized_keys
[ ! -L "$F" ] || F=$(readlink -f "$F") || die cannot-authorize "$F is a broken link"
[ -e "$F" ] || [ -n "$L" ] || exit 0
# The file may already have the line as required.
if [ -e "$F" ] && [ -n "$L" ] && [ "$(grep -cxF -e "$L" "$F")" = 1 ] && [ "$(sed -n "$M" "$F" | wc -l)" = 1 ] &&
  [ "$(grep -cF -e "$B" "$F")" = 1 ]; then exit 0; fi
T=$F.cyborg-$$
trap 'rm -f "$T"' EXIT
if [ -e "$F" ]; then cp -p "$F" "$T" && sed "$S" "$F" >"$T"; else : >"$T"; fi || die cannot-authorize "$T cannot be written"
if [ -n "$L" ]; then
  ! grep -qF -e "$B" "$T" || die key-taken
  [ -z "$(tail -c 1 "$T")" ] || echo >>"$T" || die cannot-authorize "$T cannot be written"
  printf '%s\n' "$L" >>"$T" || die cannot-authorize "$T cannot be written"
fi
cmp -s "$F" "$T" && exit 0
sync "$T" 2>/dev/null
mv "$T" "$F" || die cannot-authorize "$F cannot be written"
