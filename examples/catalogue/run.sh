#!/usr/bin/env bash
# The catalogue on a throw-away server, with the pictures of PyPI's scikit-image or those below $IMAGES.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/common.sh"
. "$here/../../scripts/cluster.sh"
images=${IMAGES:-$build/scikit-image}
[ -d "$images" ] || die "no such folder: $images" "Name a folder with pictures: make catalogue IMAGES=/path/to/pictures"
venv catalogue "$here/requirements.txt"

say "Starting a throw-away server"
cluster_start "shared_preload_libraries = 'clip_pg'"
# The server reads the files, so they go where its user may.
mkdir "$cluster/pictures"
cp -RL "$images/." "$cluster/pictures/"
[ ${#run_as[@]} -eq 0 ] || chown -R postgres: "$cluster/pictures"
run_sql() { psql -qX -o /dev/null -v ON_ERROR_STOP=1 "$@"; }
run_sql -f "$here/schema.sql"
# The classes are those beside the pictures or else the subfolders or else, where there are no two, those that come with it.
classes=$images/classes.csv
[ -e "$classes" ] || [ "$(find -L "$images" -mindepth 2 -type f -printf '%h\n' | sort -u | wc -l)" -gt 1 ] ||
    classes=$here/classes.csv
[ ! -e "$classes" ] || run_sql -c 'COPY prompts FROM STDIN (FORMAT csv, HEADER)' <"$classes"
say "Embedding and classifying the pictures of $images"
run_sql -v folder="$cluster/pictures" -f "$here/load.sql"
rm -rf "$cluster/pictures"

say "The catalogue is at http://${LISTEN:=127.0.0.1:8000}/ until Ctrl-C ends it"
PGUSER=catalogue LISTEN=$LISTEN "$venv/bin/python" -B "$here/app.py"
