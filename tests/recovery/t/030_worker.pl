# The background worker that runs models for all sessions: shared, set up anew, with several models, on a standby.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
# Compiling queries takes 20 MB of a session, where memory is measured below.
$node->append_conf('postgresql.conf', "max_connections = 120\njit = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION clip_pg');

# Texts and pictures, alone and in arrays.
my $everything = <<'SQL';
SELECT clip_embed_text('a cat'), clip_embed_text('', 'clip-mini');
SELECT clip_embed_texts(ARRAY(SELECT repeat('word ' || n, n) FROM generate_series(1, 20) n) || NULL::text);
SELECT clip_embed_images(ARRAY(SELECT image FROM pictures ORDER BY n));
SELECT clip_embed_image(image) FROM pictures ORDER BY n;
SELECT * FROM clip_classify_image((SELECT image FROM pictures WHERE n = 1), clip_classifier('{red,blue}'));
SELECT clip_query(texts => '{a car,red}', minus_texts => '{blue}');
SQL
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE pictures AS
SELECT n, decode('47494638376102000200810000' || lpad(to_hex(n * 12345), 6, '0') || '0000000000000000002c0000000002000200000806000108041010003b', 'hex') AS image
FROM generate_series(1, 20) n;
CREATE VIEW embedded AS SELECT n, clip_embed_text('text ' || n) AS text, clip_embed_image(image) AS image FROM pictures;
CREATE TABLE alone AS SELECT * FROM embedded;
CREATE ROLE somebody;
GRANT SELECT ON pictures TO somebody;
SQL

sub stat_of { return $node->safe_psql('postgres', "SELECT $_[0] FROM clip_worker_stats") }

sub embeds
{
	my ($name) = @_;
	is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('$name'))"), '512', $name);
}

note 'without the worker';
is(stat_of('count(*)'), '0', 'no statistics');
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'clip_pg'
clip_pg.worker_seats = 4
CONF
$node->restart;

note 'shared by sessions';
worker($node);
is(stat_of('requests'), '0', 'the worker has done nothing');
is($node->safe_psql('postgres', 'SELECT max(a.text <=> b.text) < 1e-5 AND max(a.image <=> b.image) < 1e-5 FROM alone a JOIN embedded b USING (n)'),
	't', 'embeds as sessions do by themselves');
my $shared = $node->safe_psql('postgres', $everything);
is($node->safe_psql('postgres', $everything), $shared, 'and again, partly from memory');
is($node->safe_psql('postgres', 'SELECT loaded FROM clip_models WHERE built_in'), 'worker', 'in the worker');
is(stat_of('batches > 0 AND mean_batch_size > 1 AND inference_time > 0 AND memo_hits > 0 AND restarts = 0 AND started_at > pg_postmaster_start_time()'),
	't', 'counted');
my @pictures = map { $node->safe_psql('postgres', "SELECT clip_embed_image(image) FROM pictures WHERE n = $_") } 1 .. 8;
my @sessions = start($node, 8, sub {
	my ($n) = @_;
	return join('', map { "SELECT vector_dims(clip_embed_text('text $n $_'));\n" } 1 .. 30) . "SELECT clip_embed_image(image) FROM pictures WHERE n = $n;\n";
});
finish(@sessions);
is(join('', map { $_->{err} } @sessions), '', '8 sessions at once on 4 seats');
is(scalar(grep { /^512$/ } map { split /\n/, $_->{out} } @sessions), 240, 'every call has its result');
is(scalar(grep { index($sessions[ $_ - 1 ]{out}, "\n$pictures[ $_ - 1 ]\n") >= 0 } 1 .. 8), 8, 'which is its own');
is($node->safe_psql('postgres', "SELECT state, query, datname IS NULL FROM pg_stat_activity WHERE backend_type = 'clip_pg worker'"),
	'idle|waiting for requests|t', 'shown by pg_stat_activity');
my $endless = "SELECT count(clip_embed_texts(ARRAY(SELECT repeat('word ' || n || ' ' || %d, 70) FROM generate_series(1, 20000) n)));\n";
@sessions = start($node, 3, sub { sprintf $endless, $_[0] });
ok($node->poll_query_until('postgres',
	"SELECT state = 'active' AND query ~ '^embedding texts: \\d, model: clip-mini\$' FROM pg_stat_activity WHERE backend_type = 'clip_pg worker'"),
	'with what it does');
my $began = time;
embeds("call $_ beside sessions that embed thousands") for 1 .. 5;
cmp_ok(time - $began, '<', 20, 'is not kept waiting');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%clip_embed_texts%' AND pid <> pg_backend_pid()");
finish(@sessions);

