#!/usr/bin/env bash
# release.sh [OS/ARCH...]: builds podseal for these platforms (default: all of a release) into dist/, or where DIST says,
# with a file of checksums. What runs inside containers is always a static Linux binary: a podseal for Linux is one itself;
# the others carry one for each architecture, packed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
dist=${DIST:-$ROOT/dist}
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unknown)}
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
mkdir -p "$dist"

build() { # build OS/ARCH OUT [FLAG...]
  local platform=$1 out=$2
  shift 2
  say "building $platform"
  GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$version" "$@" \
    -o "$out" ./cmd/podseal
}

# sensors packs the Linux binaries, and makes the compiler see them in internal/trace/sensors, where it embeds them.
sensors() {
  [ ! -e "$TMP/overlay.json" ] || return 0
  local arch
  for arch in amd64 arm64; do
    [ -e "$dist/podseal-linux-$arch" ] || build "linux/$arch" "$dist/podseal-linux-$arch"
    gzip -n -9 <"$dist/podseal-linux-$arch" >"$TMP/$arch.gz"
  done
  local dir=$ROOT/internal/trace/sensors/podseal-linux
  printf '{"Replace": {"%s-amd64.gz": "%s/amd64.gz", "%s-arm64.gz": "%s/arm64.gz"}}\n' "$dir" "$TMP" "$dir" "$TMP" >"$TMP/overlay.json"
}

rm -f "$dist"/podseal-* # of another version, maybe
for platform in "$@"; do
  case $platform in
  linux/*)
    out=$dist/podseal-${platform/\//-}
    [ -e "$out" ] || build "$platform" "$out"
    ;;
  windows/*) sensors && build "$platform" "$dist/podseal-${platform/\//-}.exe" -tags embed_sensor -overlay "$TMP/overlay.json" ;;
  *) sensors && build "$platform" "$dist/podseal-${platform/\//-}" -tags embed_sensor -overlay "$TMP/overlay.json" ;;
  esac
done
(cd "$dist" && sha256sum podseal-* >SHA256SUMS)
