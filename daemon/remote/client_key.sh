# shellcheck shell=sh
# Makes the client's key for a repository host, if there is none, and prints its public key. The new file is complete
# before it gets its final name.
#
# Expects: $K, the file; $C, a comment. Says: no-ssh, no-directory, no-key.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

command -v ssh >/dev/null && command -v ssh-keygen >/dev/null || die no-ssh
mkdir -p "${K%/*}" || die no-directory "${K%/*}"
if ! [ -s "$K" ] || ! ssh-keygen -y -P '' -f "$K" </dev/null >/dev/null; then
  rm -f "$K.new" "$K.new.pub"
  ssh-keygen -q -t ed25519 -N '' -C "$C" -f "$K.new" </dev/null >&2 || die no-key "$K"
  rm -f "$K.new.pub"
  mv "$K.new" "$K" || die no-key "$K"
fi
k=$(ssh-keygen -y -P '' -f "$K" </dev/null) || die no-key "$K"
printf '%s\n' "$k" | cut -d ' ' -f 1,2
