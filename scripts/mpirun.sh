#!/usr/bin/env bash
# mpirun as atoll wants it on one machine: one thread a rank, no binding, more ranks than cores allowed, shared memory and TCP.
# Usage: scripts/mpirun.sh -n 3 build/release/atoll train inputs/quickstart.toml
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
mpirun="${ATOLL_MPIRUN:-$root/.venv/bin/mpirun}"
[ -x "$mpirun" ] || mpirun=mpirun
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
shared_memory=sm  # Open MPI 4 has it under another name
[[ "$("$mpirun" --version)" != *") 4."* ]] || shared_memory=vader
# A job that was killed leaves a folder named by its process id; Open MPI 5 refuses to start where it finds one of its own.
rm -rf "${TMPDIR:-/tmp}/ompi.$$"
exec "$mpirun" --oversubscribe --bind-to none --mca pml ob1 --mca btl "self,$shared_memory,tcp" "$@"
