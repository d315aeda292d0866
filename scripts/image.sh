#!/usr/bin/env bash
# image.sh NAME: builds podseal's own container image NAME for the engine's platform. The CA certificates are those of this
# machine, or of the file that CA_CERTIFICATES names.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
name=$1
certificates=${CA_CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
[ -s "$certificates" ] || die "$certificates does not exist: name a file of CA certificates in CA_CERTIFICATES"
context=bin/image
rm -rf "$context"
mkdir -p "$context"
scripts/build.sh "$context/podseal" "$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}')"
cp "$certificates" "$context/ca-certificates.crt"
chmod 0644 "$context/ca-certificates.crt"
chmod 0755 "$context/podseal"
docker build -q -t "$name" -f image/Dockerfile "$context"
