#!/bin/bash
#SBATCH --job-name=glan-teacher
#SBATCH --array=1-8                 # so many servers; more can be begun at any time
#SBATCH --gpus=1
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@180         # three minutes before the end the server leaves the list
#SBATCH --requeue
#
# One vLLM server of a fleet: it stands in a list of servers as long as it answers.
#
#     sbatch serve.sh MODEL /shared/me/servers.txt
#
# Each server writes a file of its own beside the list, again and again; the list is made of those that were written in
# the last two minutes. So a server that was killed leaves it too, and nobody has to tidy up.
set -u
model=$1
list=$2
every_s=${EVERY_S:-20}              # seconds between two looks
leave_s=${LEAVE_S:-120}             # seconds that calls under way have to end, once no new ones come

port=$((20000 + SLURM_JOB_ID % 10000))
mine="$list.d/$SLURM_JOB_ID"
mkdir -p "$list.d"

make_list() {
    find "$list.d" -type f -mmin -2 -exec cat {} + > "$list.$SLURM_JOB_ID"
    mv "$list.$SLURM_JOB_ID" "$list"
}

leave() {
    trap '' TERM
    rm -f "$mine"
    make_list
    sleep "$leave_s"
    kill "$server" 2> /dev/null
    wait "$server"
    exit 0
}

vllm serve "$model" --port "$port" &
server=$!
trap leave TERM

while kill -0 "$server" 2> /dev/null; do
    if curl --silent --fail --noproxy '*' --max-time 10 "http://localhost:$port/v1/models" > /dev/null; then
        echo "http://$(hostname):$port/v1" > "$list.$SLURM_JOB_ID"
        mv "$list.$SLURM_JOB_ID" "$mine"
        make_list
    fi
    sleep "$every_s" &
    wait $!                         # a signal ends this at once
done
rm -f "$mine"
make_list
wait "$server"                      # Slurm is told how it ended
