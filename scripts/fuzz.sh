#!/usr/bin/env bash
# fuzz.sh TIME [PATTERN]: runs each fuzz target whose name matches the pattern (default: all) for a time ("30s"). A failure
# leaves its input in testdata/fuzz of the package, where the ordinary tests run it too, and ends the script.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
time=$1 pattern=${2:-.}
git grep -n --untracked '^func Fuzz' -- '*_test.go' | sed -E 's,^(.*)/[^/]*:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*,\1 \2,' | while read -r dir name; do
  [[ $name =~ $pattern ]] || continue
  say "$name in $dir"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "./$dir" </dev/null
done
