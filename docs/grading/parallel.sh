#!/bin/bash
# Runs of the lab's tests with GNU parallel, on this machine or on a lab of machines that share a file system.
#
#   docs/grading/parallel.sh              # on this machine
#   docs/grading/parallel.sh --sshlogin a,b,c --workdir "$PWD"
#
# If it is killed, start it again: it doesn't repeat recorded runs.
set -euo pipefail
parts=${PARTS:-16}
mkdir -p results
# Build once, before the parts begin.
cargo lab test -n 1 --seed "${SEED:-1}" --out results/built >results/built.log
seq "$parts" | parallel --joblog results/joblog --resume-failed "$@" \
    "cargo lab test -n ${RUNS:-4000} --seed ${SEED:-1} --strict --jobs 1 --shard {}/$parts --resume --out results/{}"
cargo lab merge $(seq -f 'results/%g/results.jsonl' "$parts")
