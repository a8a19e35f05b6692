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
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmax_prepared_transactions = 1\nshared_buffers = 256MB\nmaintenance_work_mem = 256MB");
$node->start;
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/index_data.sql'));
$node->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 3000) n;
	CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding, category)');

# Fails where the check, beside all the others, takes what they are at for damage.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION assure() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	found record;
BEGIN
	SELECT * INTO found FROM clip_index_check('photos_embedding', heap => true, search => 0.02);
	IF found.missing > 0 OR found.not_found > 1 OR cardinality(found.problems) > 0 THEN
		RAISE '%', found;
	END IF;
END $$;
SQL

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
	check => "SELECT assure();",
);
my %weights = (insert => 30, equal => 5, update => 10, touch => 10, delete => 25, search => 30, filter => 10, vacuum => 2, check => 2);

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
is($node->safe_psql('postgres', 'SELECT verify(search => 1)'), '', 'afterwards the index is whole, and finds its rows');
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

# A vacuum that is told to be gentle sleeps, but not while it keeps others out.
sub start_psql
{
	my ($out, @commands) = @_;
	return IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @commands ], '>', $out, '2>&1');
}
my @gentle = ("SET vacuum_cost_delay = '10ms'", 'SET vacuum_cost_limit = 100');
$node->safe_psql('postgres', 'CREATE TABLE gone (id integer, embedding clip_vector(32));
	INSERT INTO gone SELECT n, embedding(n) FROM generate_series(1, 6000) n;
	CREATE INDEX gone_embedding ON gone USING clip_hnsw (embedding); DELETE FROM gone');
my ($vacuumed, $inserted) = ('', '');
my $vacuum = start_psql(\$vacuumed, @gentle, 'VACUUM gone');
my $insert = start_psql(\$inserted, 'DO $$ BEGIN FOR n IN 1 .. 100 LOOP INSERT INTO gone VALUES (n, embedding(n)); COMMIT; PERFORM pg_sleep(0.02); END LOOP; END $$');
my ($samples, $asleep) = (0, 0);
while ($vacuum->pumpable)
{
	my ($working, $sleeping) = split /\|/, $node->safe_psql('postgres', "SELECT count(DISTINCT a.pid),
		count(*) FILTER (WHERE l.mode = 'ExclusiveLock' AND l.granted AND a.wait_event = 'VacuumDelay')
		FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'page' WHERE a.query LIKE 'VACUUM%'");
	$samples += $working;
	$asleep += $sleeping;
	last unless $working || !$samples;
}
ok($vacuum->finish && $insert->finish, 'a gentle vacuum beside insertions') or diag($vacuumed . $inserted);
cmp_ok($samples, '>', 10, 'it was watched');
is($asleep, 0, 'it does not sleep with a gate closed');
is($node->safe_psql('postgres', "SELECT verify('gone_embedding')"), '', 'an index that was emptied meanwhile is whole');

# A vacuum that is canceled while it writes what it has learned leaves nothing behind.
$node->safe_psql('postgres', 'CREATE TABLE later (embedding clip_vector(128));
	CREATE INDEX later_embedding ON later USING clip_hnsw (embedding) WITH (m = 4, ef_construction = 16);
	INSERT INTO later SELECT array(SELECT sin(n * i * 0.37 + i + n) FROM generate_series(1, 128) i)::clip_vector FROM generate_series(1, 2200) n');
my $leaves = "SELECT basis_bytes, directory_bytes, entries FROM clip_index_info('later_embedding')";
my $canceled = '';
for my $timeout (100, 200, 300, 400, 600)
{
	my $said = '';
	start_psql(\$said, 'SET vacuum_cost_page_hit = 0', 'SET vacuum_cost_page_miss = 0', 'SET vacuum_cost_page_dirty = 200',
		'SET vacuum_cost_limit = 100', "SET vacuum_cost_delay = '40ms'", "SET statement_timeout = '${timeout}ms'", 'VACUUM later')->finish;
	$canceled .= $said;
}
like($canceled, qr/canceling statement/, 'vacuums are canceled');
$node->safe_psql('postgres', 'VACUUM later');
my ($basis, $directory, $entries) = split /\|/, $node->safe_psql('postgres', $leaves);
is($node->safe_psql('postgres', "SELECT verify('later_embedding', search => 0)"), '', 'the next one ends what others began');
$node->safe_psql('postgres', 'REINDEX INDEX later_embedding');
my ($fresh_basis, $fresh_directory, $fresh_entries) = split /\|/, $node->safe_psql('postgres', $leaves);
is($basis, $fresh_basis, 'with as many pages for codes as a new index');
cmp_ok($directory, '<=', 2 * $fresh_directory, 'and for where searches begin');
cmp_ok($entries, '<=', 2 * $fresh_entries, 'which are as many');

# A build gets along without threads where the system has none to give.
SKIP:
{
	skip 'prlimit is not installed', 1 unless IPC::Run::run([ 'prlimit', '--version' ], '>', '/dev/null', '2>&1');
	my ($out, $err) = ('', '');
	my $script = <<'SQL';
SELECT pg_backend_pid() AS pid \gset
\setenv PID :pid
\! prlimit --pid $PID --nproc=1:1
CREATE INDEX alone ON gone USING clip_hnsw (embedding);
SELECT count(*) FROM pg_class WHERE relname = 'alone';
SQL
	$node->safe_psql('postgres', 'INSERT INTO gone SELECT n, embedding(n) FROM generate_series(1001, 4000) n');
	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$script, '>', \$out, '2>', \$err);
	is("$out$err", "1\n", 'a build where no thread can be started');
}

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

# Writers do not wait for a check, nor for who may look into the index and never ends.
$node->safe_psql('postgres', 'CREATE ROLE monitor LOGIN IN ROLE pg_stat_scan_tables');
my $monitor = $node->background_psql('postgres', extra_params => [ '-U', 'monitor' ]);
$monitor->query_safe('BEGIN');
$monitor->query_safe("SELECT clip_index_check('photos_embedding', heap => true), clip_recall('photos_embedding', sample => 1)");
is($node->safe_psql('postgres', "SET lock_timeout = '1s'; INSERT INTO photos VALUES (-1, 1, embedding(1)); SELECT 'written'"), 'written',
	'a check keeps nobody from writing');
$monitor->quit;

# A build takes no row that is dead, though others may see it still; the check does not miss it.
$node->safe_psql('postgres', 'BEGIN; CREATE TABLE other (); PREPARE TRANSACTION \'holds the horizon\'');
$node->safe_psql('postgres', 'DELETE FROM photos WHERE id % 5 = 0; REINDEX INDEX CONCURRENTLY photos_embedding');
is($node->safe_psql('postgres', 'SELECT verify()'), '', 'rows that are dead are not missing');
$node->safe_psql('postgres', 'COMMIT PREPARED \'holds the horizon\'');
done_testing();