note 'errors are for the one at fault';
my ($errors, $output) = session($node, "SELECT clip_embed_text(repeat('x', 65537))", "SELECT clip_embed_text(repeat('x', 65536)) IS NOT NULL",
	"SELECT clip_embed_text('a', 'none')", "SELECT clip_embed_image('x')", "SET clip_pg.model_directory = '/nowhere'", "SELECT vector_dims(clip_embed_text('built in'))");
is_deeply($errors, [qw(54000 42704 22P03)], 'errors');
is_deeply($output, [ 't', '512' ], 'and a long text');

note 'settings';
my $pid = worker($node);
$node->safe_psql('postgres', 'ALTER SYSTEM SET clip_pg.worker_threads = 1');
$node->reload;
$node->poll_query_until('postgres', "SELECT clip_embed_text('on one thread ' || random()) IS NOT NULL");
my @before = glob "/proc/$pid/task/*";
$node->safe_psql('postgres', 'ALTER SYSTEM SET clip_pg.worker_threads = 4');
$node->reload;
$node->poll_query_until('postgres', "SELECT clip_embed_text('on four ' || random()) IS NOT NULL");
my @after = glob "/proc/$pid/task/*";
is(@after - @before, 3, 'a reload changes the number of threads') if -d '/proc/self/task';
is(worker($node), $pid, 'of the same worker');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET clip_pg.worker_threads');
$node->reload;

note 'several models';
my $models = PostgreSQL::Test::Utils::tempdir();
my $built_in = $node->config_data('--sharedir') . '/extension/clip_pg/models/clip-mini';
for my $name ('first', 'second')
{
	PostgreSQL::Test::RecursiveCopy::copypath($built_in, "$models/$name");
	$node->safe_psql('postgres', "SELECT clip_register_model('$name', '$models/$name', '{\"prefix\": \"$name \"}')");
}
my $loaded = "SELECT string_agg(name, ' ' ORDER BY name) FROM clip_models WHERE loaded = 'worker'";
$node->safe_psql('postgres', "SELECT clip_embed_text('x', 'first'), clip_embed_text('x', 'second'), clip_embed_text('fresh')");
is($node->safe_psql('postgres', $loaded), 'clip-mini first second', 'side by side');
$node->safe_psql('postgres', "ALTER SYSTEM SET clip_pg.model_memory = '1MB'");
$node->reload;
$node->poll_query_until('postgres', "SELECT clip_embed_text('y' || random(), 'second') IS NOT NULL AND (SELECT count(*) FROM clip_models WHERE loaded = 'worker') <= 1");
is($node->safe_psql('postgres', $loaded), 'second', 'those not used are unloaded where memory is short');
is($node->safe_psql('postgres', "SELECT clip_embed_text('a cat') <=> clip_embed_text('a cat', 'first') > 0"), 't', 'a text is remembered by model');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET clip_pg.model_memory');
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('clip_pg.model_memory') = '4GB'");
embeds('a model is loaded again');

note 'models that go and come';
my $first = $node->safe_psql('postgres', "SELECT clip_embed_text('x1', 'first')");
PostgreSQL::Test::Utils::system_or_bail('mv', "$models/first", "$models/moved");
($errors, $output) = session($node, "SELECT vector_dims(clip_embed_text('x2', 'first'))", "SELECT clip_embed_image(image, 'first') FROM pictures WHERE n = 1",
	"SELECT vector_dims(clip_embed_text('x3', 'second'))");
is_deeply($output, [ '512', '512' ], 'what is loaded runs when its files are gone');
is_deeply($errors, ['58P01'], 'what is not is an error');
my ($status, $stdout, $stderr) = $node->psql('postgres', "SET ROLE somebody; SELECT clip_embed_image(image, 'first') FROM pictures WHERE n = 1");
like($stderr, qr/ERROR:  model file "onnx\/vision_model.onnx" is missing\nHINT:/, 'that names no path');
my $misses = stat_of('memo_misses');
$node->safe_psql('postgres', "SELECT clip_unregister_model('first')");
($errors) = session($node, "SELECT clip_embed_text('x1', 'first')");
is_deeply($errors, ['42704'], 'a model that is not registered is not remembered');
$node->safe_psql('postgres', "SELECT clip_register_model('first', '$models/moved', '{\"prefix\": \"first \"}')");
is($node->safe_psql('postgres', "SELECT clip_embed_text('x1', 'first')"), $first, 'registered again it is the same');
is(stat_of('memo_misses'), $misses, 'with what was remembered');
is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_image(image, 'first')) FROM pictures WHERE n = 1"), '512', 'and runs from its new place');
is(worker($node), $pid, 'the worker lives');

