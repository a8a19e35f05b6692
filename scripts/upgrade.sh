#!/usr/bin/env bash
# pg_upgrade from one version of PostgreSQL to another, of a database with all that clip_pg has in one: what
# tests/recovery/t/043_upgrade.pl looks at, between two servers of the matrix.
#
#   scripts/upgrade.sh OLD NEW     major versions
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/matrix-build.sh"
old=${1:?from which version} new=${2:?to which version}

matrix_build "$old"
of_old=("$PG_CONFIG" "$STAGE" "$SERVER_LIBRARIES")
matrix_build "$new"
stage=$STAGE
cluster_prepare
# Its programs are not on PATH: the test has them from the folder that `oldinstall` names.
cluster_add "${of_old[@]}"
cp -R "$root/tests/recovery/t" "$cluster/"
mkdir "$cluster/tmp_check"
[ ${#run_as[@]} -eq 0 ] || chown -R postgres: "$cluster"
say "Upgrading $("${of_old[0]}" --version) to $("$PG_CONFIG" --version)"
as_server env oldinstall="${bin%/bin}" PG_REGRESS=/bin/true TESTDIR="$cluster" TESTDATADIR="$cluster/tmp_check" \
    TESTLOGDIR="$cluster/tmp_check/log" prove -I "$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")/test/perl" --timer t/043_upgrade.pl ||
    { as_server sh -c 'tail -n 50 tmp_check/log/*' || true; die "not all is well after an upgrade from $old to $new"; }
