# A table whose partitions are on other servers: each is asked for its nearest rows only, and may be down.
use strict;
use warnings;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = slurp_file(dirname(__FILE__) . '/index_data.sql');
my ($share) = run_command([ 'pg_config', '--sharedir' ]);
plan skip_all => 'the server was installed without postgres_fdw' unless -e "$share/extension/postgres_fdw.control";

my @shards = map {
	my $shard = PostgreSQL::Test::Cluster->new("shard$_");
	$shard->init;
	$shard->append_conf('postgresql.conf', "log_statement = 'all'");
	$shard->start;
	$shard->safe_psql('postgres', $data);
	my $first = 10_000 * $_;
	$shard->safe_psql('postgres', "INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series($first, $first + 1999) n");
	$shard->safe_psql('postgres', 'CREATE INDEX ON photos USING clip_hnsw (embedding); ANALYZE photos');
	$shard;
} 1 .. 3;

my $node = PostgreSQL::Test::Cluster->new('coordinator');
$node->init;
my $together = $node->pg_version >= 15 ? ", parallel_commit 'true'" : '';
$node->start;
$node->safe_psql('postgres', $data);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION postgres_fdw;
DROP TABLE photos;
CREATE TABLE photos (id integer, category integer, embedding clip_vector(32)) PARTITION BY RANGE (id);
CREATE TABLE photos_here PARTITION OF photos FOR VALUES FROM (0) TO (10000);
INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 500) n;
CREATE INDEX ON photos_here USING clip_hnsw (embedding);
SQL
for my $n (1 .. 3)
{
	my ($host, $port) = ($shards[$n - 1]->host, $shards[$n - 1]->port);
	my ($from, $to) = (10_000 * $n, 10_000 * ($n + 1));
	$node->safe_psql('postgres', <<SQL);
CREATE SERVER shard$n FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '$host', port '$port', dbname 'postgres', extensions 'clip_pg', async_capable 'true'$together, options '-c enable_seqscan=off');
CREATE USER MAPPING FOR CURRENT_USER SERVER shard$n;
CREATE FOREIGN TABLE photos_$n PARTITION OF photos FOR VALUES FROM ($from) TO ($to) SERVER shard$n OPTIONS (table_name 'photos');
SQL
}

# The same vectors in one table.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE all_photos AS SELECT n AS id, n % 10 AS category, embedding(n) AS embedding
FROM (SELECT generate_series(1, 500) UNION ALL SELECT 10000 * s + i FROM generate_series(1, 3) s, generate_series(0, 1999) i) g (n)
SQL

sub search
{
	my ($query, $more) = @_;
	return "SELECT shard, id, distance FROM clip_shard_search('photos', 'embedding', 'id', embedding($query)$more)";
}
# Of rows at equal distances, any may be the last: so distances are compared, and that ids have them.
sub nearest
{
	my ($query, $k, $condition) = @_;
	return $node->safe_psql('postgres', "SELECT round((embedding <=> embedding($query))::numeric, 6) FROM all_photos WHERE $condition ORDER BY 1 LIMIT $k");
}

for my $query (7, 10_003, 21_111, 31_999)
{
	my $found = $node->safe_psql('postgres', 'SELECT round(distance::numeric, 6) FROM (' . search($query, ', 20') . ') s ORDER BY 1');
	is($found, nearest($query, 20, 'true'), "the nearest of all shards: $query");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM (' . search($query, ', 20')
			. ") s JOIN all_photos a ON a.id = s.id::integer WHERE s.distance = a.embedding <=> embedding($query) AND s.shard = CASE WHEN a.id < 10000 THEN 'photos_here' ELSE 'photos_' || a.id / 10000 END::regclass"),
		20, "with their ids and shards: $query");
}
is($node->safe_psql('postgres', 'SELECT round(distance::numeric, 6) FROM (' . search(20_500, ", 15, 'category IN (3, 4)'") . ') s'),
	nearest(20_500, 15, 'category IN (3, 4)'), 'with a condition');

for my $shard (@shards)
{
	my @asked = slurp_file($shard->logfile) =~ /DECLARE c\d+ CURSOR FOR\s+(SELECT .*)/g;
	is(scalar @asked, 9, 'a shard is asked once a search');
	# Where it expects few rows, as with a condition, postgres_fdw fetches all and sorts them here.
	is(scalar(grep { /^SELECT id, embedding FROM public\.photos WHERE .* ORDER BY .* LIMIT 20::bigint$/ } @asked), 8, 'for as many rows as there are to be');
	is($shard->safe_psql('postgres', "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'photos_embedding_idx'"), 8, 'which it finds by its index');
}

# Rights are those of the caller on the partitions.
$node->safe_psql('postgres', 'CREATE ROLE reader; GRANT SELECT ON photos TO reader');
my ($status, $out, $err) = $node->psql('postgres', 'SET ROLE reader; ' . search(7, ''));
like($err, qr/permission denied for (foreign )?table photos_/, 'without rights on a partition');

# A shard that is down, after this session has talked to it.
my $session = $node->background_psql('postgres', on_error_stop => 0);
is($session->query_safe('SELECT count(*) FROM (' . search(7, ', 1000') . ') s'), '1000', 'all shards answer');
$shards[1]->stop('immediate');
$session->query('SELECT count(*) FROM (' . search(7, ', 1000') . ') s');
like($session->{stderr}, qr/ERROR: .*(shard2|server|connection)/, 'one is down: an error');
$session->{stderr} = '';
is($session->query('SELECT count(*), count(*) FILTER (WHERE shard = \'photos_2\'::regclass) FROM (' . search(7, ', 4500, partial => true') . ') s'),
	'4500|0', 'or the rows of the others');
like($session->{stderr}, qr/WARNING:  rows of server "shard2" are missing: it cannot be reached\nDETAIL:  /, 'with a warning');
$session->{stderr} = '';
$shards[1]->start;
is($session->query('SELECT count(*) FROM (' . search(7, ', 6500, partial => true') . ') s'), '6500', 'up again, and asked again');
is($session->{stderr}, '', 'without a warning');
$shards[2]->safe_psql('postgres', 'CREATE TABLE few AS SELECT * FROM photos LIMIT 5');
$node->safe_psql('postgres', "ALTER FOREIGN TABLE photos_3 OPTIONS (SET table_name 'few')");
is($session->query('SELECT count(*) FROM (' . search(7, ', 6500, partial => true') . ') s'), '4505', 'a partition that is another table now');
$session->quit;
$_->stop for @shards;
is($node->safe_psql('postgres', 'SELECT count(*) FROM (' . search(7, ', 6500, partial => true') . ') s'), '500', 'all of them down');

done_testing();
