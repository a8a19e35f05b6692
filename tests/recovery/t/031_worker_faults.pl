# Sessions and the background worker ended at any moment: no call hangs, no seat is lost, no committed row is missing.
# PG_TEST_EXTRA=faults does it twenty times over.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use List::Util qw(sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sessions;
use Test::More;
use Time::HiRes qw(time usleep);

my $rounds = ($ENV{PG_TEST_EXTRA} // '') =~ /\bfaults\b/ ? 20 : 1;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
restart_after_crash = on
shared_preload_libraries = 'clip_pg'
clip_pg.worker_seats = 4
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION clip_pg;
CREATE TABLE pictures AS
SELECT n, decode('47494638376102000200810000' || lpad(to_hex(n * 12345), 6, '0') || '0000000000000000002c0000000002000200000806000108041010003b', 'hex') AS image
FROM generate_series(1, 8) n;
CREATE TABLE done (key text PRIMARY KEY, embedding clip_vector(512));
SQL
my $red = $node->safe_psql('postgres', 'SELECT clip_embed_image(image) FROM pictures WHERE n = 3');

sub embeds
{
	my ($name) = @_;
	is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('$name ' || random())), clip_embed_image(image) = '$red' FROM pictures WHERE n = 3"),
		'512|t', $name);
}

# Calls that each store their result and return its key, for session $n.
my $calls = 30;
sub store
{
	my ($label, $n) = @_;
	return join '', map {
		my $embed = $_ % 5 ? "clip_embed_text('$label $n $_')" : "(SELECT clip_embed_image(image || '\\x$_'::bytea) FROM pictures WHERE n = $n)";
		"INSERT INTO done VALUES ('$label $n $_', $embed) RETURNING key;\n"
	} 10 .. 9 + $calls;
}

# Every key that sessions were given is in the table.
sub kept
{
	my ($name, @sessions) = @_;
	my $keys = join ', ', map { "('$_')" } map { split /\n/, $_->{out} } @sessions;
	is($node->safe_psql('postgres', "SELECT count(*) FROM (VALUES $keys) k (key) WHERE key NOT IN (SELECT key FROM done)"), '0', $name) if $keys;
}

# Work for minutes, unless it is ended.
my $endless = "SELECT count(clip_embed_texts(ARRAY(SELECT repeat('word ' || n || ' ' || %s, 70) FROM generate_series(1, 20000) n)))";
my $busy = "FROM pg_stat_activity WHERE query LIKE '%clip_embed_texts%' AND state = 'active' AND pid <> pg_backend_pid()";
sub wait_for_busy { $node->poll_query_until('postgres', "SELECT count(*) = $_[0] $busy") or die 'sessions do not start' }

note 'canceled more often than there are seats';
my $began = time;
my ($errors) = session($node, "SET statement_timeout = '100ms'", map { sprintf $endless, $_ } 1 .. 9 * $rounds);
is_deeply($errors, [ ('57014') x (9 * $rounds) ], 'statement_timeout');
cmp_ok(time - $began, '<', 9 * $rounds * 0.3 + 1, 'ends calls in time');
my (@delays, @alone);
for my $round (1 .. 5 * $rounds)
{
	my @session = start($node, 1, sub { sprintf($endless, "'canceled $round'") . ';' });
	wait_for_busy(1);
	usleep(rand 100_000);
	$began = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) $busy");
	finish(@session);
	push @delays, time - $began;
	is_deeply([ errors(@session) ], ['57014'], "cancel $round");
	$began = time;
	$node->safe_psql('postgres', 'SELECT 1');
	push @alone, time - $began;
}
@delays = sort { $a <=> $b } @delays;
@alone = sort { $a <=> $b } @alone;
# One psql is started to cancel, and another ends: both take as long as the machine has others to serve.
cmp_ok($delays[ @delays / 2 ], '<', 0.2 + 3 * $alone[ @alone / 2 ], 'pg_cancel_backend');
embeds('seats are free after that');

