#!/usr/bin/env bash
# A value is stored and read back.
set -euo pipefail
exec 3<>"/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT"
printf 'set greeting 0 60 5\r\nhello\r\nget greeting\r\nquit\r\n' >&3
answer=$(timeout 10 cat <&3 | tr -d '\r')
grep -qx STORED <<<"$answer" || { echo "the value is not stored: $answer"; exit 1; }
grep -qx hello <<<"$answer" || { echo "the value is not read back: $answer"; exit 1; }