note 'a registry that only a session knows';
my $own = PostgreSQL::Test::Utils::tempdir();
($errors, $output) = session($node, "SET clip_pg.model_directory = '$own/own'",
	"SELECT clip_register_model('second', '$models/second', '{\"prefix\": \"own \"}')", "SELECT vector_dims(clip_embed_text('x', 'second'))",
	"SELECT loaded FROM clip_models WHERE name = 'second'", "SELECT clip_unregister_model('second')", "SELECT clip_embed_text('x', 'second')");
is_deeply($output, [ '', '512', 'worker' ], 'is the one that its models are from');
is_deeply($errors, ['42704'], 'for as long as they are registered');
($errors) = session($node, "SET clip_pg.model_directory = '$own" . ('/' . 'x' x 200) x 5 . "'",
	"SELECT clip_register_model('far', '$models/second')", "SELECT clip_embed_text('x', 'far')");
is_deeply($errors, ['55000'], 'unless its path is too long to tell the worker');

note 'many sessions';
SKIP:
{
	skip 'needs /proc', 1 unless -e '/proc/self/smaps_rollup';
	my $private = sub {
		my ($prepare) = @_;
		my @many = start($node, 64, sub { "$prepare\nSELECT 'ready', pg_backend_pid();\nSELECT pg_sleep(1000);\n" });
		for my $session (@many) { $session->{run}->pump until $session->{out} =~ /^ready\|(\d+)$/m; $session->{out} =~ /^ready\|(\d+)$/m; $session->{pid} = $1 }
		my $sum = 0;
		for my $session (@many)
		{
			my $rollup = slurp_file("/proc/$session->{pid}/smaps_rollup");
			$sum += $_ for $rollup =~ /^Private_\w+:\s+(\d+) kB$/mg;
		}
		$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid()");
		finish(@many);
		return $sum;
	};
	# A BMP file of 2000 x 1500 pixels: 9 MB, which are in memory three times over while it is embedded.
	$node->safe_psql('postgres', "CREATE TABLE large AS SELECT decode('424d00000000000000003600000028000000d0070000dc05000001001800'
		|| repeat('00', 24) || repeat('507f6a', 3000000), 'hex') AS image");
	my $plain = $private->('SELECT count(*) FROM pictures;');
	my $embedding = $private->("SELECT count(clip_embed_image(image)) FROM pictures; SELECT clip_embed_image(image) IS NOT NULL FROM large;
		SELECT count(clip_embed_text('many ' || n)) FROM generate_series(1, 20) n;");
	cmp_ok($embedding - $plain, '<=', 64 * 3 * 1024, '64 sessions share one model');
}

note 'a standby';
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $everything), $shared, 'embeds');
is($standby->safe_psql('postgres', 'SELECT loaded FROM clip_models WHERE built_in'), 'worker', 'by a worker of its own');
my $of_standby = $standby->safe_psql('postgres', 'SELECT pid FROM clip_worker_stats');
$standby->promote;
is($standby->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('promoted')) FROM clip_worker_stats WHERE pid = $of_standby"),
	'512', 'which stays when it is promoted');
$standby->stop;

note 'settings that take a restart';
$node->append_conf('postgresql.conf', "clip_pg.seat_payload = '64kB'\nclip_pg.worker_seats = 1\nclip_pg.text_memo = 0");
$node->restart;
($errors, $output) = session($node, 'SELECT clip_embed_image(image) FROM pictures WHERE n = 1', "SELECT cardinality(clip_embed_texts('{a,b,c}'))",
	"SELECT clip_embed_text(repeat('x', 65536)) IS NOT NULL");
is_deeply($errors, ['54000'], 'an image that is larger than a seat');
is_deeply($output, [ '3', 't' ], 'texts are not, on a single seat either');
embeds('a text without memo') for 1 .. 2;
is(stat_of('memo_hits'), '0', 'is not remembered');
$node->stop;

note 'single-user mode';
my ($in, $out) = ("SELECT vector_dims(clip_embed_text('alone'))\n", '');
IPC::Run::run([ 'postgres', '--single', '-D', $node->data_dir, 'postgres' ], '<', \$in, '>', \$out, '2>', \my $err);
like($out, qr/vector_dims = "512"/, 'embeds by itself');

my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|exited with exit code (?![01]\b)/, 'no process crashed');
unlike($log, qr/panicked at|PANIC/, 'nothing panicked');

done_testing();
