#!/usr/bin/env bash
# tools.sh: makes sure that the commands are there which the examples and their tests use on the host.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need go golang
need git git
need patch patch
need curl curl
need psql postgresql-client
need busybox busybox-static
