#!/usr/bin/env bash
# release.sh [GORELEASER FLAGS]: makes a release in dist/ as .goreleaser.yaml says: archives with man pages and completions,
# checksums, a bill of materials for each program, the krew manifest. Without a tag on the commit it is a snapshot. Nothing is
# published unless the flags are "--publish", which needs a tag and the token of the host.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
export PATH=$ROOT/bin/tools:$PATH
flags=(--skip=publish)
case ${1:-} in
--publish)
  shift
  flags=()
  ;;
*) git describe --exact-match --tags HEAD >/dev/null 2>&1 || flags=(--snapshot) ;;
esac
goreleaser release --clean "${flags[@]}" "$@"
