# The background worker that runs models for all sessions: shared, ended, killed, on a standby.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $scripts = PostgreSQL::Test::Utils::tempdir();
my $patience = $PostgreSQL::Test::Utils::timeout_default // 180;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
# Compiling queries takes 20 MB of a session, where memory is measured below.
$node->append_conf('postgresql.conf', "max_connections = 120\nrestart_after_crash = on\njit = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION clip_pg');

# Texts and pictures, alone and in arrays.
my $everything = <<'SQL';
SELECT clip_embed_text('a cat'), clip_embed_text('', 'clip-mini');
SELECT clip_embed_texts(ARRAY(SELECT repeat('word ' || n, n) FROM generate_series(1, 20) n) || NULL::text);
SELECT clip_embed_images(ARRAY(SELECT image FROM pictures ORDER BY n));
SELECT clip_embed_image(image) FROM pictures ORDER BY n;
SELECT * FROM clip_classify((SELECT image FROM pictures WHERE n = 1), '{red,blue}');
SELECT clip_query(texts => '{a car,red}', minus_texts => '{blue}');
SQL
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE pictures AS
SELECT n, decode('47494638376102000200810000' || lpad(to_hex(n * 12345), 6, '0') || '0000000000000000002c0000000002000200000806000108041010003b', 'hex') AS image
FROM generate_series(1, 20) n;
SQL
my $alone = $node->safe_psql('postgres', $everything);

# Runs commands in one session; returns SQLSTATEs of errors and the output of the others.
sub session
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n" . join(";\n", @_) . ';', on_error_stop => 0);
	return ([ $stderr =~ /ERROR:  (\w+)/g ], [ split /\n/, $stdout ]);
}

# Starts sessions that each run what the function given returns for their number.
sub start
{
	my ($count, $commands) = @_;
	my @sessions;
	for my $n (1 .. $count)
	{
		# A file, because nobody feeds a pipe before the session is waited for.
		my $file = "$scripts/$n.sql";
		unlink $file;
		append_to_file($file, $commands->($n));
		my %session = (out => '', err => '');
		$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-v', 'VERBOSITY=sqlstate', '-f', $file ],
			'>', \$session{out}, '2>', \$session{err}, IPC::Run::timeout($patience));
		push @sessions, \%session;
	}
	return @sessions;
}

sub finish { $_->{run}->finish for @_ }

# The worker's process, when there is one.
sub worker
{
	$node->poll_query_until('postgres', 'SELECT count(pid) = 1 FROM clip_worker_stats') or die 'no worker';
	return $node->safe_psql('postgres', 'SELECT pid FROM clip_worker_stats');
}

sub stat_of { return $node->safe_psql('postgres', "SELECT $_[0] FROM clip_worker_stats") }

sub embeds
{
	my ($name) = @_;
	is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('$name'))"), '512', $name);
}

my $texts = sub { my ($n) = @_; join '', map { "SELECT vector_dims(clip_embed_text('text $n $_'));\n" } 1 .. 30 };

note 'without the worker';
is(stat_of('count(*)'), '0', 'no statistics');
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'clip_pg'
clip_pg.worker_seats = 4
CONF
$node->restart;

note 'shared by sessions';
worker();
is(stat_of('requests'), '0', 'the worker has done nothing');
is($node->safe_psql('postgres', $everything), $alone, 'embeds as sessions do by themselves');
is($node->safe_psql('postgres', $everything), $alone, 'and again, from memory');
is($node->safe_psql('postgres', 'SELECT loaded FROM clip_models WHERE built_in'), 'worker', 'in the worker');
is(stat_of('batches > 0 AND mean_batch_size > 1 AND inference_time > 0 AND memo_hits > 0'), 't', 'counted');
my @pictures = map { $node->safe_psql('postgres', "SELECT clip_embed_image(image) FROM pictures WHERE n = $_") } 1 .. 8;
my @sessions = start(8, sub { $texts->($_[0]) . "SELECT clip_embed_image(image) FROM pictures WHERE n = $_[0];\n" });
finish(@sessions);
is(join('', map { $_->{err} } @sessions), '', '8 sessions at once on 4 seats');
is(scalar(grep { /^512$/ } map { split /\n/, $_->{out} } @sessions), 240, 'every call has its result');
is(scalar(grep { index($sessions[ $_ - 1 ]{out}, "\n$pictures[ $_ - 1 ]\n") >= 0 } 1 .. 8), 8, 'which is its own');
is($node->safe_psql('postgres', "SELECT state, datname IS NULL FROM pg_stat_activity WHERE backend_type = 'clip_pg worker'"),
	'idle|t', 'shown by pg_stat_activity');

note 'errors are for the one at fault';
my ($errors, $output) = session("SELECT clip_embed_text(repeat('x', 65537))", "SELECT clip_embed_text(repeat('x', 65536)) IS NOT NULL",
	"SELECT clip_embed_text('a', 'none')", "SELECT clip_embed_image('x')");
is_deeply($errors, [qw(54000 42704 22P03)], 'errors');
is_deeply($output, ['t'], 'and a long text');

