# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the client's key for a repository host, if there is none, and prints its public key. The new file is complete
# before it gets its final name.
#
# Expects: $key, the file; $comment, a comment. Says: no-ssh, no-directory, no-key.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails
# shellcheck disable=SC2154 # key: C++; comment: C++

command -v ssh >/dev/null && command -v ssh-keygen >/dev/null || die no-ssh
mkdir -p "${key%/*}" || die no-directory "${key%/*}"
if ! [ -s "$key" ] || ! ssh-keygen -y -P '' -f "$key" </dev/null >/dev/null; then
  rm -f "$key.new" "$key.new.pub"
  ssh-keygen -q -t ed25519 -N '' -C "$comment" -f "$key.new" </dev/null >&2 || die no-key "$key"
  rm -f "$key.new.pub"
  mv "$key.new" "$key" || die no-key "$key"
fi
public_key=$(ssh-keygen -y -P '' -f "$key" </dev/null) || die no-key "$key"
printf '%s\n' "$public_key" | cut -d ' ' -f 1,2
