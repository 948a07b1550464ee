# shellcheck shell=sh
# How the programs of MariaDB and MySQL reach a server: $client and $dump, with the arguments of the script. MariaDB's
# tools have had names of their own for some time.
#
# Expects: $DBUSER, $DBHOST, $DBPORT, maybe empty.
# Descriptors: 8, an option file with the password.

client=mariadb dump=mariadb-dump
command -v mariadb >/dev/null || client=mysql
command -v mariadb-dump >/dev/null || dump=mysqldump
need "$client" "$dump"
set --
[ ! -e /dev/fd/8 ] || set -- --defaults-extra-file=/dev/fd/8
[ -z "$DBUSER" ] || set -- "$@" "--user=$DBUSER"
[ -z "$DBHOST" ] || set -- "$@" "--host=$DBHOST"
[ -z "$DBPORT" ] || set -- "$@" "--port=$DBPORT"
