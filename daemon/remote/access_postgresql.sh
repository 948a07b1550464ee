# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# How PostgreSQL's programs connect to a server: with the prefix $as, by variables of libpq.
#
# Expects: $PGUSER, $PGHOST, $PGPORT, possibly empty. As root without either, the tools run as postgres, whom the
# server authenticates by the socket.
# Descriptors: 8, the password: libpq accepts only a regular file as password file, which this is.
# shellcheck disable=SC2034 # as: for the tool that follows

need psql
as=
if [ -z "$PGUSER$PGHOST" ] && [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || { echo 'there is no user postgres: give user and host' >&2; exit 1; }
  if command -v runuser >/dev/null; then as='runuser -u postgres --'; else need sudo; as='sudo -n -u postgres --'; fi
fi
[ ! -e /dev/fd/8 ] || export PGPASSFILE=/dev/fd/8
if [ -n "$PGUSER" ]; then export PGUSER; else unset PGUSER; fi
if [ -n "$PGHOST" ]; then export PGHOST; else unset PGHOST; fi
if [ -n "$PGPORT" ]; then export PGPORT; else unset PGPORT; fi
export PGDATABASE=postgres PGCONNECT_TIMEOUT=60
