#!/usr/bin/env bash
# engine.sh: makes sure that a Docker engine answers: the one that DOCKER_HOST or the current Docker context names. If none
# answers, and this is Debian or Ubuntu and we are root, it installs docker.io and starts dockerd.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

endpoint() { # where the docker client would look
  local host=${DOCKER_HOST:-}
  [ -n "$host" ] || host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
  echo "${host:-unix:///var/run/docker.sock}"
}

version() { timeout 20 docker version --format '{{.Server.Version}}' 2>/dev/null; }

answers() {
  local v
  v=$(version) && [ -n "$v" ] || return 1
  say "Docker engine $v at $(endpoint)"
}

pid= # of the dockerd that was started here, if any

start() { # start SOCKET
  if [ -d /run/systemd/system ] && [ "$1" = /var/run/docker.sock ]; then
    say "starting dockerd with systemctl"
    systemctl start docker || die "systemctl could not start docker: see journalctl -u docker"
    return
  fi
  local log=/var/log/dockerd.log
  say "starting dockerd (log: $log)"
  mkdir -p "$(dirname "$1")"
  setsid nohup dockerd -H "unix://$1" </dev/null >"$log" 2>&1 &
  pid=$!
}

await() {
  for _ in $(seq 60); do
    answers && return
    [ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || break # it has ended
    sleep 1
  done
  [ ! -f /var/log/dockerd.log ] || tail -n 15 /var/log/dockerd.log >&2
  die "dockerd does not answer at $(endpoint); its last lines are above"
}

command -v docker >/dev/null && answers && exit 0
host=$(endpoint)
case $host in
unix://*) ;;
*) die "no Docker engine answers at $host: start it, or unset DOCKER_HOST (docker context use default) to use a local one" ;;
esac
can_install || die "no Docker engine answers at $host: start one (https://docs.docker.com/engine/install/), or set DOCKER_HOST to one that runs"
command -v dockerd >/dev/null && command -v docker >/dev/null || install docker.io iptables
answers && exit 0 # the package may have started it
start "${host#unix://}"
await
