#!/bin/sh
# The night for cron: its settings from the file that is given, all it says into a log, and its exit status.
# It prints only where the night was not published, so that cron's mail is a message that something has to be done.
set -eu
settings=${1:-/etc/dealtrail.env}
cd "$(dirname "$0")/.."
set -a
. "$settings"
set +a
log=${DEALTRAIL_LOG:-/var/log/dealtrail/night.log}
mkdir -p "$(dirname "$log")"
before=$(wc -c 2>/dev/null <"$log" || echo 0)
status=0
.venv/bin/dealtrail nightly >>"$log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
    echo "Dealtrail: the night ended with exit status $status; its log, $log, ends with:"
    tail -c +"$((before + 1))" "$log" | tail -n 40
fi
exit "$status"
