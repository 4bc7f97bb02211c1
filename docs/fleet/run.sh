#!/bin/bash
#SBATCH --job-name=glan-run
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@300         # five minutes before the end the run stops, and writes what is finished
#
# One run that asks the fleet of serve.sh. Its ledger lies on the local disk of the node, where a ledger must lie; a copy
# of it is brought there first and taken back at the end.
#
#     sbatch run.sh PROJECT LEDGER_COPY
set -u
project=$1
copy=$2
local_disk=${TMPDIR:-/tmp}/glan-$SLURM_JOB_ID
ledger=$local_disk/ledger.sqlite
mkdir -p "$local_disk"

# A job that Slurm begins again on the same node finds its ledger there, with more than the copy has. And where the copy
# cannot be read nothing is asked: a new ledger would be paid for from the start, and take the place of the copy.
if [ -e "$copy" ] && [ ! -e "$ledger" ]; then
    glan ledger restore "$copy" --project "$project" --ledger "$ledger" || exit 1
fi

keep() {                            # a whole copy takes the place of the old one in one step
    glan ledger backup "$copy.new" --force --project "$project" --ledger "$ledger" && mv "$copy.new" "$copy"
}

glan run --project "$project" --ledger "$ledger" &
run=$!
trap 'kill -TERM "$run"' TERM
since=$SECONDS
while kill -0 "$run" 2> /dev/null; do
    sleep 5 & wait $!
    if [ $((SECONDS - since)) -ge "${KEEP_EVERY_S:-900}" ]; then keep; since=$SECONDS; fi
done
wait "$run"
code=$?
keep
exit "$code"
