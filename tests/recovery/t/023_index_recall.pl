# What an index finds: after builds and insertions, after most rows are gone, under filters, with little memory, after a dump.
use strict;
use warnings;
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmaintenance_work_mem = 256MB");
$node->start;
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/index_data.sql'));
$node->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 1000, embedding(n) FROM generate_series(1, 10000) n');

sub recall_at_least
{
	my ($floor, $name, $index) = @_;
	$index //= 'photos_embedding';
	cmp_ok($node->safe_psql('postgres', "SELECT clip_recall('$index', 10, 100)"), '>=', $floor, "recall: $name");
}

for my $class (qw(clip_cosine_ops clip_ip_ops clip_l2_ops))
{
	$node->safe_psql('postgres', "CREATE INDEX built ON photos USING clip_hnsw (embedding $class)");
	recall_at_least(0.95, "$class, built", 'built');
	is($node->safe_psql('postgres', "SELECT unreachable, problems FROM clip_index_check('built', true)"), '0|{}', "$class: whole");
	$node->safe_psql('postgres', 'DROP INDEX built');
}

# Row by row, from nothing.
$node->safe_psql('postgres', 'CREATE TABLE rows (LIKE photos); CREATE INDEX rows_embedding ON rows USING clip_hnsw (embedding);
	INSERT INTO rows SELECT * FROM photos WHERE id <= 3000');
recall_at_least(0.95, 'inserted without codes', 'rows_embedding');
$node->safe_psql('postgres', 'VACUUM rows; INSERT INTO rows SELECT * FROM photos WHERE id BETWEEN 3001 AND 6000');
recall_at_least(0.95, 'inserted with codes', 'rows_embedding');
$node->safe_psql('postgres', 'DROP TABLE rows');

# With too little memory for all rows.
$node->safe_psql('postgres', "SET maintenance_work_mem = '1MB'; SET client_min_messages = error;
	CREATE INDEX small ON photos USING clip_hnsw (embedding)");
recall_at_least(0.95, 'built with little memory', 'small');
is($node->safe_psql('postgres', "SELECT verify('small', 0.1)"), '', 'built with little memory: whole');
$node->safe_psql('postgres', 'DROP INDEX small');

# With less memory than is granted: the build fails, the session goes on.
my $builder = $node->background_psql('postgres', on_error_stop => 0);
# With the library, which takes as much by itself.
$builder->query_safe(q{SELECT '[1]'::clip_vector; SELECT count(*) FROM photos});
my $pid = $builder->query_safe('SELECT pg_backend_pid()');
my ($used) = slurp_file("/proc/$pid/status") =~ /VmSize:\s+(\d+) kB/;
system_or_bail('prlimit', '--pid', $pid, '--as=' . 1024 * ($used + 12_000) . ':unlimited');
$builder->query('SET max_parallel_maintenance_workers = 0; CREATE INDEX small ON photos USING clip_hnsw (embedding)');
like($builder->{stderr}, qr/ERROR:  out of memory/, 'no memory, no index');
like($builder->query('SELECT count(*) FROM photos'), qr/10000/, 'the session goes on');
$builder->quit;

# Filters. Whatever they leave, LIMIT is filled.
$node->safe_psql('postgres', 'CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding)');
for my $filter ([ 'category % 10 = 3', 10 ], [ 'category % 100 = 3', 10 ], [ 'category = 3', 5 ])
{
	my ($condition, $limit) = @$filter;
	my ($short, $found, $wanted) = (0, 0, 0);
	for my $n (map { 397 * $_ } 1 .. 20)
	{
		my $query = "SELECT id FROM photos WHERE $condition ORDER BY embedding <=> embedding($n) LIMIT $limit";
		my @index = split /\n/, $node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; $query");
		my %exact = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', "SET enable_indexscan = off; $query");
		$short++ if @index < $limit;
		$found += grep { $exact{$_} } @index;
		$wanted += $limit;
	}
	is($short, 0, "a filter leaves no gap: $condition");
	cmp_ok($found / $wanted, '>=', 0.9, "a filter keeps recall: $condition");
}

# Nine of ten rows deleted: before vacuum dead rows starve no scan, after it recall recovers and slots are used again.
$node->safe_psql('postgres', 'DELETE FROM photos WHERE id % 10 <> 3');
is($node->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_sort = off;
	SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> embedding(7) LIMIT 50) s'), '50', 'dead rows starve no scan');
recall_at_least(0.95, 'most rows dead');
$node->safe_psql('postgres', 'VACUUM photos');
recall_at_least(0.97, 'most rows gone');
is($node->safe_psql('postgres', 'SELECT verify()'), '', 'most rows gone: whole');
my $size = $node->safe_psql('postgres', "SELECT pg_relation_size('photos_embedding')");
$node->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 1000, embedding(n) FROM generate_series(20001, 28000) n');
is($node->safe_psql('postgres', "SELECT pg_relation_size('photos_embedding')"), $size, 'slots are used again');
recall_at_least(0.95, 'slots used again');

# A cursor goes on after vacuum has taken rows that it has yet to meet.
my $reader = $node->background_psql('postgres', on_error_stop => 1);
$reader->query_safe($_) for ('SET enable_seqscan = off', 'SET enable_sort = off', 'SET clip_pg.ef_search = 10', 'BEGIN',
	'DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY embedding <=> embedding(20005)', 'FETCH 5 FROM c');
$node->safe_psql('postgres', 'DELETE FROM photos WHERE id % 2 = 0; VACUUM photos');
my $rest = () = $reader->query_safe('FETCH 200 FROM c') =~ /^\d+$/mg;
is($rest, 200, 'a cursor goes on after a vacuum');
$reader->quit;

# A dump, restored.
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-j', 2, '-d', $node->connstr('restored'), $file ], 'restore');
like($node->safe_psql('restored', "SELECT pg_get_indexdef('photos_embedding'::regclass)"), qr/USING clip_hnsw \(embedding\)/, 'the index is back');
is($node->safe_psql('restored', 'SELECT verify()'), '', 'and whole');

# An index of another version is refused, with a way out.
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('photos_embedding')");
$node->stop;
open my $pages, '+<:raw', $path or die $!;
seek $pages, 24 + 2, 0;
print $pages chr(99);
close $pages;
$node->start;
my ($status, $out, $err) = $node->psql('postgres', 'SET ignore_checksum_failure = on; SET enable_seqscan = off;
	SELECT id FROM photos ORDER BY embedding <=> embedding(1) LIMIT 1');
like($err, qr/index "photos_embedding" has format version 99.*\n?.*HINT:.*"photos_embedding" with REINDEX/s, 'an index of another version is refused');
$node->safe_psql('postgres', 'REINDEX INDEX photos_embedding');
is($node->safe_psql('postgres', 'SELECT verify()'), '', 'and built again');
done_testing();
