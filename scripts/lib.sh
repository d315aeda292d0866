# lib.sh: functions of the scripts: the project's folder, messages, installation of missing programs.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

# can_install reports whether this is Debian or Ubuntu and we are root. Only then a script changes the machine.
can_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -qsE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

# install PACKAGE...: installs packages of the distribution.
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

# need COMMAND PACKAGE...: installs packages if a command is missing.
need() {
  command -v "$1" >/dev/null && return
  can_install || die "$1 is missing; install it (Debian and Ubuntu: apt-get install ${*:2}) and run this again"
  install "${@:2}"
}
