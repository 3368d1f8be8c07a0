#!/usr/bin/env bash
# Sets up, builds (warnings are errors), runs every test, and fuzzes each parser for a minute. The last line is
# "N passed, N failed". Arguments go to ctest, and then nothing is fuzzed: scripts/test.sh -R '^tensor/'
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

result="0 passed, 1 failed"  # what is said if the tests are never reached
trap 'echo "$result"' EXIT

scripts/setup.sh tests
cmake --preset ci
cmake --build --preset ci --parallel "$(nproc)"

log=build/ci/ctest.log
status=0
ctest --test-dir build/ci --parallel "$(nproc)" --output-on-failure --no-tests=error "$@" | tee "$log" || status=$?

# "97% tests passed, 3 tests failed out of 100"
if [[ $(grep -E '^[0-9]+% tests passed' "$log") =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
  passed=$((BASH_REMATCH[2] - BASH_REMATCH[1])) failed=${BASH_REMATCH[1]}
  result="$passed passed, $failed failed"
fi

if [ $# -eq 0 ]; then
  fuzz=$(scripts/fuzz.sh 60 | tee >(cat >&2) | tail -n 1) || status=$?
  if [[ $fuzz =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    result="$((${passed:-0} + BASH_REMATCH[1])) passed, $((${failed:-1} + BASH_REMATCH[2])) failed"
  else
    result="${passed:-0} passed, $((${failed:-0} + 1)) failed"  # the targets were not built
  fi
fi
exit "$status"
