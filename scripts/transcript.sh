#!/usr/bin/env bash
# transcript.sh: runs the demo and puts what it prints into the README, between the two marks. Needs bin/podseal (make build).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
out=$(mktemp)
trap 'rm -f "$out" "$out.md"' EXIT
scripts/images.sh nginx
scripts/demo.sh >"$out" 2>&1 || { cat "$out" >&2; die "the demo failed (make build comes first); README.md is unchanged"; }
awk -v transcript="$out" '
  /^<!-- transcript/ { print; print ""; while ((getline line < transcript) > 0) print (line == "" ? "" : "    " line); print ""; skip = 1 }
  /^<!-- end of transcript/ { skip = 0 }
  !skip && !/^<!-- transcript/' README.md >"$out.md"
cp "$out.md" README.md
