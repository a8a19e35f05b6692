#!/usr/bin/env bash
# Measures the background worker in two throw-away servers, one with it and one whose sessions load models themselves:
#
#   benches/worker.sh [memory] [throughput] [texts] [connections]
#
# `make setup all` comes first; `tests/run.sh parity` makes the virtual environment of the reference. What is measured
# and what it is held against is told in benches/worker.py.
. "$(dirname "$0")/../scripts/common.sh"
. "$(dirname "$0")/../scripts/cluster.sh"
cluster_start
private=$cluster/private
as_server "$bin/initdb" -D "$private" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
as_server cp "$cluster/data/postgresql.conf" "$private/"
as_server tee -a "$cluster/data/postgresql.conf" >/dev/null <<<"shared_preload_libraries = 'clip_pg'"
trap 'as_server "$bin/pg_ctl" -D "$private" -m immediate stop >/dev/null 2>&1 || true; cluster_remove' EXIT
as_server "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w restart >/dev/null
as_server "$bin/pg_ctl" -D "$private" -o '-p 5433' -l "$cluster/log" -w start >/dev/null
mkdir "$cluster/models"
PARITY_DIR=$cluster/models PRIVATE_PORT=5433 "$build/parity-venv/bin/python" "$root/benches/worker.py" "$@"
