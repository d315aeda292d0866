#!/usr/bin/env bash
# build.sh OUT OS/ARCH [LINUXARCH...]: builds podseal for a platform, with what it puts into containers of Linux engines of
# these architectures embedded (default: the platform's own). See docs/tracing.md. .goreleaser.yaml builds releases with
# the same flags.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
out=$1 platform=$2
shift 2
[ $# -gt 0 ] || set -- "${platform#*/}"
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unknown)}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

scripts/sensors.sh "$TMP" "$@"
CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -ldflags "-s -w -X main.version=$version" \
  -tags embed_sensor -overlay "$TMP/overlay.json" -o "$out" ./cmd/podseal
