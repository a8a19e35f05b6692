#!/usr/bin/env bash
# SQL regression tests against the running server that libpq's environment names (`make installcheck`).
. "$(dirname "$0")/../scripts/common.sh"
require_pg_config
pg_regress=$(dirname "$("$PG_CONFIG" --pgxs)")/../test/regress/pg_regress
out=$build/regress
mkdir -p "$out"
# A worker would embed what the tests leave pending.
workers=$("$("$PG_CONFIG" --bindir)/psql" -XAtq -d postgres -c "SELECT current_setting('clip_pg.queue_workers', true)")
[ "${workers:-0}" -eq 0 ] || die "clip_pg.queue_workers is $workers" "Set it to 0 in the server's configuration while the tests run."
cd "$root/tests/regress"
tests=(sql/*.sql)
tests=("${tests[@]#sql/}")
status=0
"$pg_regress" --bindir="$("$PG_CONFIG" --bindir)" --inputdir=. --outputdir="$out" --dbname=clip_pg_regression \
    --load-extension=clip_pg "${tests[@]%.sql}" || status=$?
[ $status -eq 0 ] || cat "$out/regression.diffs"
exit $status
