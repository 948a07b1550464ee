# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# How the programs of MariaDB and MySQL connect to a server: $client and $dump, with the script's arguments. Newer
# versions of MariaDB have names of their own for these tools.
#
# Expects: $DBUSER, $DBHOST, $DBPORT, possibly empty.
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
