#!/usr/bin/env bash
#SBATCH --job-name=tfsent
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
#SBATCH --open-mode=append
#
# One task a machine, which computes on all of its GPUs:
#
#     sbatch deploy/slurm/train.sh --preset paper-4096 --data.source SHARDS --out RUN
#
# Flags are those of scripts/train.py; SHARDS and RUN lie where every machine sees them.
# SLURM_TASK_COMMAND=... replaces the command of a task, such as one in a container.
#
# Two minutes before its time is over the run is saved. It is queued again until it has
# ended, and goes on from its last checkpoint; so it does when a machine has failed.
set -euo pipefail

cd "${SLURM_SUBMIT_DIR:-.}"
command=${SLURM_TASK_COMMAND:-python scripts/train.py}

# Tasks in blocks: TensorFlow counts workers machine by machine. A task that ends
# otherwise than with 0 ends the others.
status=0
# shellcheck disable=SC2086  # the command is several words
srun --distribution=block --kill-on-bad-exit=1 \
    $command "$@" --distribution.strategy multiworker || status=$?

# 143: stopped by the signal above, and saved.
if [[ $status == 143 && -n ${SLURM_JOB_ID:-} ]]; then
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
fi
exit "$status"
