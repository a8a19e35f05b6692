#!/usr/bin/env bash
# SQL regression tests against the running server that libpq's environment names (`make installcheck`).
. "$(dirname "$0")/../scripts/common.sh"
require_pg_config
pg_regress=$(dirname "$("$PG_CONFIG" --pgxs)")/../test/regress/pg_regress
out=$build/regress
mkdir -p "$out"
cd "$root/tests/regress"
tests=(sql/*.sql)
tests=("${tests[@]#sql/}")
status=0
"$pg_regress" --bindir="$("$PG_CONFIG" --bindir)" --inputdir=. --outputdir="$out" --dbname=clip_pg_regression \
    --load-extension=clip_pg "${tests[@]%.sql}" || status=$?
[ $status -eq 0 ] || cat "$out/regression.diffs"
exit $status
