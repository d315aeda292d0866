#!/usr/bin/env bash
# bases.sh [NAME...]: builds the stand-ins for base images of scripts/bases (default: all) as podseal-base/NAME:latest,
# with no registry. It builds only those that have changed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export DOCKER_BUILDKIT=0
DIR=$ROOT/scripts/bases
LABEL=podseal-base.hash
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# busybox FILE: a static BusyBox with adduser and addgroup, which Debian's own package leaves out, from Debian's source.
# It takes a while, so it is kept in a separate image.
busybox() {
  local id
  if ! docker image inspect podseal-base/busybox >/dev/null 2>&1; then
    mkdir "$TMP/busybox"
    compile "$TMP/busybox/busybox"
    printf 'FROM scratch\nCOPY busybox /busybox\n' >"$TMP/busybox/Dockerfile"
    docker build -q -t podseal-base/busybox "$TMP/busybox" >/dev/null
  fi
  id=$(docker create podseal-base/busybox /busybox)
  docker cp -q "$id:/busybox" "$1" 2>/dev/null || docker cp "$id:/busybox" "$1"
  docker rm "$id" >/dev/null
}

compile() {
  can_install || die "a BusyBox is built from Debian's source package: run this as root on Debian or Ubuntu"
  need gcc gcc libc6-dev
  need make make
  need bzip2 bzip2
  say "building BusyBox from its source package"
  mkdir -p "$TMP/apt/parts" "$TMP/apt/lists/partial" "$TMP/src"
  [ ! -e /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$TMP/apt/parts/src.list"
  for f in /etc/apt/sources.list.d/*.sources; do
    [ ! -e "$f" ] || sed 's/^Types:.*/Types: deb-src/' "$f" >"$TMP/apt/parts/$(basename "$f")"
  done
  (
    cd "$TMP/src"
    apt=(apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$TMP/apt/parts" -o "Dir::State::lists=$TMP/apt/lists" -o APT::Sandbox::User=root)
    "${apt[@]}" update && "${apt[@]}" source --download-only busybox
    tar xf busybox_*.orig.tar.* && cd busybox-*/
    make -s allnoconfig >/dev/null
    for o in STATIC BUSYBOX FEATURE_INSTALLER LONG_OPTS SHADOWPASSWDS FEATURE_SHADOWPASSWDS ADDUSER ADDGROUP FEATURE_ADDUSER_TO_GROUP ASH SH_IS_ASH \
      BASENAME CAT CHGRP HEAD CHMOD CHOWN CP DIRNAME ECHO ENV FALSE GREP ID INSTALL LN LS MKDIR MV PRINTF RM SED SLEEP STAT TEST TOUCH TRUE; do
      sed -i "/CONFIG_$o[ =]/d" .config && echo "CONFIG_$o=y" >>.config
    done
    for o in LAST_ID=60000 FIRST_SYSTEM_ID=100 LAST_SYSTEM_ID=999; do
      sed -i "/CONFIG_${o%=*}[ =]/d" .config && echo "CONFIG_$o" >>.config
    done
    { yes "" || true; } | make -s oldconfig >/dev/null 2>&1
    make -s -j2 busybox >make.log 2>&1 || { tail -n 15 make.log >&2; exit 1; }
    cp busybox "$1"
  ) || die "BusyBox could not be built; the reason is above"
}

# context: the folder to build in.
context() {
  cp -r "$DIR" "$TMP/context"
  mkdir -p "$TMP"/context/alpine/{bin,sbin,usr/bin,usr/sbin,root,home,tmp,var}
  busybox "$TMP/context/alpine/bin/busybox"
  local applet
  for applet in $("$TMP/context/alpine/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$TMP/context/alpine/bin/$applet"
  done
}

sum=$(cd "$DIR" && find . -type f | sort | xargs sha256sum "$ROOT/scripts/bases.sh" | sha256sum | cut -d' ' -f1)
have() { [ "$(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "podseal-base/$1:latest" 2>/dev/null)" = "$sum" ]; }

[ $# -gt 0 ] || set -- $(sed -n 's/^FROM .* AS //p' "$DIR/Dockerfile")
for name in "$@"; do
  have "$name" && continue
  [ -e "$TMP/context" ] || { "$ROOT/scripts/images.sh" scratch && context; }
  say "building podseal-base/$name"
  docker build --force-rm --label "$LABEL=$sum" --target "$name" -t "podseal-base/$name:latest" "$TMP/context" >"$TMP/log" 2>&1 || {
    tail -n 20 "$TMP/log" >&2
    die "docker build of the stand-in $name failed; the end of its output is above"
  }
done
