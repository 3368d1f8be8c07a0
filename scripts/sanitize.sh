#!/usr/bin/env bash
# The tests of protocol, transport and checkpoints, and of what they stand on, under the address and undefined-behaviour sanitizers
# and then under the thread sanitizer: scripts/sanitize.sh [debug|tsan]. Ten minutes each on two cores, and the building.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh tests
export PMIX_MCA_gds=hash  # its shared memory wants an address that the thread sanitizer has taken
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for preset in ${1:-debug tsan}; do
  cmake --preset "$preset" > /dev/null
  cmake --build --preset "$preset" --target test_base test_protocol test_transport test_checkpoint test_mpi_comm test_mpi_transport abort_job
  ctest --test-dir "build/$preset" --parallel "$(nproc)" --output-on-failure -R '^(base|protocol|transport|checkpoint|mpi_comm|mpi_transport)/'
done
