#!/usr/bin/env bash
# test.sh: runs the tests that need a cluster: on the one of KUBECONFIG, else on one that it brings up and removes again.
#
# A cluster of yours needs the images that the tests make: set PODSEAL_TEST_LOAD to a command that reads an archive of docker save
# on stdin and loads it into every node, for example "kind load image-archive /dev/stdin".
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
here=$ROOT/scripts/cluster
if [ -z "${KUBECONFIG:-}" ]; then
  check_machine
  "$here/build.sh"
  trap '"$here/down.sh"' EXIT
  KUBECONFIG=$("$here/up.sh")
  export KUBECONFIG PODSEAL_TEST_LOAD="$here/load.sh"
fi
need busybox busybox-static # of the images that the tests make
cd "$ROOT"
CI=true go test -race -shuffle=on -timeout 40m -tags cluster ${TESTS:-./internal/cluster/... ./internal/doctor/... ./internal/batch}
