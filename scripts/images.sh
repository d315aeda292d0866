#!/usr/bin/env bash
# images.sh [NAME...]: builds the example applications (default: all) as podseal-example/NAME:latest, on a Debian base
# that is made here too, so that no registry is needed. An image whose folder has not changed is not built again. A NAME
# with a slash is the folder of another image, from the project's root: images that only tests use.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export DOCKER_BUILDKIT=0 # the classic builder: the only one that every engine has without a plugin
BASE=podseal-example/debian:bookworm
LABEL=podseal-example.hash
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

have() { [ "$(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$1" 2>/dev/null)" = "$2" ]; }

base() {
  docker image inspect "$BASE" >/dev/null 2>&1 && return
  if ! can_install; then
    say "pulling debian:bookworm-slim as $BASE (no root on Debian or Ubuntu here to make it locally)"
    docker pull -q debian:bookworm-slim >/dev/null && docker tag debian:bookworm-slim "$BASE"
    return
  fi
  need mmdebstrap mmdebstrap
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || install debian-archive-keyring
  say "making $BASE with mmdebstrap"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg bookworm "$TMP/base.tar"
  docker import "$TMP/base.tar" "$BASE" >/dev/null
}

# hash DIR: of the files that make the image, names and modes included, and of the example that it is made from.
hash() {
  (cd "$1" && { sed -n 's/^FROM \(podseal-example\/[a-z-]*\)$/\1/p' Dockerfile | xargs -r docker image inspect --format '{{.Id}}'; find . -type f ! -name README.md ! -name e2e.sh -printf '%m %p\0' | sort -z | while IFS= read -r -d '' f; do
    printf '%s ' "$f"
    sha256sum <"${f#* }"
  done; } | sha256sum | cut -d' ' -f1)
}

folder() { # folder NAME: where its Dockerfile is
  case $1 in */*) echo "$ROOT/$1" ;; *) echo "$ROOT/examples/$1" ;; esac
}

# context NAME: the folder to build in. An example with Go source is compiled here, statically, for the engine.
context() {
  local dir
  dir=$(folder "$1")
  [ -e "$dir/main.go" ] || { echo "$dir"; return; }
  cp -r "$dir" "$TMP/${1##*/}"
  (cd "$dir" && GOOS=linux GOARCH=$(docker version --format '{{.Server.Arch}}') CGO_ENABLED=0 GOFLAGS= go build -trimpath -o "$TMP/${1##*/}/server" .)
  echo "$TMP/${1##*/}"
}

build() {
  local name=$1 image=podseal-example/${1##*/}:latest dir log=$TMP/${1##*/}.log sum
  [ -e "$(folder "$name")/Dockerfile" ] || die "no example $name: there are $(cd "$ROOT/examples" && ls -d */ | tr -d /\\n | sed 's,/, ,g')"
  sum=$(hash "$(folder "$name")")
  have "$image" "$sum" && return
  say "building $image"
  dir=$(context "$name")
  if ! docker build --network host --force-rm --label "$LABEL=$sum" -t "$image" "$dir" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    die "docker build of $name failed; the end of its output is above"
  fi
}

[ $# -gt 0 ] || set -- $(cd "$ROOT/examples" && for f in */Dockerfile; do dirname "$f"; done)
base
for name in "$@"; do build "$name"; done
