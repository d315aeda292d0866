#!/usr/bin/env bash
# The page is served, a 2 MB upload goes through the proxy, and what does not exist is a 404.
set -euo pipefail
url=http://$PODSEAL_HOST:$PODSEAL_PORT

grep -q 'nginx serves this page' <<<"$(curl -fsS "$url/")" || { echo "the page is not served"; exit 1; }
answer=$(head -c 2000000 /dev/zero | curl -fsS --data-binary @- "$url/upload") || { echo "the upload failed"; exit 1; }
[ "$answer" = "received 2000000 bytes" ] || { echo "the upload was cut: $answer"; exit 1; }
status=$(curl -s -o /dev/null -w '%{http_code}' "$url/no-such-page")
[ "$status" = 404 ] || { echo "a missing page is a $status"; exit 1; }
