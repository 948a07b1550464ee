# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Adds a public key to the authorized keys of the user who runs this, unless it is there already.
#
# Expects: $key, the line. Says: no-directory.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2154 # key: C++

cd && mkdir -p .ssh && chmod 700 .ssh || die no-directory "$HOME/.ssh"
file=.ssh/authorized_keys
[ -e "$file" ] || : >"$file"
chmod 600 "$file"
grep -qxF -e "$key" "$file" && exit 0
[ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
printf '%s\n' "$key" >>"$file" || die no-directory "$HOME/$file"
