#!/bin/bash
#SBATCH --job-name=glan-run
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@1200        # twenty minutes before the end the run stops, and writes what is finished
#
# One run that asks the fleet of serve.sh. Its ledger lies on the local disk of the node, where a ledger must lie; a copy
# of it is brought there first and taken back at the end. To copy two million replies takes some ten minutes.
#
#     sbatch run.sh PROJECT LEDGER_COPY [LIST_OF_SERVERS]
set -u
project=$1
copy=$2
list=${3:-}                         # where it is given, the first server in it is waited for
local_disk=${TMPDIR:-/tmp}/glan-$SLURM_JOB_ID
ledger=$local_disk/ledger.sqlite
mkdir -p "$local_disk"

# A job that Slurm begins again on the same node finds its ledger there, mostly with more than the copy has. Where the
# copy is newer, the job was elsewhere meanwhile: the copy holds then, and what it lacks is taken from that ledger. And
# where the copy cannot be read nothing is asked: a new ledger would be paid for from the start, and take its place.
if [ "$copy" -nt "$ledger" ] && [ "$copy" -nt "$ledger-wal" ]; then
    glan ledger restore "$copy" --force --project "$project" --ledger "$ledger" || exit 1
    for older in "$ledger"-replaced-*[0-9]; do
        [ ! -e "$older" ] || glan ledger import "$older" --project "$project" --ledger "$ledger"
    done
fi

keep() {                            # a whole copy takes the place of the old one in one step
    glan ledger backup "$copy.new" --force --project "$project" --ledger "$ledger" && mv "$copy.new" "$copy"
}

until [ -z "$list" ] || [ -s "$list" ]; do sleep 5; done
glan run --project "$project" --ledger "$ledger" &
run=$!
trap 'kill -TERM "$run"' TERM       # a wait ends for it, and no other command
since=$SECONDS
while kill -0 "$run" 2> /dev/null; do
    sleep 5 & wait $!
    if [ $((SECONDS - since)) -ge "${KEEP_EVERY_S:-900}" ]; then
        keep & copying=$!
        while kill -0 "$copying" 2> /dev/null; do wait "$copying"; done
        since=$SECONDS
    fi
done
wait "$run"
code=$?
keep && rm -rf "$local_disk"        # what is in the copy takes no more room here
exit "$code"
