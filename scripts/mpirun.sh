#!/usr/bin/env bash
# mpirun as atoll wants it on one machine: one thread a rank, no binding, more ranks than cores allowed, shared memory and TCP,
# and a job that goes on when a process is lost.
# Usage: scripts/mpirun.sh -n 3 build/release/atoll train inputs/quickstart.toml
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
mpirun="${ATOLL_MPIRUN:-$root/.venv/bin/mpirun}"
[ -x "$mpirun" ] || mpirun=mpirun
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
transports=self,sm,tcp
outlive=(--with-ft ulfm --prtemca state_base_recoverable 1)  # the second is for processes that are started later
if [[ "$("$mpirun" --version)" == *") 4."* ]]; then
  transports=self,vader,tcp
  outlive=()
fi
# A job that was killed leaves a folder named by its process id; Open MPI 5 refuses to start where it finds one of its own.
rm -rf "${TMPDIR:-/tmp}/ompi.$$"
exec "$mpirun" "${outlive[@]}" --oversubscribe --bind-to none --mca pml ob1 --mca btl "$transports" "$@"
