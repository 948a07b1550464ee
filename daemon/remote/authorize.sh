# shellcheck shell=sh
# Adds a public key to the authorized keys of the user who runs this, unless it is there already.
#
# Expects: $K, the line. Says: no-directory.
# shellcheck disable=SC2015 # what is behind || is to run if either part before it fails

cd && mkdir -p .ssh && chmod 700 .ssh || die no-directory "$HOME/.ssh"
F=.ssh/authorized_keys
[ -e "$F" ] || : >"$F"
chmod 600 "$F"
grep -qxF -e "$K" "$F" && exit 0
[ -z "$(tail -c 1 "$F")" ] || echo >>"$F"
printf '%s\n' "$K" >>"$F" || die no-directory "$HOME/$F"
