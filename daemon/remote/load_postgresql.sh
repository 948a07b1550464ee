# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: loads a dump into PostgreSQL. Its verbs: look, prepare (exit status 3 if the database must not be touched),
# load, finish, undo, and globals.
#
# An existing database is renamed until the new one is complete: nothing of it is lost, whatever happens. A database
# that pg_restore creates itself gets its original encoding, locale, owner and settings.
#
# Expects: $TARGET, the database; $ORIGINAL, its name in the archive; $ASIDE, a name that only we use; $OVERWRITE,
# exported, 1 or
# empty; $dir. Files in $dir record the progress: made, that $TARGET is ours to remove; other, that $ASIDE exists.
# After tool.sh and access_postgresql.sh.
# shellcheck disable=SC2154 # verb: tool.sh; as: access_postgresql.sh

need pg_restore
main=postgres
[ "$TARGET" != postgres ] || main=template1
sql_in() { $as env PGDATABASE="$1" psql -XAtqw -v ON_ERROR_STOP=1 -v n="$TARGET" -v o="$ORIGINAL" -v a="$ASIDE"; }
sql() { printf '%s\n' "$1" | sql_in "$main"; }
has() { sql "select count(*) from pg_database where datname = :'$1'"; }
restore() {
  x=$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g") && shift || exit 1
  $as pg_restore -w --exit-on-error "$@" -d "dbname='$x'"
}
look() {
  x=$(has n) || exit 1
  [ "$x" != 0 ] || { echo missing; return; }
  x=$(echo "with ours as (select oid, nspname from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema')
    select case when exists (select from pg_class join ours on ours.oid = relnamespace)
      or exists (select from pg_proc join ours on ours.oid = pronamespace)
      or exists (select from pg_type join ours on ours.oid = typnamespace)
      or exists (select from ours where nspname <> 'public') then 'full' else 'empty' end" | sql_in "$TARGET") || exit 1
  echo "$x"
}
case $verb in
  look) look ;;
  prepare)
    x=$(look) || exit 1
    case $x$OVERWRITE in
      full) exit 3 ;;
      full1)
        : >"$dir/other"
        sql "alter database :\"n\" allow_connections false;
          select pg_terminate_backend(pid) from pg_stat_activity where datname = :'n';
          alter database :\"n\" rename to :\"a\"" || exit 1
        ;;
      empty*) exit 0 ;;
    esac
    : >"$dir/made"
    [ "$TARGET" != "$ORIGINAL" ] || exit 0
    # Like the one that it is a copy of, if that is there.
    x=$(has o) || exit 1
    if [ "$x" = 0 ]; then
      sql 'create database :"n" template template0'
    else
      sql "select format('create database %I template template0 encoding %L', :'n', pg_encoding_to_char(encoding))
        || case when datlocprovider = 'c' then format(' lc_collate %L lc_ctype %L', datcollate, datctype) else '' end
        from pg_database where datname = :'o' \\gexec"
    fi
    ;;
  load)
    if [ ! -e "$dir/made" ]; then
      restore "$TARGET" --single-transaction
    elif [ "$TARGET" = "$ORIGINAL" ]; then
      restore "$main" --create
    else
      restore "$TARGET"
    fi
    ;;
  finish) [ ! -e "$dir/other" ] || sql 'drop database :"a" with (force)' ;;
  undo)
    [ ! -e "$dir/made" ] || sql 'drop database if exists :"n" with (force)'
    [ -e "$dir/other" ] || exit 0
    x=$(has a) || exit 1
    [ "$x" = 0 ] || sql 'alter database :"a" rename to :"n"' || exit 1
    sql 'alter database :"n" allow_connections true'
    ;;
  globals)
    x=$(sql 'select quote_ident(rolname) from pg_roles union all select quote_ident(spcname) from pg_tablespace') ||
      exit 1
    # Existing roles are kept unless a replacement was requested.
    x=$(THERE=$x awk '
      BEGIN { n = split(ENVIRON["THERE"], there, "\n"); keep = ENVIRON["OVERWRITE"] == "" }
      function begins(text) { return index($0, text) == 1 }
      /^(CREATE|ALTER|COMMENT ON) / {
        for (i = 1; i <= n; i++) {
          t = there[i]
          if (begins("CREATE ROLE " t ";") || begins("CREATE TABLESPACE " t " ")) next
          if (keep && (begins("ALTER ROLE " t " ") || begins("COMMENT ON ROLE " t " "))) next
        }
      }
      { print }') || exit 1
    printf '%s\n' "$x" | sql_in "$main"
    ;;
esac
