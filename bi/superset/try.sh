#!/bin/sh
# Tries the dashboard in a real Superset, in a folder outside the project. Needs the package registry and 1.5 GB.
#   bi/superset/try.sh FOLDER [DATABASE]     DATABASE as for build.py, by default warehouse/pipeline.duckdb
# It is left running on 127.0.0.1 with user admin, password admin; Ctrl-C ends it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
database=${2:-warehouse/pipeline.duckdb}
port=${PORT:-8088}
ours="$here/../../.venv/bin"
theirs="$folder/venv/bin"

export SUPERSET_HOME="$folder" SUPERSET_CONFIG_PATH="$folder/superset_config.py" FLASK_APP=superset
export SUPERSET_USER=admin SUPERSET_PASSWORD=admin
if ! test -f "$folder/ready"; then
    "${PYTHON:-python3}" -m venv "$folder/venv"
    if test -x "$ours/uv"; then "$ours/uv" pip install -q --python "$theirs/python" -r "$here/requirements.txt"
    else "$theirs/pip" install -q -r "$here/requirements.txt"; fi
    key=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
    printf 'SECRET_KEY = "%s"\nSQLALCHEMY_DATABASE_URI = "sqlite:///%s/superset.db"\nTALISMAN_ENABLED = False\n' \
        "$key" "$folder" > "$SUPERSET_CONFIG_PATH"
    "$theirs/superset" db upgrade
    "$theirs/superset" fab create-admin --username admin --password admin --firstname A --lastname B --email a@example.com
    "$theirs/superset" init
    touch "$folder/ready"
fi
"$theirs/superset" run --host 127.0.0.1 --port "$port" --with-threads &
trap 'kill $!' EXIT INT TERM
until "$ours/python" -c "import sys, urllib.request as u; u.urlopen(sys.argv[1])" "http://127.0.0.1:$port/health" 2>/dev/null
do sleep 1; kill -0 $!; done
"$ours/python" "$here/build.py" "$database" --out "$folder/dealtrail.zip" --into "http://127.0.0.1:$port"
wait
