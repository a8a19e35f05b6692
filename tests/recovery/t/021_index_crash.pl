# Killing the postmaster in the midst of a build, insertions and a vacuum: after recovery the index is whole, and every
# committed row is found. PG_TEST_EXTRA=faults kills twenty times each.
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
use Time::HiRes qw(usleep);

my $full = ($ENV{PG_TEST_EXTRA} // '') =~ /\bfaults\b/;
my $times = $full ? 20 : 2;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# Checkpoints in between make full-page images, and recovery begin late.
$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
fsync = off
checkpoint_timeout = 30s
max_wal_size = 64MB
max_parallel_maintenance_workers = 1
CONF
$node->start;
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/index_data.sql'));

# Runs statements in a session until the server is killed, after up to so many milliseconds, and starts it again.
sub kill_during
{
	my ($milliseconds, @statements) = @_;
	my ($out, $errors) = ('', '');
	my @sessions = map {
		IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $_ ], '>', \$out, '2>', \$errors)
	} @statements;
	usleep(1000 * rand($milliseconds));
	crash($node);
	$node->start;
	$_->finish for @sessions;
}

# A build: nothing is left of it.
$node->safe_psql('postgres', 'INSERT INTO photos SELECT n, n % 10, embedding(n) FROM generate_series(1, 4000) n');
for my $time (1 .. $times)
{
	kill_during(1500, 'CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding, category)');
	$node->safe_psql('postgres', 'DROP INDEX IF EXISTS photos_embedding');
}
$node->safe_psql('postgres', 'CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding, category)');
is($node->safe_psql('postgres', 'SELECT verify()'), '', 'builds that were killed');

# Insertions, each row a transaction of its own, into an index with codes and one without.
$node->safe_psql('postgres', 'CREATE TABLE fresh (id integer PRIMARY KEY, embedding clip_vector(32));
	CREATE INDEX fresh_embedding ON fresh USING clip_hnsw (embedding, id)');
my $first = 10_000;
for my $time (1 .. $times)
{
	my $insert = sub {
		my ($table, $columns, $from) = @_;
		return "DO \$\$ BEGIN FOR n IN $from .. $from + 4999 LOOP
			INSERT INTO $table VALUES (n, $columns); COMMIT; END LOOP; END \$\$";
	};
	kill_during(1500,
		$insert->('photos', 'n % 10, embedding(n)', $first),
		$insert->('photos', 'n % 10, embedding(n / 3)', $first + 5000),
		$insert->('fresh', 'embedding(n)', $first));
	$first += 10_000;
	is($node->safe_psql('postgres', "SELECT verify(killed => 2 * $time)"), '', "insertions were killed, with codes: $time");
	is($node->safe_psql('postgres', "SELECT verify('fresh_embedding', killed => $time)"), '', "insertions were killed, without codes: $time");
}

# A vacuum, beside insertions.
for my $time (1 .. $times)
{
	$node->safe_psql('postgres', "DELETE FROM photos WHERE id % 7 = $time % 7");
	kill_during(1000, 'VACUUM photos', 'VACUUM fresh',
		"INSERT INTO photos SELECT n, 1, embedding(n) FROM generate_series($first, $first + 300) n");
	$first += 10_000;
	is($node->safe_psql('postgres', "SELECT verify(killed => 2 * $times + $time)"), '', "a vacuum was killed: $time");
	is($node->safe_psql('postgres', "SELECT verify('fresh_embedding', killed => $times)"), '', "a vacuum that learned was killed: $time");
}
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) photos, fresh');
is($node->safe_psql('postgres', 'SELECT verify(search => 1)'), '', 'the next vacuum goes on');
is($node->safe_psql('postgres', 'SELECT verify(\'fresh_embedding\')'), '', 'and links what insertions that were killed have left');
is($node->safe_psql('postgres', 'SELECT dying_nodes FROM clip_index_info(\'photos_embedding\')'), '0', 'and leaves nothing');

# An unlogged table is empty after a crash, and its index works.
$node->safe_psql('postgres', 'CREATE UNLOGGED TABLE passing AS SELECT id, embedding FROM photos LIMIT 500;
	ALTER TABLE passing ALTER COLUMN embedding TYPE clip_vector(32);
	CREATE INDEX passing_embedding ON passing USING clip_hnsw (embedding)');
crash($node);
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM passing'), '0', 'an unlogged table is empty after a crash');
is( $node->safe_psql('postgres', "INSERT INTO passing SELECT id, embedding FROM photos LIMIT 300; SELECT verify('passing_embedding')"),
	'',
	'and its index takes rows');
done_testing();
