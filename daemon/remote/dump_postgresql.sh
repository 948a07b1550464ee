# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: dumps of PostgreSQL databases in custom format, and the globals.
#
# Expects: $NAMES, the databases, one per line; empty: all. After tool.sh and access_postgresql.sh.
# shellcheck disable=SC2154 # verb, name: tool.sh; as: access_postgresql.sh

need pg_dump pg_dumpall
ask() { $as psql -XAtqw -c "$1"; }
globals() {
  all=$(ask "select has_table_privilege('pg_catalog.pg_authid', 'select')") || exit 1
  [ "$all" = t ] || {
    echo 'the roles are saved without their passwords, which this user may not read' >&2
    set -- --no-role-passwords
  }
  $as pg_dumpall -w --globals-only "$@"
}
case $verb$name in
  list)
    echo 'postgresql/globals.sql '
    if [ -n "$NAMES" ]; then
      x=$NAMES
    else
      export PGCLIENTENCODING=UTF8
      x=$(ask 'select datname from pg_database where datallowconn and not datistemplate order by 1') || exit 1
    fi
    entries "$x" postgresql dump
    ;;
  dump) globals ;;
  *)
    export PGDATABASE="$name"
    $as pg_dump -w -Fc
    ;;
esac
