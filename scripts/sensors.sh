#!/usr/bin/env bash
# sensors.sh FOLDER LINUXARCH...: builds the program that runs in containers for these architectures of Linux, and
# FOLDER/overlay.json, with which the compiler of podseal embeds them (-tags embed_sensor -overlay). See docs/tracing.md.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
folder=$1
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
export CGO_ENABLED=0

# The compiler sees the programs in internal/trace/sensors, where podseal embeds them; no file is made there.
replace=
for arch in "$@"; do
  GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$folder/$arch" ./cmd/podseal-inside
  replace+=${replace:+, }$(printf '"%s/internal/trace/sensors/podseal-linux-%s": "%s"' "$ROOT" "$arch" "$folder/$arch")
done
printf '{"Replace": {%s}}\n' "$replace" >"$folder/overlay.json"
