#!/usr/bin/env bash
# tools.sh: installs the commands that the examples and the tests use on the host, if they are missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need go golang
need git git
need patch patch
need curl curl
need psql postgresql-client
need busybox busybox-static
need chromium chromium # for the tests of the HTML report