for my $round (1 .. $rounds)
{
	note 'sessions are terminated';
	my @sessions = start($node, 6, sub { sprintf($endless, "'terminated $round $_[0]'") . ';' });
	wait_for_busy(6);
	usleep(rand 200_000);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $busy");
	finish(@sessions);
	is_deeply([ errors(@sessions) ], [ ('57P01') x 6 ], "round $round: terminated, some of them while they wait for a seat");
	embeds('seats are free after that');

	note 'the worker is terminated';
	for my $attempt (1 .. 3)
	{
		my $pid = worker($node);
		@sessions = start($node, 8, sub { store("ended $round $attempt", $_[0]) });
		usleep(100_000 + rand 300_000);
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		finish(@sessions);
		my @states = errors(@sessions);
		is(scalar(grep { $_ ne '58000' } @states), 0, "round $round, $attempt: no other error");
		is(@states + sum(map { scalar split /\n/, $_->{out} } @sessions), 8 * $calls, 'every call has a result or an error');
		kept('stored as it was told', @sessions);
		embeds('the next call');
	}
	isnt($node->safe_psql('postgres', 'SELECT restarts FROM clip_worker_stats'), '0', 'counted');

	note 'the worker is killed';
	my $pid = worker($node);
	@sessions = start($node, 8, sub { store("killed $round", $_[0]) });
	usleep(100_000 + rand 300_000);
	kill 'KILL', $pid;
	finish(@sessions);
	ok($node->poll_query_until('postgres', "SELECT pid <> $pid FROM clip_worker_stats"), "round $round: the server starts its processes anew");
	kept('what was committed is there', @sessions);
	embeds('the call after a crash');

	note 'all of it at once';
	@sessions = start($node, 12, sub { store("mixed $round", 1 + $_[0] % 8 ) =~ s/'mixed $round/'mixed $round $_[0]/gr });
	for (1 .. 10)
	{
		usleep(rand 100_000);
		my $victim = ('worker', 'session', 'cancel', 'reload')[ rand 4 ];
		my %deed = (
			worker => 'SELECT pg_terminate_backend(pid) FROM clip_worker_stats',
			session => "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT%' ORDER BY random() LIMIT 1) s",
			cancel => "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'INSERT%'",
			reload => 'ALTER SYSTEM SET clip_pg.worker_threads = ' . int(1 + rand 3));
		$node->safe_psql('postgres', $deed{$victim});
		$node->reload if $victim eq 'reload';
	}
	finish(@sessions);
	is(scalar(grep { !/^(58000|57014|57P01)$/ } errors(@sessions)), 0, "round $round: errors as expected");
	kept('stored as it was told', @sessions);
	embeds('the next call');
}
note 'the message';
my @sessions = start($node, 1, sub { "\\set VERBOSITY default\n" . sprintf($endless, "'message'") . ';' });
# Between two batches the worker has nothing that could fail.
until ($sessions[0]{err} =~ /\n/)
{
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM clip_worker_stats');
	usleep(100_000);
	$sessions[0]{run}->pump_nb;
}
finish(@sessions);
like($sessions[0]{err}, qr/ERROR:  background worker of clip_pg ended.*\nHINT:  It is started again/, 'says what to do');

note 'the server ends';
for my $mode ('fast', 'immediate')
{
	@sessions = start($node, 6, sub { sprintf($endless, "'$mode $_[0]'") . ';' });
	wait_for_busy(6);
	$node->stop($mode);
	finish(@sessions);
	pass("stops in mode $mode");
	$node->start;
	embeds("starts after a stop in mode $mode");
}
my $pid = worker($node);
@sessions = start($node, 6, sub { sprintf($endless, "'orphan $_[0]'") . ';' });
wait_for_busy(6);
my @pids = ($pid, split /\n/, $node->safe_psql('postgres', "SELECT pid $busy"));
$node->kill9;
finish(@sessions);
my $deadline = time + 60;
usleep(100_000) while (grep { kill 0, $_ } @pids) && time < $deadline;
is(scalar(grep { kill 0, $_ } @pids), 0, 'all processes end after the postmaster');
$node->start;
embeds('starts again');

note 'no worker';
$node->append_conf('postgresql.conf', "max_worker_processes = 0\nmax_logical_replication_workers = 0");
$node->restart;
$began = time;
my $output;
($errors, $output) = session($node, "SELECT vector_dims(clip_embed_text('a'))", 'SELECT vector_dims(clip_embed_image(image)) FROM pictures WHERE n = 3',
	"SELECT loaded FROM clip_models WHERE name = 'clip-mini'");
is_deeply($errors, [], 'no call fails where none can be registered');
is_deeply($output, [ '512', '512', 'backend' ], 'as the session runs the model');
cmp_ok(time - $began, '<', 8, 'without waiting');
my @told = slurp_file($node->logfile) =~ /background worker of clip_pg is not running, models run in the session/g;
is(scalar @told, 1, 'and says so once');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
embeds('and there is a worker again where one can be had');
is($node->safe_psql('postgres', "SELECT loaded FROM clip_models WHERE name = 'clip-mini'"), 'worker', 'which runs the model');
$node->stop;

my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal (?!9\b)|exited with exit code (?![012]\b)/, 'no process crashed by itself');
unlike($log, qr/panicked at|PANIC/, 'nothing panicked');

done_testing();
