#!/bin/bash
# Runs of the lab's tests on a Slurm cluster: an array of jobs. Each job makes its part of the runs.
#
#   jobs=$(sbatch --parsable docs/grading/slurm.sh)
#   sbatch --dependency=afterany:$jobs --wrap "cargo lab merge results/*/results.jsonl"
#
# `cargo lab` reads SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT by itself. Submit the job in a workspace on a file
# system that all nodes share: the first job builds the tests once, and results of different builds can't be merged.
#SBATCH --job-name=raftlab
#SBATCH --array=0-15
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=00:30:00
#SBATCH --output=results/%a.log
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?}"
exec cargo lab test -n "${RUNS:-4000}" --seed "${SEED:-1}" --strict --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --shard auto --resume --out "results/${SLURM_ARRAY_TASK_ID:?}"
