#!/usr/bin/env bash
# release.sh [OS/ARCH...]: builds podseal for these platforms (default: all of a release) into dist/, or where DIST says,
# with a file of checksums. Each carries what runs inside containers for both architectures.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
dist=${DIST:-$ROOT/dist}
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
mkdir -p "$dist"
rm -f "$dist"/podseal-* # of another version, maybe
for platform in "$@"; do
  say "building $platform"
  out=$dist/podseal-${platform/\//-}
  case $platform in windows/*) out=$out.exe ;; esac
  scripts/build.sh "$out" "$platform" amd64 arm64
done
(cd "$dist" && sha256sum podseal-* >SHA256SUMS)
