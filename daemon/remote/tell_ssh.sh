# shellcheck shell=sh
# tell_ssh: after a borg with direct access, reports ssh's messages, and a repository with the wrong id.
#
# Expects: $D, the private directory. Says: repository-swapped, ssh-said.

tell_ssh() {
  if [ -s "$D/swapped" ]; then say repository-swapped "$(cat "$D/swapped")"; fi
  if [ -s "$D/ssh" ]; then while IFS= read -r x; do say ssh-said "$x"; done <"$D/ssh"; fi
}
