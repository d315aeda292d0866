# Shared by the scripts: where the project is, how they speak, and how they install what a machine lacks.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

# can_install tells whether this is Debian or Ubuntu and we are root: the only case in which a script changes the machine.
can_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -qsE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

# install PACKAGE...: from the distribution, saying so.
install() {
  say "installing $* with apt-get"
  local log
  log=$(mktemp)
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 15 "$log" >&2
    rm -f "$log"
    die "apt-get could not install $*; install it by hand and run this again"
  fi
}

# need COMMAND PACKAGE...: makes sure that a command is there.
need() {
  command -v "$1" >/dev/null && return
  can_install || die "$1 is missing; install it (Debian and Ubuntu: apt-get install ${*:2}) and run this again"
  install "${@:2}"
}
