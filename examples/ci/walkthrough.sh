#!/usr/bin/env bash
# walkthrough.sh: what a project does with podseal in CI, from the first podseal.yaml to a release that behaves otherwise. Needs
# podseal on the PATH, an engine, git and the images (scripts/images.sh nginx redis examples/ci/api examples/ci/api-audit).
# It works in a copy of this folder and leaves nothing in the engine.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"; docker rmi podseal-example/ci-api >/dev/null 2>&1' EXIT

step() { printf '\n# %s\n' "$*"; }
# expect CODE COMMAND...: runs a command and ends the walkthrough if it exits otherwise.
expect() {
  local want=$1 got=0
  shift
  printf '$ %s\n' "$*"
  "$@" || got=$?
  [ "$got" = "$want" ] || { echo "exit code $got, where $want was expected"; exit 1; }
}
release() { docker tag "podseal-example/$1" podseal-example/ci-api; }

release api
cp "$here/compose.yaml" "$work"
cd "$work"

step "A podseal.yaml for the services of the Compose file"
expect 0 podseal init compose.yaml
expect 0 podseal config verify

step "With e2e commands: seal all services, and commit the manifests with their seals"
cp "$here/podseal.yaml" .
expect 0 podseal run --quiet
expect 0 git -c init.defaultBranch=main init -q .
git add . && git -c user.name=ci -c user.email=ci@example.com commit -qm "Seal the shop"

step "In each pull request, without an engine"
expect 0 podseal check --quiet

step "The next release of the API starts to write an audit log"
release api-audit
expect 5 podseal check --rerun --quiet api
expect 5 podseal compare --quiet podseal-example/api podseal-example/api-audit -- \
  sh -c 'curl -fsS "$PODSEAL_URL/healthz"'

step "Seal the new release: its manifest has the mount that it needs"
expect 0 podseal run --quiet api
expect 0 podseal check --rerun --quiet api
git --no-pager diff --unified=0 -- api.sealed.yaml
