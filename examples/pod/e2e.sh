#!/usr/bin/env bash
# The page is there, and the store keeps a key for whoever knows its password.
set -euo pipefail
grep -qx 'welcome to the shop' <<<"$(curl -fsS "$PODSEAL_URL/")"
exec 3<>"/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT_6379"
printf 'AUTH open-sesame\r\nSET greeting hello\r\nGET greeting\r\nQUIT\r\n' >&3
timeout 10 cat <&3 | tr -d '\r' | grep -qx hello || { echo "the stored key is not read back"; exit 1; }
