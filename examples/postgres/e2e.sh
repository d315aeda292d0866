#!/usr/bin/env bash
# A table is filled and read back, a sort that does not fit in memory works, and so does the unix socket.
set -euo pipefail
export PGPASSWORD=secret PGCONNECT_TIMEOUT=5
sql() { psql -h "$PODSEAL_HOST" -p "$PODSEAL_PORT" -U postgres -d app -v ON_ERROR_STOP=1 -qAt -c "$1"; }

sql "drop table if exists words; create table words (n int primary key, w text)"
sql "insert into words select n, md5(n::text) from generate_series(1, 60000) n"
[ "$(sql "select n from words where w = md5('4711')")" = 4711 ] || { echo "a row is not found again"; exit 1; }
# 1 MB of memory for 60,000 rows: the sort goes through temporary files.
[ "$(sql "set work_mem = '1MB'; select count(*) from (select w from words order by w offset 0) s")" = 60000 ] ||
  { echo "the sort failed"; exit 1; }
sql "checkpoint"
[ "$(docker exec "$PODSEAL_CONTAINER" psql -U postgres -d app -At -c 'select 1')" = 1 ] ||
  { echo "the unix socket does not answer"; exit 1; }
