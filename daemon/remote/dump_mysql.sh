# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: dumps of MariaDB or MySQL databases, and the grants. MySQL's tools have no --system, so its output is produced
# by queries.
#
# Expects: $NAMES, the databases, one per line; empty: all. After tool.sh and access_mysql.sh.
# shellcheck disable=SC2154 # verb, name: tool.sh; client, dump: access_mysql.sh

grants() {
  if "$dump" --help 2>/dev/null | grep -q -e '^ *--system='; then
    exec "$dump" "$@" --system=users
  fi
  users=$("$client" "$@" -NBr -e "select concat(quote(user), '@', quote(host)) from mysql.user") || exit 1
  printf '%s\n' "$users" | while IFS= read -r x; do
    x=$("$client" "$@" -NBr -e "show create user $x; show grants for $x" </dev/null) || exit 1
    printf '%s\n' "$x" | sed 's/$/;/'
  done
}
case $verb$name in
  list)
    if [ -z "$NAMES" ]; then
      x=$("$client" "$@" --default-character-set=utf8mb4 -NBr -e "select schema_name from information_schema.schemata
        where schema_name not in ('information_schema', 'performance_schema', 'sys') order by 1") || exit 1
      echo 'mysql/grants.sql '
    elif x=$("$client" "$@" -e 'select 1 from mysql.user limit 1' 2>&1); then
      echo 'mysql/grants.sql '
    else
      # If the server cannot be reached, the first dump fails and says why.
      echo "the grants are left out: $x" >&2
    fi
    entries "${NAMES:-$x}" mysql sql
    ;;
  dump) grants "$@" ;;
  *)
    exec "$dump" "$@" --single-transaction --quick --routines --events --triggers --hex-blob --no-tablespaces \
      --default-character-set=utf8mb4 -- "$name"
    ;;
esac
