#!/bin/bash
#SBATCH --job-name=atoll
#SBATCH --nodes=1 --ntasks-per-node=1  # the syncer, which needs no GPU: syncer.ranks tasks
#SBATCH --time=24:00:00  # as your queue allows
#SBATCH --output=%x.%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH hetjob
#SBATCH --nodes=1 --ntasks-per-node=4 --gpus-per-node=4  # the ranks of all sites

# Sites on nodes with GPUs and a syncer on a node without: a copy of this with your numbers of nodes and tasks, then
# sbatch heterogeneous.sh DECK [--set key=value]...

# Open MPI 5's mpirun sees the nodes of the first component only. So it is handed those of all in their order, shards
# first, and a way to start its daemon on one: srun, which must be told to which component a node belongs.
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for ((group = 0; group < SLURM_HET_SIZE; group++)); do
  nodes=SLURM_JOB_NODELIST_HET_GROUP_$group tasks=SLURM_NTASKS_PER_NODE_HET_GROUP_$group
  for node in $(scontrol show hostnames "${!nodes}"); do
    echo "$node slots=${!tasks}" >> "$work/hosts"
    echo "$group" > "$work/group_of_$node"
  done
done
cat > "$work/start_daemon" << END
#!/bin/bash
exec srun --het-group="\$(cat "$work/group_of_\$1")" --nodelist="\$1" --nodes=1 --ntasks=1 \\
  --cpu-bind=none --overlap bash -c "\${*:2}"
END
chmod +x "$work/start_daemon"
export PRTE_MCA_ras=^slurm PRTE_MCA_prte_default_hostfile="$work/hosts"
export PRTE_MCA_plm=ssh PRTE_MCA_plm_ssh_agent="$work/start_daemon"

"${ATOLL:-build/release/atoll}" launch --launcher mpirun "$@" --resume &

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
