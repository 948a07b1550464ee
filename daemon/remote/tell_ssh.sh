# shellcheck shell=sh
# At the end of a borg that went direct: what ssh had to say, and another repository than it should be.
#
# Expects: $D, the private directory. Says: repository-swapped, ssh-said.

if [ -s "$D/swapped" ]; then say repository-swapped "$(cat "$D/swapped")"; fi
if [ -s "$D/ssh" ]; then while IFS= read -r x; do say ssh-said "$x"; done <"$D/ssh"; fi
