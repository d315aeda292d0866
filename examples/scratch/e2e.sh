#!/usr/bin/env bash
# A file is stored and read back.
set -euo pipefail
url=http://$PODSEAL_HOST:$PODSEAL_PORT

answer=$(curl -sS -T - "$url/files/note" <<<"remember the milk")
[ "$answer" = "stored 18" ] || { echo "storing a file: $answer"; exit 1; }
[ "$(curl -fsS "$url/files/note")" = "remember the milk" ] || { echo "the file is not read back"; exit 1; }
