# An index on a streaming replica: the same answers there, after every kind of change, and after promotion.
use strict;
use warnings;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nwal_consistency_checking = 'generic'");
$primary->start;
$primary->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/index_data.sql'));
$primary->backup('backup');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($primary, 'backup', has_streaming => 1);
# Replay waits for what a check still looks at.
$replica->append_conf('postgresql.conf', 'max_standby_streaming_delay = -1');
$replica->start;

my $searches = join '', 'SET enable_seqscan = off;', map {
	"SELECT id FROM photos ORDER BY embedding <=> embedding($_) LIMIT 20;"
	  # Which rows are known to be dead, and so what a search comes past, is the primary's alone: without exactness it may
	  # find another row.
	  . "SET clip_pg.exact_search = on; SELECT id FROM photos WHERE category = $_ % 10 ORDER BY embedding <=> embedding($_) LIMIT 20; RESET clip_pg.exact_search;"
	  . "SELECT count(*) FROM photos WHERE clip_within(embedding, embedding($_), 0.1);"
} map { 371 * $_ } 0 .. 19;

sub same_on_replica
{
	my ($name) = @_;
	$primary->wait_for_catchup($replica);
	my $there = $replica->safe_psql('postgres', $searches);
	is($there, $primary->safe_psql('postgres', $searches), "the replica answers alike: $name");
	isnt($there, '', "and does: $name");
	is($replica->safe_psql('postgres', 'SELECT verify()'), '', "the check finds nothing there: $name");
}

$primary->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 2000) n');
$primary->safe_psql('postgres', 'CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding, category)');
same_on_replica('built');
$primary->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(2001, 2500) n');
same_on_replica('inserted');
$primary->safe_psql('postgres', 'UPDATE photos SET embedding = embedding(id + 5000) WHERE category = 1');
same_on_replica('updated');
$primary->safe_psql('postgres', 'UPDATE photos SET category = category + 10 WHERE category = 4');
same_on_replica('a filter column updated');
$primary->safe_psql('postgres', 'DELETE FROM photos WHERE category IN (2, 3)');
same_on_replica('deleted');
$primary->safe_psql('postgres', 'VACUUM photos');
same_on_replica('vacuumed');
$primary->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(6001, 6500) n');
same_on_replica('slots used again');
$primary->safe_psql('postgres', 'INSERT INTO photos SELECT n, 0, embedding(1) FROM generate_series(8001, 8500) n');
same_on_replica('equal vectors');

# What was measured is a part of the definition: so wide a search was never measured, so that it is exact.
$primary->safe_psql('postgres', "ALTER INDEX photos_embedding SET (calibration = 'k=10 rows=2000 8=0.5')");
$primary->wait_for_catchup($replica);
is($replica->safe_psql('postgres', "SET clip_pg.ef_search = 1; SET clip_pg.target_recall = 0.9; SELECT clip_recall('photos_embedding', 10, 5)"),
	'1', 'the replica goes by what was measured');
my (undef, undef, $refused) = $replica->psql('postgres', "\\set VERBOSITY verbose\nSELECT clip_index_calibrate('photos_embedding')");
like($refused, qr/ERROR:  25006: cannot execute clip_index_calibrate\(\) in a read-only transaction/, 'and measures nothing itself');
$primary->safe_psql('postgres', 'ALTER INDEX photos_embedding RESET (calibration)');

# An index that learns its codes by a vacuum.
$primary->safe_psql('postgres', <<'SQL');
TRUNCATE photos;
INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 1200) n;
SQL
same_on_replica('without codes');
$primary->safe_psql('postgres', 'VACUUM photos');
same_on_replica('codes learned');

# Scans on the replica go on while vacuum and its replay take slots away from under them.
$primary->append_conf('postgresql.conf', 'wal_receiver_status_interval = 1');
my $reader = $replica->background_psql('postgres', on_error_stop => 1);
$reader->query_safe('SET enable_seqscan = off');
$reader->query_safe('SET clip_pg.iterative_order = relaxed');
for my $round (1 .. 5)
{
	$primary->safe_psql('postgres', "DELETE FROM photos WHERE id % 5 = $round % 5; VACUUM photos;
		INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(${round}0000, ${round}0400) n");
	like($reader->query_safe('SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> embedding(7) LIMIT 500) s'),
		qr/^500$/, "a scan on the replica beside vacuum: $round");
}
$reader->quit;
same_on_replica('churned');

# Nor does the check take what replay changes under it for damage.
my $churn = $primary->background_psql('postgres');
for my $round (6 .. 12)
{
	$churn->query_until(qr/begun/, "\\echo begun
DELETE FROM photos WHERE id % 5 = $round % 5;
VACUUM photos;
INSERT INTO photos SELECT n, n % 10, embedding(n / 2) FROM generate_series(2${round}0000, 2${round}0400) n;
");
	is($replica->safe_psql('postgres', q(SELECT problems, missing FROM clip_index_check('photos_embedding', heap => true))),
		'{}|0', "the check on the replica beside vacuum: $round");
}
$churn->query_safe('SELECT 1');
$churn->quit;
same_on_replica('churned again');

# Of an unlogged index there are no pages here.
$primary->safe_psql('postgres', 'CREATE UNLOGGED TABLE fleeting (v clip_vector(3)); CREATE INDEX fleeting_v ON fleeting USING clip_hnsw (v)');
$primary->wait_for_catchup($replica);
for my $function (qw(clip_index_check clip_index_info clip_prewarm clip_recall))
{
	my (undef, undef, $stderr) = $replica->psql('postgres', "\\set VERBOSITY verbose\nSELECT $function('fleeting_v')");
	like($stderr, qr/ERROR:  0A000: cannot access unlogged indexes during recovery/, "$function says so");
}

$replica->promote;
$replica->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(90001, 90500) n');
$replica->safe_psql('postgres', 'DELETE FROM photos WHERE category = 5; VACUUM photos');
is($replica->safe_psql('postgres', 'SELECT verify(search => 1)'), '', 'the promoted replica is whole, and finds its rows');

done_testing();
