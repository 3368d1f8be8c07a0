#!/usr/bin/env bash
# Sets up, builds (warnings are errors) and runs every test. The last line is "N passed, N failed".
# Arguments go to ctest: scripts/test.sh -R '^tensor/'
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

result="0 passed, 1 failed"  # what is said if the tests are never reached
trap 'echo "$result"' EXIT

scripts/setup.sh
cmake --preset ci
cmake --build --preset ci --parallel "$(nproc)"

log=build/ci/ctest.log
status=0
ctest --test-dir build/ci --parallel "$(nproc)" --output-on-failure --no-tests=error "$@" | tee "$log" || status=$?

# "97% tests passed, 3 tests failed out of 100"
if [[ $(grep -E '^[0-9]+% tests passed' "$log") =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
  result="$((BASH_REMATCH[2] - BASH_REMATCH[1])) passed, ${BASH_REMATCH[1]} failed"
fi
exit "$status"
