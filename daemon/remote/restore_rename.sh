# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by xargs with a suffix and names: gives existing files a second name. It is a hard link to the same file,
# which borg replaces by a new one: whatever happens, both are complete. Exit status 255 makes xargs stop.

suffix=$1
shift
for path; do
  { [ -e "$path" ] || [ -L "$path" ]; } || continue
  if [ -e "$path$suffix" ] || [ -L "$path$suffix" ]; then echo "$path$suffix exists" >&2; exit 255; fi
  if [ ! -L "$path" ] && [ -f "$path" ] && ln -- "$path" "$path$suffix" 2>/dev/null; then continue; fi
  mv -- "$path" "$path$suffix" || exit 255
done
:
