#!/usr/bin/env bash
# demo.sh [NAME]: seals an example application (default: nginx) and shows the manifest. It leaves nothing in the engine
# but the images. Needs an engine (engine.sh) and bin/podseal (make build).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=${1:-nginx}
cd "$ROOT"
scripts/images.sh "$name"
# The command to run is the one that the example's README shows, so that both stay true.
command=$(sed -n 's/^    \(podseal run .*\)/\1/p' "examples/$name/README.md" | head -n 1)
[ -n "$command" ] || die "examples/$name/README.md shows no podseal command"
echo "\$ $command"
PATH="$ROOT/bin:$PATH" bash -c "$command"
