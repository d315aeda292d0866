#!/usr/bin/env bash
# Keys are stored, and both kinds of persistence (a snapshot and a log) write to the data folder.
set -euo pipefail
redis() { docker exec "$PODSEAL_CONTAINER" redis-cli "$@" | tr -d '\r'; }

# Through the published port, without a client on the host.
exec 3<>"/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT"
printf 'SET greeting hello\r\nGET greeting\r\nQUIT\r\n' >&3
timeout 10 cat <&3 | tr -d '\r' | grep -qx hello || { echo "the stored key is not read back"; exit 1; }

[ "$(redis save)" = OK ] || { echo "the snapshot failed"; exit 1; }
redis config set appendonly yes >/dev/null
for _ in $(seq 50); do
  state=$(redis info persistence)
  grep -qx 'aof_rewrite_in_progress:0' <<<"$state" && grep -qx 'aof_rewrite_scheduled:0' <<<"$state" && break
  sleep 0.1
done
grep -qx 'aof_last_bgrewrite_status:ok' <<<"$state" || { echo "the log was not written"; exit 1; }
redis config set appendonly no >/dev/null
