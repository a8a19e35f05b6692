# Behind PgBouncer in transaction mode, where many clients share a connection that keeps what one of them leaves there.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), "/usr/sbin";
plan skip_all => 'there is no pgbouncer' unless $pgbouncer;

my $node = PostgreSQL::Test::Cluster->new('pooled');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'clip_pg'");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION clip_pg;
CREATE TABLE photos (id integer, caption text, embedding clip_vector(512));
SELECT clip_auto_embed('photos', 'caption', 'embedding', 'clip-mini');
INSERT INTO photos SELECT i, 'picture number ' || i FROM generate_series(1, 50) i;
CREATE INDEX ON photos USING clip_hnsw (embedding);
SQL
$node->poll_query_until('postgres', 'SELECT count(*) = 50 FROM photos WHERE embedding IS NOT NULL') or die 'rows stay pending';

my ($dir, $port) = (PostgreSQL::Test::Utils::tempdir_short(), PostgreSQL::Test::Cluster::get_free_port());
append_to_file("$dir/pgbouncer.ini", <<"INI");
[databases]
postgres = host=${\$node->host} port=${\$node->port} user=${\(scalar getpwuid($<))} pool_size=1
[pgbouncer]
pool_mode = transaction
auth_type = any
listen_addr =
listen_port = $port
unix_socket_dir = $dir
logfile = $dir/log
INI
my $bouncer = IPC::Run::start([ $pgbouncer, "$dir/pgbouncer.ini" ], '>', "$dir/out", '2>', "$dir/err");
my $pooled = "host=$dir port=$port dbname=postgres";
for (1 .. 100)
{
	last if -S "$dir/.s.PGSQL.$port";
	select(undef, undef, undef, 0.1);
}

# A client of its own for each call, all over one connection of the server's.
sub client
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $pooled, '-c', $sql ], '>', \$out, '2>', \$err) or return "failed: $err";
	chomp $out;
	return $out;
}

my $pid = client('SELECT pg_backend_pid()');
like($pid, qr/^\d+$/, 'a client is served');
my $search = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('picture number 7', 'clip-mini')) LIMIT 3) s";
my $alone = $node->safe_psql('postgres', $search);
like($alone, qr/\b7\b/, 'a search finds what it should');
is(client($search), $alone, 'and the same through the pooler') for 1 .. 5;
is(client("BEGIN; SET LOCAL clip_pg.ef_search = 7; SELECT current_setting('clip_pg.ef_search'); COMMIT"), '7', 'a setting for a transaction');
is(client("SELECT current_setting('clip_pg.ef_search')"), '64', 'ends with it');
like(client("SELECT clip_embed_image('broken', 'clip-mini')"), qr/^failed: ERROR/, 'an error');
is(client("INSERT INTO photos VALUES (99, 'one more'); SELECT pg_backend_pid()"), $pid, 'leaves the connection, which it is all the time');
is(client('BEGIN; DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 3) LIMIT 5; FETCH 1 FROM c; COMMIT'),
	'3', 'a cursor in a transaction');
$node->poll_query_until('postgres', 'SELECT embedding IS NOT NULL FROM photos WHERE id = 99') or die 'a row stays pending';
is($node->safe_psql('postgres', 'SELECT count(*) FROM photos WHERE embedding IS NULL'), '0', 'rows inserted through it are embedded');

$bouncer->kill_kill;
$node->stop;
done_testing();
