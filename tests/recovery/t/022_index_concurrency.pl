# Eight clients that insert, update, delete, vacuum and search at once; builds beside writers. PG_TEST_EXTRA=faults goes on for
# minutes.
use strict;
use warnings;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;

my $full = ($ENV{PG_TEST_EXTRA} // '') =~ /\bfaults\b/;
my $seconds = $full ? 180 : 8;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nshared_buffers = 256MB\nmaintenance_work_mem = 256MB");
$node->start;
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/index_data.sql'));
$node->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 3000) n;
	CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding)');

my $dir = PostgreSQL::Test::Utils::tempdir();
my %scripts = (
	insert => "\\set n random(100000, 900000)\nINSERT INTO photos VALUES (:n, :n % 10, embedding(:n)) ON CONFLICT DO NOTHING;",
	equal => "\\set n random(1000000, 9000000)\nINSERT INTO photos VALUES (:n, 1, embedding(:n % 20)) ON CONFLICT DO NOTHING;",
	update => "\\set n random(1, 900000)\nUPDATE photos SET embedding = embedding(id + :n) WHERE id = (SELECT id FROM photos WHERE id >= :n LIMIT 1);",
	touch => "\\set n random(1, 900000)\nUPDATE photos SET category = category + 1 WHERE id = (SELECT id FROM photos WHERE id >= :n LIMIT 1);",
	delete => "\\set n random(1, 9000000)\nDELETE FROM photos WHERE id = (SELECT id FROM photos WHERE id >= :n LIMIT 1);",
	search => "\\set n random(1, 900000)\nSET enable_seqscan = off;\nSELECT id FROM photos ORDER BY embedding <=> embedding(:n) LIMIT 10;",
	filter => "\\set n random(1, 900000)\nSET enable_seqscan = off;\nSELECT id FROM photos WHERE category = 3 ORDER BY embedding <=> embedding(:n) LIMIT 30;",
	vacuum => "VACUUM photos;",
);
my %weights = (insert => 30, equal => 5, update => 10, touch => 10, delete => 25, search => 30, filter => 10, vacuum => 2);

sub pgbench
{
	my ($name, $duration, @which) = @_;
	my @files;
	for my $script (@which)
	{
		append_to_file("$dir/$script.sql", $scripts{$script}) unless -e "$dir/$script.sql";
		push @files, '-f', "$dir/$script.sql\@$weights{$script}";
	}
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', 8, '-j', 2, '-T', $duration, '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
		'>', \$out, '2>', \$err);
	ok($ok, "$name: no client meets an error") or diag($err);
	unlike($out, qr/processed: 0\b/, "$name: clients do something");
}

pgbench('all at once', $seconds, sort keys %scripts);
is($node->safe_psql('postgres', 'SELECT verify()'), '', 'afterwards the index is whole, and finds its rows');
cmp_ok($node->safe_psql('postgres', "SELECT clip_recall('photos_embedding', 10, 100)"), '>=', 0.95, 'recall is kept');

# The log has no word of a panic or a broken invariant.
unlike(slurp_file($node->logfile), qr/PANIC|panicked|TRAP|XX00\d/, 'nothing panicked');

# Vacuum, and searches that queue behind it, wait for some pages of a long search, not for the batches that it looks for:
# those of this one are half of the index each.
$node->safe_psql('postgres', 'CREATE TABLE crowd (id integer, embedding clip_vector(32));
	INSERT INTO crowd SELECT n, embedding(n) FROM generate_series(1, 30000) n;
	CREATE INDEX crowd_embedding ON crowd USING clip_hnsw (embedding)');
my @long = ("SET work_mem = '1GB'", 'SET enable_seqscan = off', 'SET clip_pg.approximate_within = on', 'SET clip_pg.ef_search = 8000');
my $long = 'SELECT count(*) FROM crowd WHERE clip_within(embedding, embedding(7), 2)';
my $watched = <<'SQL';
DO $$
DECLARE
	began timestamptz := clock_timestamp();
BEGIN
	WHILE clock_timestamp() < began + interval '5 seconds' LOOP
		INSERT INTO waits SELECT clock_timestamp() - waitstart FROM pg_locks WHERE locktype = 'page' AND NOT granted;
		PERFORM pg_sleep(0.002);
	END LOOP;
END $$;
SQL
$node->safe_psql('postgres', 'CREATE TABLE waits (lasted interval)');
my @busy = (
	(start($node, 1, sub { join(";\n", @long) . ";\n" . "$long;\n" x 40 })),
	(start($node, 1, sub { "SET enable_seqscan = off;\n" . "SELECT id FROM crowd ORDER BY embedding <=> embedding(9) LIMIT 1;\n" x 4000 })),
	(start($node, 1, sub { join '', map { "DELETE FROM crowd WHERE id % 1000 = $_;\nVACUUM (INDEX_CLEANUP on) crowd;\n" } 1 .. 20 })),
	(start($node, 1, sub { $watched })));
finish(@busy);
is_deeply([ errors(@busy) ], [], 'long searches, vacuums and short searches beside each other');
my ($alone) = $node->safe_psql('postgres', join(';', @long) . ";EXPLAIN (ANALYZE, TIMING off) $long") =~ /Execution Time: ([\d.]+) ms/;
cmp_ok($node->safe_psql('postgres', 'SELECT coalesce(extract(epoch FROM max(lasted)) * 1000, 0) FROM waits'), '<', $alone / 3,
	"nobody waits for a batch of a search that takes $alone ms");
$node->safe_psql('postgres', 'DROP TABLE crowd');

# Churn does not make the index grow without bound.
$node->safe_psql('postgres', 'TRUNCATE photos; INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 2000) n; VACUUM photos');
my $pages = "SELECT pg_relation_size('photos_embedding') / 8192";
my $before;
for my $round (1 .. 12)
{
	$node->safe_psql('postgres', "DELETE FROM photos WHERE id % 4 = $round % 4; VACUUM photos;
		INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(${round}00000, ${round}00499) n");
	$before = $node->safe_psql('postgres', $pages) if $round == 3;
}
cmp_ok($node->safe_psql('postgres', $pages), '<=', 1.1 * $before, 'churn does not make the index grow');
is($node->safe_psql('postgres', 'VACUUM photos; SELECT verify()'), '', 'nor break it');

# CREATE and REINDEX CONCURRENTLY beside writers, with rows that are updated in place (heap-only tuples).
$node->safe_psql('postgres', 'DROP INDEX photos_embedding; ALTER TABLE photos SET (fillfactor = 50); VACUUM FULL photos');
my ($output, $errors) = ('', '');
my $writers = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 4, '-T', $full ? 60 : 6, '-h', $node->host, '-p', $node->port,
		(map { ('-f', "$dir/$_.sql\@$weights{$_}") } qw(insert update touch delete)), 'postgres' ], '>', \$output, '2>', \$errors);
for my $round (1 .. $full ? 5 : 1)
{
	$node->safe_psql('postgres', 'CREATE INDEX CONCURRENTLY photos_embedding ON photos USING clip_hnsw (embedding)') if $round == 1;
	$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY photos_embedding');
}
ok($writers->finish, 'writers go on beside concurrent builds') or diag($errors);
is($node->safe_psql('postgres', "SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid = 'photos_embedding'::regclass"), 't', 'the index is valid');
is($node->safe_psql('postgres', 'SELECT verify()'), '', 'and has every row');
done_testing();
