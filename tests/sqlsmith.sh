#!/usr/bin/env bash
# Random queries of SQLsmith (Debian's package sqlsmith) against a throw-away server with tables, indexes, queues and models,
# for MINUTES minutes, 60 unless said otherwise: `tests/sqlsmith.sh [MINUTES]`. Fails where the server or a process of it
# crashed, or an internal error (XX000) came from clip_pg, and prints all internal errors.
. "$(dirname "$0")/../scripts/common.sh"
. "$(dirname "$0")/../scripts/cluster.sh"
minutes=${1:-60}
if ! command -v sqlsmith >/dev/null; then
    command -v apt-get >/dev/null || die "sqlsmith is missing" "Install it from https://github.com/anse1/sqlsmith."
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends sqlsmith
fi
cluster_start
as_server tee -a "$cluster/data/postgresql.conf" >/dev/null <<CONF
shared_preload_libraries = 'clip_pg'
clip_pg.queue_naptime = 10s
# SQLSTATE first; where an error came from is told by verbosity.
log_line_prefix = '%e '
log_error_verbosity = verbose
log_min_error_statement = error
max_locks_per_transaction = 256
CONF
as_server "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w restart >/dev/null
psql -qX -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION clip_pg;
-- What SQLsmith may do to itself is no news; what it may do to the server is not asked for.
CREATE ROLE smith LOGIN;
GRANT CREATE ON SCHEMA public TO smith;
REVOKE EXECUTE ON FUNCTION pg_sleep(double precision), pg_cancel_backend(integer), pg_terminate_backend(integer, bigint) FROM PUBLIC;
SET ROLE smith;
CREATE TABLE photos (id int PRIMARY KEY, institution text, taken timestamptz, title text, v clip_vector(32), w clip_vector);
INSERT INTO photos SELECT n, 'house ' || n % 7, now() - n * interval '1 day', 'picture of ' || n % 50,
    array(SELECT (random() - 0.5 + 0 * n)::real FROM generate_series(1, 32))::clip_vector,
    array(SELECT (random() - 0.5 + 0 * n)::real FROM generate_series(1, 8 + n % 3))::clip_vector
FROM generate_series(1, 3000) n;
CREATE INDEX ON photos USING clip_hnsw (v);
CREATE INDEX ON photos USING clip_hnsw (v clip_l2_ops) WHERE id % 3 = 0;
CREATE INDEX ON photos USING clip_hnsw ((l2_normalize(v)::clip_vector(32)) clip_ip_ops);
CREATE INDEX ON photos (w);
CREATE TABLE parts (id int, house int, v clip_vector(16)) PARTITION BY LIST (house);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE INDEX ON parts USING clip_hnsw (v clip_l2_ops);
INSERT INTO parts SELECT n, n % 3, array(SELECT (random() + 0 * n)::real FROM generate_series(1, 16))::clip_vector
FROM generate_series(1, 900) n;
CREATE TABLE captions (id int PRIMARY KEY, caption text, queued clip_vector(512), at_once clip_vector(512));
SELECT clip_auto_embed('captions', 'caption', 'queued', 'clip-mini', 'queue');
SELECT clip_auto_embed('captions', 'caption', 'at_once', 'clip-mini');
INSERT INTO captions SELECT n, 'a harbour in the snow, number ' || n FROM generate_series(1, 40) n;
CREATE INDEX ON captions USING clip_hnsw (queued);
CREATE VIEW near AS SELECT p.id, s.* FROM photos p, LATERAL (SELECT o.id AS other, o.v <=> p.v AS distance FROM photos o
    ORDER BY o.v <=> p.v LIMIT 5) s;
RESET ROLE;
ANALYZE;
SQL
say "Random queries for $minutes minutes"
end=$((SECONDS + minutes * 60)) rounds=0
while [ $SECONDS -lt $end ]; do
    rounds=$((rounds + 1))
    # It ends by itself where the server takes its connection away.
    timeout $((end - SECONDS)) sqlsmith --target="host=$PGHOST port=$PGPORT dbname=postgres user=smith" --exclude-catalog \
        --seed=$((rounds + ${SEED:-0})) >>"$cluster/smith" 2>&1 || true
    grep -qE 'PANIC|terminated by signal' "$cluster/log" && break
done
queries=$(grep -cE '^[0-9A-Z]{5} (ERROR|LOG|FATAL)' "$cluster/log" || true)
say "$rounds sessions of SQLsmith, $queries messages in the server's log; the SQLSTATEs of errors:"
grep -oE '^[0-9A-Z]{5} (ERROR|FATAL|PANIC)' "$cluster/log" | sort | uniq -c | sort -rn | head -n 20 || true
internal=$(grep -A 4 -E '^XX[0-9A-Z]{3} (ERROR|FATAL|PANIC)' "$cluster/log" || true)
[ -z "$internal" ] || echo "$internal" | head -n 60
status=0
if grep -E 'PANIC|terminated by signal|TRAP:' "$cluster/log"; then status=1; fi
# Rust's source files are told by their names; the server's own internal errors are not ours.
if grep -E '^XX[0-9A-Z]{3} LOCATION: .*\.rs' "$cluster/log"; then status=1; fi
psql -qXAt -c "SELECT c.oid::regclass, k.problems FROM pg_class c JOIN pg_am a ON a.oid = c.relam AND a.amname = 'clip_hnsw',
    LATERAL clip_index_check(c.oid::regclass, heap => true) k WHERE c.relkind = 'i' AND (k.problems <> '{}' OR k.missing > 0)" |
    grep . && status=1
exit $status