note 'canceled more often than there are seats';
my $slow = "SELECT count(clip_embed_texts(ARRAY(SELECT repeat('word ' || n || ' ' || %d, 70) FROM generate_series(1, 20000) n)))";
my $began = time;
($errors, $output) = session("SET statement_timeout = '100ms'", (map { sprintf $slow, $_ } 1 .. 9));
is_deeply($errors, [ ('57014') x 9 ], 'statement_timeout');
cmp_ok(time - $began, '<', 9 * 0.3 + 1, 'ends calls in time');
embeds('seats are free afterwards');
@sessions = start(6, sub { "SELECT 'pid ' || pg_backend_pid();\n" . sprintf($slow, 100 + $_[0]) . ";\n" });
$node->poll_query_until('postgres', "SELECT count(*) = 6 FROM pg_stat_activity WHERE query LIKE '%clip_embed_texts%' AND state = 'active' AND pid <> pg_backend_pid()");
usleep(200_000);
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%clip_embed_texts%' AND pid <> pg_backend_pid()");
finish(@sessions);
is(scalar(grep { $_->{err} =~ /57P01/ } @sessions), 6, 'terminated, some of them while they wait for a seat');
embeds('seats are free after that');

note 'the worker is terminated';
for my $round (1 .. 3)
{
	my $pid = worker();
	@sessions = start(8, sub { $texts->("$round $_[0]") });
	usleep(300_000);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	finish(@sessions);
	my @states = map { $_->{err} =~ /(?:ERROR|FATAL):  (\w+)/g } @sessions;
	is(scalar(grep { $_ ne '58000' } @states), 0, "round $round: no other error");
	is(scalar(@states) + scalar(grep { /^512$/ } map { split /\n/, $_->{out} } @sessions), 240, 'every call has a result or an error');
	embeds("the call after round $round");
}
isnt(stat_of('restarts'), '0', 'counted');
my ($status, $stdout, $stderr) = (0, '', '');
{
	my @session = start(1, sub { "\\set VERBOSITY default\n" . sprintf($slow, 200) . ";\n" });
	usleep(300_000);
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM clip_worker_stats');
	finish(@session);
	like($session[0]{err}, qr/ERROR:  background worker of clip_pg ended.*\nHINT:  It is started again/, 'message');
}

note 'settings';
my $pid = worker();
my @before = glob "/proc/$pid/task/*";
$node->safe_psql('postgres', 'ALTER SYSTEM SET clip_pg.threads = 3');
$node->reload;
embeds('after a reload');
is(worker(), $pid, 'the worker is the same');
$node->poll_query_until('postgres', "SELECT clip_embed_text('reloaded ' || random()) IS NOT NULL");
my @after = glob "/proc/$pid/task/*";
cmp_ok(scalar @after, '>', scalar @before, 'it runs models on more threads') if -d '/proc/self/task';
$node->safe_psql('postgres', 'ALTER SYSTEM RESET clip_pg.threads');
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
$node->safe_psql('postgres', "SELECT clip_embed_text('x1', 'first')");
PostgreSQL::Test::Utils::system_or_bail('rm', '-r', "$models/first");
($errors, $output) = session("SELECT vector_dims(clip_embed_text('x2', 'first'))", "SELECT clip_embed_image(image, 'first') FROM pictures WHERE n = 1",
	"SELECT vector_dims(clip_embed_text('x3', 'second'))");
is_deeply($output, [ '512', '512' ], 'what is loaded runs when its files are gone');
is_deeply($errors, ['58P01'], 'what is not is an error');
is(worker(), $pid, 'the worker lives');

note 'many sessions';
SKIP:
{
	skip 'needs /proc', 1 unless -e '/proc/self/smaps_rollup';
	my $private = sub {
		my ($prepare) = @_;
		my @many = start(64, sub { "$prepare\nSELECT 'ready', pg_backend_pid();\nSELECT pg_sleep(1000);\n" });
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
	my $plain = $private->("SELECT count(*) FROM pictures;");
	my $embedding = $private->("SELECT count(clip_embed_image(image)) FROM pictures; SELECT count(clip_embed_text('many ' || n)) FROM generate_series(1, 20) n;");
	cmp_ok($embedding - $plain, '<=', 64 * 3 * 1024, '64 sessions share one model');
}

note 'the worker is killed';
@sessions = start(8, sub { $texts->("killed $_[0]") });
usleep(200_000);
$pid = worker();
kill 'KILL', $pid;
finish(@sessions);
ok($node->poll_query_until('postgres', "SELECT pid <> $pid FROM clip_worker_stats"), 'the server starts its processes anew');
embeds('after a crash');
is($node->safe_psql('postgres', $everything), $alone, 'as before');

note 'a standby';
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $everything), $alone, 'embeds');
is($standby->safe_psql('postgres', 'SELECT loaded FROM clip_models WHERE built_in'), 'worker', 'by a worker of its own');
my $of_standby = $standby->safe_psql('postgres', 'SELECT pid FROM clip_worker_stats');
$standby->promote;
is($standby->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('promoted')) FROM clip_worker_stats WHERE pid = $of_standby"),
	'512', 'which stays when it is promoted');
$standby->stop;

note 'ends';
@sessions = start(4, sub { sprintf($slow, 300 + $_[0]) . ";\n" });
usleep(300_000);
$node->stop('fast');
finish(@sessions);
$node->append_conf('postgresql.conf', "max_worker_processes = 0\nmax_logical_replication_workers = 0");
$node->start;
($errors, $output) = session("SELECT clip_embed_text('a')");
is_deeply($errors, ['58000'], 'without a process for the worker a call fails');
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal (?!9\b)|exited with exit code (?![012]\b)/, 'no process crashed by itself');
unlike($log, qr/panicked at|PANIC/, 'nothing panicked');

done_testing();
