# Builds in less memory than their rows take: temporary files within their limit, logged, and gone afterwards, however the
# build ends.
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

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
fsync = off
maintenance_work_mem = 1MB
max_parallel_maintenance_workers = 1
log_temp_files = 0
CONF
$node->start;
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/index_data.sql'));
$node->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 12000) n; ANALYZE photos');

# Temporary files there are.
sub files
{
	my @files = glob($node->data_dir . '/base/pgsql_tmp/*');
	return scalar @files;
}

my $parts = $node->safe_psql('postgres', "SELECT parts > 1 AND temporary_bytes > 0 AND memory_bytes < whole_bytes
	FROM clip_build_estimate('photos', 'embedding')");
is($parts, 't', 'the estimate is a build in parts');

my $log = -s $node->logfile;
$node->safe_psql('postgres', 'CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding)');
like(slurp_file($node->logfile, $log), qr/temporary file: path "base\/pgsql_tmp/, 'temporary files are logged');
is($node->safe_psql('postgres', "SELECT verify('photos_embedding', 0.1)"), '', 'an index built in parts is whole');
is(files(), 0, 'and leaves no files');
$node->safe_psql('postgres', 'DROP INDEX photos_embedding');

# What a session is at that builds the index; the build is slowed down by many candidates, not by waiting for time to pass.
my $build = 'CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding) WITH (ef_construction = 1000)';
sub building
{
	my ($session) = start($node, 1, sub { $build });
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase LIKE '%linking nodes'")
	  or die 'no build';
	return $session;
}

my $session = building();
ok(files() > 0, 'a build has files');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index');
finish($session);
is_deeply([ errors($session) ], ['57014'], 'a build in parts is canceled');
is(files(), 0, 'and leaves no files');

$session = building();
crash($node);
finish($session);
ok(files() > 0, 'a killed server leaves files');
$node->start;
is(files(), 0, 'which are gone when it has started again');

my ($errors) = session($node, "SET temp_file_limit = '2MB'", $build);
is_deeply($errors, ['53400'], 'temp_file_limit is kept');
is(files(), 0, 'and no files are left');
is($node->safe_psql('postgres', "SELECT to_regclass('photos_embedding') IS NULL"), 't', 'nor an index');

# Beside writers.
my ($writer) = start($node, 1, sub { 'DO $$ BEGIN FOR n IN 12001 .. 12500 LOOP INSERT INTO photos VALUES (n, 1, embedding(n)); COMMIT; END LOOP; END $$' });
$node->safe_psql('postgres', 'CREATE INDEX CONCURRENTLY photos_embedding ON photos USING clip_hnsw (embedding)');
finish($writer);
is_deeply([ errors($writer) ], [], 'rows are written meanwhile');
is($node->safe_psql('postgres', "SELECT verify('photos_embedding', 0.1)"), '', 'an index built in parts beside writers is whole');
is($node->safe_psql('postgres', 'SELECT count(*) = (SELECT row_count FROM clip_index_info(\'photos_embedding\')) FROM photos'), 't', 'and has all rows');
done_testing();
