#!/usr/bin/env bash
# tools.sh [demo]: installs the commands that the examples and the tests use on the host, or those of make demo, if they are
# missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need go golang
need git git
need curl curl
[ "${1:-}" != demo ] || exit 0
need patch patch
need psql postgresql-client
need busybox busybox-static
need chromium chromium # for the tests of the HTML report
