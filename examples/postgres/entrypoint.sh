#!/usr/bin/env bash
# First as root: give the folders to postgres and start again as that user. Then: create the database once, and serve.
set -euo pipefail

if [ "$1" != postgres ]; then exec "$@"; fi

mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" || true
chmod 2775 /run/postgresql || true
if [ "$(id -u)" = 0 ]; then
  chown -R postgres "$PGDATA" /run/postgresql
  exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?set a password for the superuser}"
  initdb --username=postgres --auth-host=scram-sha-256 --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl -o "-c listen_addresses=''" -w start
  createdb --username=postgres "${POSTGRES_DB:-app}"
  pg_ctl -m fast -w stop
fi
exec "$@" -c listen_addresses='*'
