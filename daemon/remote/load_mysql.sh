# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Tool: loads a dump into MariaDB or MySQL; verbs and variables as in load_postgresql.sh. A database cannot be
# renamed, so a replacement is first loaded under another name, and copied when it is complete.
#
# After tool.sh and access_mysql.sh.
# shellcheck disable=SC2154 # verb: tool.sh; client, dump: access_mysql.sh

sql() { "$client" "$@" --default-character-set=utf8mb4 -NBr; }
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F; }
word() { printf %s "$1" | sed 's/`/``/g; 1s/^/`/; $s/$/`/'; }
hex_target=$(hex "$TARGET") hex_original=$(hex "$ORIGINAL") hex_aside=$(hex "$ASIDE")
load() { db=$1; shift; "$client" "$@" --default-character-set=utf8mb4 "--database=$db"; }
look() {
  x=$(echo "select count(*) from information_schema.schemata where hex(schema_name) = '$hex_target'" | sql "$@") || exit 1
  [ "$x" != 0 ] || { echo missing; return; }
  x=$(echo "select if((select count(*) from information_schema.tables where hex(table_schema) = '$hex_target')
    + (select count(*) from information_schema.routines where hex(routine_schema) = '$hex_target')
    + (select count(*) from information_schema.events where hex(event_schema) = '$hex_target') > 0, 'full', 'empty')" |
    sql "$@") || exit 1
  echo "$x"
}
# New tables get the character set of the database that is replaced or copied.
make() {
  db=$1
  shift
  x=$(echo "select concat(' character set ', default_character_set_name, ' collate ', default_collation_name)
    from information_schema.schemata where hex(schema_name) in ('$hex_target', '$hex_aside', '$hex_original')
    order by field(hex(schema_name), '$hex_target', '$hex_aside', '$hex_original') limit 1" | sql "$@") || exit 1
  echo "create database $(word "$db")$x" | sql "$@"
}
drop() {
  db=$1
  shift
  echo "drop database if exists $(word "$db")" | sql "$@"
}
case $verb in
  look) look "$@" ;;
  prepare)
    x=$(look "$@") || exit 1
    case $x$OVERWRITE in
      full) exit 3 ;;
      full1)
        need "$dump"
        : >"$dir/other"
        make "$ASIDE" "$@"
        ;;
      missing*)
        : >"$dir/made"
        make "$TARGET" "$@"
        ;;
    esac
    ;;
  load) if [ -e "$dir/other" ]; then load "$ASIDE" "$@"; else load "$TARGET" "$@"; fi ;;
  finish)
    [ -e "$dir/other" ] || exit 0
    # From now on this is all that there is of it.
    rm "$dir/other"
    drop "$TARGET" "$@" && make "$TARGET" "$@" && {
      "$dump" "$@" --single-transaction --quick --routines --events --triggers --hex-blob --no-tablespaces \
        --default-character-set=utf8mb4 -- "$ASIDE" || : >"$dir/bad"
    } | load "$TARGET" "$@" && [ ! -e "$dir/bad" ] && drop "$ASIDE" "$@" && exit 0
    echo "what was loaded is in the database $ASIDE" >&2
    exit 1
    ;;
  undo)
    [ ! -e "$dir/made" ] || drop "$TARGET" "$@"
    [ ! -e "$dir/other" ] || drop "$ASIDE" "$@"
    ;;
  globals)
    x=$(echo "select concat(char(96), replace(user, char(96), repeat(char(96), 2)), char(96), '@', char(96), host,
      char(96)) from mysql.user" | sql "$@") || exit 1
    # Names are quoted by ` or by a single quote (\047); a role has no host.
    x=$(THERE=$x awk '
      BEGIN { n = split(ENVIRON["THERE"], there, "\n"); keep = ENVIRON["OVERWRITE"] == "" }
      function has(text) { return index($0 ";", text) > 0 }
      /^(\/\*[M!0-9]* *)?(CREATE (USER|ROLE)|ALTER USER|GRANT|SET DEFAULT ROLE) / {
        for (i = 1; i <= n; i++) {
          t = there[i]
          if (t == "") continue
          sub(/@``$/, "", t)
          q = t
          gsub(/`/, "\047", q)
          if (has("CREATE ROLE " t) || has("CREATE ROLE " q)) next
          if (keep && (has("CREATE USER " t) || has(" TO " t) || has(" TO " q) || has(" FOR " q) || has("ALTER USER " q))) next
        }
      }
      { sub(/^CREATE USER /, "CREATE USER IF NOT EXISTS "); print }') || exit 1
    printf '%s\n' "$x" | sql "$@"
    ;;
esac
