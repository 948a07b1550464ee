# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tell_ssh: after a borg with direct access, reports ssh's messages, and a repository with the wrong id.
#
# Expects: $dir, the private directory. Says: repository-swapped, ssh-said.
# shellcheck disable=SC2154 # dir: the private directory, C++

tell_ssh() {
  if [ -s "$dir/swapped" ]; then say repository-swapped "$(cat "$dir/swapped")"; fi
  if [ -s "$dir/ssh" ]; then while IFS= read -r x; do say ssh-said "$x"; done <"$dir/ssh"; fi
}
