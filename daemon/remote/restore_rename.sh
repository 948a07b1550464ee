# shellcheck shell=sh
# Called by xargs with a suffix and names: gives existing files a second name. It is a hard link to the same file, which
# borg replaces by a new one: whatever happens, both are complete. Exit status 255 makes xargs stop.

s=$1
shift
for p; do
  { [ -e "$p" ] || [ -L "$p" ]; } || continue
  if [ -e "$p$s" ] || [ -L "$p$s" ]; then echo "$p$s exists" >&2; exit 255; fi
  if [ ! -L "$p" ] && [ -f "$p" ] && ln -- "$p" "$p$s" 2>/dev/null; then continue; fi
  mv -- "$p" "$p$s" || exit 255
done
:
