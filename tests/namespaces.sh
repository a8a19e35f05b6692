#!/usr/bin/env bash
# `clip_shard_search` over three shards, the server of each in a network namespace of its own: what it finds, with one that is
# stopped, and with one whose answers get lost on the way, which no server on this machine can show otherwise. It takes root and
# iproute2; ends with a count.
. "$(dirname "$0")/../scripts/common.sh"
. "$(dirname "$0")/../scripts/cluster.sh"
skip() {
    say "Skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit
}
require_pg_config
[ -e "$("$PG_CONFIG" --sharedir)/extension/postgres_fdw.control" ] || skip "the server was installed without postgres_fdw"
id=clip_pg_$$
[ "$(id -u)" -eq 0 ] && ip netns add "$id" 2>/dev/null || skip "network namespaces take root and iproute2"
# The coordinator is in $id, shards are in $id-1 to $id-3.
remove() {
    local data n
    for data in "$cluster"/data*; do
        as_server "$bin/pg_ctl" -D "$data" -m immediate stop >/dev/null 2>&1 || true
    done
    for n in "" -1 -2 -3; do ip netns delete "$id$n" 2>/dev/null || true; done
    cluster_remove
}
cluster_prepare
trap remove EXIT

# server NUMBER NAMESPACE: in its namespace, at the socket with that number
server() {
    as_server cp -R "$cluster/template" "$cluster/data$1"
    as_server tee -a "$cluster/data$1/postgresql.conf" >/dev/null <<CONF
listen_addresses = '*'
port = $((5432 + $1))
unix_socket_directories = '$cluster/socket'
fsync = off
shared_buffers = 32MB
CONF
    echo "host all all 192.0.2.0/24 trust" | as_server tee -a "$cluster/data$1/pg_hba.conf" >/dev/null
    start "$1" "$2"
}
start() {
    (cd "$cluster" && ip netns exec "$2" "${run_as[@]}" "$bin/pg_ctl" -D "data$1" -l "log$1" -w start >/dev/null) ||
        { cat "$cluster/log$1" >&2; die "server $1 did not start"; }
}
sql() { # sql NUMBER: runs what comes in, and prints what comes out, on the server
    timeout 120 psql -XAtq -p $((5432 + $1)) 2>&1
}

say "Starting four servers"
as_server "$bin/initdb" -D "$cluster/template" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
ip -n "$id" link set lo up
server 0 "$id"
sql 0 <"$root/tests/recovery/t/index_data.sql"
sql 0 <<'SQL'
DROP TABLE photos;
CREATE TABLE photos (id integer, category integer, embedding clip_vector(32)) PARTITION BY RANGE (id);
CREATE EXTENSION postgres_fdw;
SQL
for n in 1 2 3; do
    ip netns add "$id-$n"
    ip -n "$id" link add "shard$n" type veth peer name coordinator netns "$id-$n"
    ip -n "$id" address add "192.0.2.$((4 * n + 1))/30" dev "shard$n"
    ip -n "$id-$n" address add "192.0.2.$((4 * n + 2))/30" dev coordinator
    ip -n "$id" link set "shard$n" up
    ip -n "$id-$n" link set coordinator up
    server "$n" "$id-$n"
    sql "$n" <"$root/tests/recovery/t/index_data.sql"
    sql "$n" <<SQL
INSERT INTO photos SELECT i, i % 10, embedding(i) FROM generate_series(10000 * $n, 10000 * $n + 999) i;
CREATE INDEX ON photos USING clip_hnsw (embedding);
ANALYZE photos;
SQL
    sql 0 <<SQL
CREATE SERVER shard$n FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.$((4 * n + 2))', port '$((5432 + n))', dbname 'postgres',
    extensions 'clip_pg', async_capable 'true', connect_timeout '2', tcp_user_timeout '500');
CREATE USER MAPPING FOR CURRENT_USER SERVER shard$n;
CREATE FOREIGN TABLE photos_$n PARTITION OF photos FOR VALUES FROM ($((10000 * n))) TO ($((10000 * (n + 1))))
    SERVER shard$n OPTIONS (table_name 'photos');
SQL
done

passed=0 failed=0
is() { # is NAME GOT EXPECTED
    if [ "$2" = "$3" ]; then
        echo "ok - $1"
        passed=$((passed + 1))
    else
        printf 'not ok - %s\ngot:\n%s\nexpected:\n%s\n' "$@"
        failed=$((failed + 1))
    fi
}

search="clip_shard_search('photos', 'embedding', 'id', embedding(20500), 10"
own=$(for n in 1 2 3; do
    sql "$n" <<<'SELECT round((embedding <=> embedding(20500))::numeric, 6), id FROM photos ORDER BY embedding <=> embedding(20500) LIMIT 10'
done | sort -n | head -n 10 | cut -d'|' -f1)
is "the nearest of all shards" "$(sql 0 <<<"SELECT round(distance::numeric, 6) FROM $search)")" "$own"

# Each in a session that has searched before, and in a new one.
without="\\set VERBOSITY sqlstate
SELECT count(*) FROM $search);
\\set VERBOSITY default
SELECT count(*), count(*) FILTER (WHERE shard = 'photos_2'::regclass) FROM $search, partial => true);"
missing='10|0
WARNING:  rows of server "shard2" are missing: it cannot be reached'
found() { grep -v '^DETAIL' | sort; }
refused="ERROR:  08001
$missing"
is "one is stopped" "$(sql 0 <<SQL | found
SELECT 'before', count(*) FROM $search);
\\! cd $cluster && ${run_as[@]} $bin/pg_ctl -D data2 -m immediate stop >/dev/null
$without
SQL
)" "$(printf '%s\nbefore|10\n' "$refused" | sort)"
is "one is stopped, and has never answered" "$(sql 0 <<<"$without" | found)" "$(sort <<<"$refused")"

start 2 "$id-2"
# It hears, and is not heard.
is "the answers of one get lost" "$(sql 0 <<SQL | found
SELECT 'before', count(*) FROM $search);
\\! ip -n $id-2 route add blackhole 192.0.2.9/32
$without
SQL
)" "$(printf '%s\nbefore|10\n' "$refused" | sort)"
is "the answers of one get lost, and have never come" "$(sql 0 <<<"$without" | found)" "$(sort <<<"$refused")"
ip -n "$id-2" route delete blackhole 192.0.2.9/32
is "it is heard again" "$(sql 0 <<<"SELECT count(*) FROM $search, partial => true)")" 10

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
