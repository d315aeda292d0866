#!/usr/bin/env bash
# load.sh [IMAGE...]: gives the cluster images of the Docker engine; without arguments, those of an archive on stdin.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
if [ $# = 0 ]; then
  images import - >/dev/null
else
  docker save "$@" | images import - >/dev/null
fi
