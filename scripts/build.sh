#!/usr/bin/env bash
# build.sh OUT OS/ARCH [LINUXARCH...]: builds podseal for a platform, with what it puts into containers of Linux engines of
# these architectures embedded (default: the platform's own). See docs/tracing.md.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
out=$1 platform=$2
shift 2
[ $# -gt 0 ] || set -- "${platform#*/}"
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unknown)}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
export CGO_ENABLED=0

# The compiler sees the small programs in internal/trace/sensors, where podseal embeds them; no file is made there.
replace=
for arch in "$@"; do
  GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$TMP/$arch" ./cmd/podseal-inside
  replace+=${replace:+, }$(printf '"%s/internal/trace/sensors/podseal-linux-%s": "%s"' "$ROOT" "$arch" "$TMP/$arch")
done
printf '{"Replace": {%s}}\n' "$replace" >"$TMP/overlay.json"
GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -ldflags "-s -w -X main.version=$version" \
  -tags embed_sensor -overlay "$TMP/overlay.json" -o "$out" ./cmd/podseal
