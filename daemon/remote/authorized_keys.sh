# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Rewrites authorized_keys of the user who runs this. A lock on the directory serialises such scripts. A concurrent
# reader gets either the old or the new file. sed preserves the bytes of other lines, whatever they are.
#
# Expects: $deletes, a sed script that deletes lines; $prints, one that prints them; $line, the line for the end of
# the file, or empty; $blob, the key in it. Descriptors: 9 is the lock.
# Says: cannot-authorize, key-taken.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2154 # prints: C++; blob: C++; deletes: C++

cd && mkdir -p .ssh || die cannot-authorize "$HOME/.ssh cannot be made"
command -v flock >/dev/null || die cannot-authorize "it has no flock"
exec 9<.ssh
flock -w 60 9 || die cannot-authorize "another program holds a lock on $HOME/.ssh"
file=.ssh/authorized_keys
[ ! -L "$file" ] || file=$(readlink -f "$file") || die cannot-authorize "$file is a broken link"
[ -e "$file" ] || [ -n "$line" ] || exit 0
# It may be there as it has to be.
if [ -e "$file" ] && [ -n "$line" ] && [ "$(grep -cxF -e "$line" "$file")" = 1 ] && [ "$(sed -n "$prints" "$file" | wc -l)" = 1 ] &&
  [ "$(grep -cF -e "$blob" "$file")" = 1 ]; then exit 0; fi
new_file=$file.cyborg-$$
trap 'rm -f "$new_file"' EXIT
if [ -e "$file" ]; then cp -p "$file" "$new_file" && sed "$deletes" "$file" >"$new_file"; else : >"$new_file"; fi || die cannot-authorize "$new_file cannot be written"
if [ -n "$line" ]; then
  ! grep -qF -e "$blob" "$new_file" || die key-taken
  [ -z "$(tail -c 1 "$new_file")" ] || echo >>"$new_file" || die cannot-authorize "$new_file cannot be written"
  printf '%s\n' "$line" >>"$new_file" || die cannot-authorize "$new_file cannot be written"
fi
cmp -s "$file" "$new_file" && exit 0
sync "$new_file" 2>/dev/null
mv "$new_file" "$file" || die cannot-authorize "$file cannot be written"
