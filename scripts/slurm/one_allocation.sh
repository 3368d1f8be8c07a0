#!/bin/bash
#SBATCH --job-name=atoll
#SBATCH --ntasks=3  # syncer.ranks and the ranks of all sites
#SBATCH --cpus-per-task=1
#SBATCH --time=24:00:00  # as your queue allows
#SBATCH --output=%x.%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300

# A run in one allocation: sbatch --ntasks=N scripts/slurm/one_allocation.sh DECK [--set key=value]...
# `atoll launch DECK --sbatch` prints the like for one deck, with its number of tasks.
"${ATOLL:-build/release/atoll}" launch "$@" --resume &

# Five minutes before the end of its time the job is sent USR1: atoll saves a checkpoint and leaves with code 75, and
# the job goes back into the queue, where the same script goes on with the run. To end it for good with a checkpoint:
# scancel --batch --signal=TERM JOB. A plain scancel may leave no time for one.
run=$! interrupted=1 cancelled=
trap 'interrupted=1; kill -USR1 "$run"' USR1
trap 'interrupted=1; cancelled=1; kill -USR1 "$run"' TERM
while [ "$interrupted" ]; do interrupted=; wait "$run"; code=$?; done
if [ "$code" = 75 ] && [ ! "$cancelled" ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
