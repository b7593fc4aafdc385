#!/usr/bin/env bash
#SBATCH --job-name=tfsent-twin
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
#SBATCH --open-mode=append
#
# The PyTorch twin: torchrun on every machine starts a process for each of its GPUs.
#
#     sbatch deploy/slurm/train_twin.sh --preset paper-4096 --data.source SHARDS --out RUN
#
# Otherwise as train.sh. PROCESSES_PER_NODE is needed where there are no GPUs.
set -euo pipefail

cd "${SLURM_SUBMIT_DIR:-.}"
processes=${PROCESSES_PER_NODE:-${SLURM_GPUS_ON_NODE:-1}}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)  # reads all of it, as head would not

status=0
srun --kill-on-bad-exit=1 torchrun \
    --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "$processes" \
    --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d \
    --rdzv-endpoint "$first:${RENDEZVOUS_PORT:-29400}" \
    scripts/train_twin.py "$@" --distribution.strategy multiworker || status=$?

if [[ $status == 143 ]]; then
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
fi
exit "$status"
