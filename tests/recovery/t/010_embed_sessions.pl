# Sessions that embed: canceled, terminated, ended, orphaned, preloaded. None of it may crash a process.
use strict;
use warnings;
use Compress::Zlib;
use IPC::Run;
use POSIX qw(:signal_h);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION clip_pg');

# A minute's work, so that whatever ends it early was asked to.
my $endless = "SELECT count(clip_embed_texts(ARRAY(SELECT repeat('word ' || n, 70) FROM generate_series(1, 20000) n)))";
my $patience = $PostgreSQL::Test::Utils::timeout_default // 180;

# Runs commands in one session; returns SQLSTATEs of errors and the output of the others, line by line.
sub session
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n" . join(";\n", @_) . ';', on_error_stop => 0);
	return ([ $stderr =~ /ERROR:  (\w+)/g ], [ split /\n/, $stdout ]);
}

# Starts a session in the background that embeds first and then runs a command; returns it and its process id.
sub background
{
	my ($command, @settings) = @_;
	my %session = (out => '', err => '');
	my $sql = join '', map { "$_;\n" } @settings, 'SELECT clip_embed_text(\'warm\') IS NOT NULL', 'SELECT pg_backend_pid()', $command;
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-v', 'VERBOSITY=sqlstate' ],
		'<', \$sql, '>', \$session{out}, '2>', \$session{err}, IPC::Run::timeout($patience));
	$session{run}->pump until $session{out} =~ /^(\d+)$/m;
	return (\%session, $1);
}

sub waits_for_model
{
	my ($pid) = @_;
	return $node->poll_query_until('postgres',
		"SELECT state = 'active' AND query LIKE '%clip_embed_texts%' AND wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $pid");
}

note 'statement_timeout';
my ($errors, $output) = session("SET statement_timeout = '20ms'", "SELECT clip_embed_text('a')", 'RESET statement_timeout',
	"SELECT vector_dims(clip_embed_text('a'))");
is_deeply($errors, ['57014'], 'canceled while the model is loaded');
is_deeply($output, ['512'], 'and loads afterwards');
my $began = time;
($errors, $output) = session("SELECT vector_dims(clip_embed_text('a'))", "SET statement_timeout = '300ms'", $endless, $endless,
	'RESET statement_timeout', "SELECT vector_dims(clip_embed_text('b'))");
is_deeply($errors, [ '57014', '57014' ], 'canceled while the model runs');
is_deeply($output, [ '512', '512' ], 'and runs afterwards');
cmp_ok(time - $began, '<', $patience / 3, 'without delay');

note 'canceled while an image is decoded';
my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/large.png", large_png());
$node->safe_psql('postgres', "CREATE TABLE large AS SELECT pg_read_binary_file('$directory/large.png') AS image");
($errors, $output) = session("SET statement_timeout = '30ms'", 'SELECT clip_embed_image(image) FROM large', 'SELECT clip_thumbnail(image, 100) FROM large',
	'RESET statement_timeout', 'SELECT width, height FROM large, clip_image_info(image)', "SELECT vector_dims(clip_embed_text('a'))");
is_deeply($errors, [ '57014', '57014' ], 'canceled while an image is decoded');
is_deeply($output, [ '8000|8000', '512' ], 'and embeds afterwards');

append_to_file("$directory/chain.tif", chained_tiff());
$node->safe_psql('postgres', "CREATE TABLE chain AS SELECT pg_read_binary_file('$directory/chain.tif') AS image");
($errors, $output) = session("SET statement_timeout = '60ms'", 'SELECT clip_image_info(image) FROM chain', 'SELECT clip_thumbnail(image, 100) FROM chain',
	'RESET statement_timeout', 'SELECT frames FROM chain, clip_image_info(image)');
is_deeply($errors, [ '57014', '57014' ], 'canceled while pages are counted');
is_deeply($output, ['5000000'], 'of which there are many');

# Of one colour: 38 bytes are 14 000 x 14 000 pixels, for which the decoder takes seconds without asking.
$node->safe_psql('postgres',
	"CREATE TABLE flat AS SELECT '\\x524946461e000000574542505650384c110000002faff6ab0d0750c1e295b1ff8188e87f0000'::bytea AS image");
$began = time;
($errors, $output) = session("SET statement_timeout = '300ms'",
	'SELECT clip_thumbnail(image, 100) FROM flat', 'SELECT clip_embed_image(image) FROM flat',
	'RESET statement_timeout', 'SELECT width, height FROM flat, clip_image_info(image)', "SELECT vector_dims(clip_embed_text('a'))");
is_deeply($errors, [ '57014', '57014' ], 'canceled while a WebP is decoded, and while waiting for that decoder');
is_deeply($output, [ '14000|14000', '512' ], 'and embeds afterwards');
cmp_ok(time - $began, '<', 4, 'without delay, and the session ends without it');
$output = $node->safe_psql('postgres', <<'SQL');
SET statement_timeout = '300ms';
DO $$ BEGIN PERFORM clip_thumbnail(image, 100) FROM flat; EXCEPTION WHEN query_canceled THEN RAISE NOTICE 'left'; END $$;
RESET statement_timeout;
SELECT clip_image_info(clip_thumbnail(image, 100)) FROM flat;
SQL
is($output, '(jpeg,100,100,1,1,t)', 'and decodes once that decoder has ended');

note 'memory for models';
my $built_in = $node->config_data('--sharedir') . '/extension/clip_pg/models/clip-mini';
for my $name ('first', 'second')
{
	PostgreSQL::Test::RecursiveCopy::copypath($built_in, "$directory/$name");
	$node->safe_psql('postgres', "SELECT clip_register_model('$name', '$directory/$name', '{\"prefix\": \"$name \"}')");
}
my $loaded = "SELECT string_agg(name, ' ' ORDER BY name) FROM clip_models WHERE loaded = 'backend'";
my $embed = join ', ', map { "clip_embed_text('x', '$_') IS NULL" } 'clip-mini', 'first', 'second';
($errors, $output) = session("SELECT $embed", $loaded, "SET clip_pg.model_memory = '1MB'", "SELECT clip_embed_text('y', 'first') IS NULL", $loaded,
	"SELECT clip_embed_text('y', 'second') IS NULL", $loaded);
is_deeply($output, [ 'f|f|f', 'clip-mini first second', 'f', 'first', 'f', 'second' ], 'those not used are unloaded where it is short');

SKIP:
{
	skip 'needs prlimit', 4 if system('prlimit --version >/dev/null 2>&1') != 0;
	note 'no threads';
	# What runs is a child of the session's.
	my $limit = q{COPY (SELECT WHERE false) TO PROGRAM 'prlimit --nproc=1 --pid $PPID'};
	($errors, $output) = session($limit, "SELECT clip_embed_text('a')", "SELECT 'alive'");
	is_deeply([ $errors, $output ], [ ['53000'], ['alive'] ], 'a session that gets none says so');
	($errors, $output) = session("SELECT vector_dims(clip_embed_text('a'))", $limit, 'SET clip_pg.threads = 4', "SELECT vector_dims(clip_embed_text('a', 'first'))");
	is_deeply([ $errors, $output ], [ [], [ '512', '512' ] ], 'a model runs on fewer than it should');
	# Of one colour and 2000 x 1000 pixels.
	my $webp = q{'\x524946461e000000574542505650384c110000002fcfc7f9000750c1e295b1ff8188e87f0000'};
	($errors, $output) = session($limit, "SELECT clip_image_info(clip_thumbnail($webp, 100))");
	is_deeply([ $errors, $output ], [ [], ['(jpeg,100,50,1,1,t)'] ], 'a large WebP is decoded without one');

	note 'no memory';
	$limit = q{COPY (SELECT WHERE false) TO PROGRAM 'prlimit --as=2000000000 --pid $PPID'};
	($errors, $output) = session($limit, 'SELECT clip_thumbnail(image, 100) FROM flat', "SELECT 'alive'");
	is_deeply([ $errors, $output ], [ ['53200'], ['alive'] ], 'a WebP is refused where there is not enough for its decoder');
}

note 'canceled and terminated by another session';
my ($session, $pid) = background("$endless;\nSELECT 'alive'");
ok(waits_for_model($pid), 'the backend waits for the model');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$session->{run}->finish;
is($session->{err}, "ERROR:  57014\n", 'pg_cancel_backend');
like($session->{out}, qr/alive/, 'the session goes on');
($session, $pid) = background($endless);
waits_for_model($pid);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$session->{run}->finish;
like($session->{err}, qr/^FATAL:  57P01/, 'pg_terminate_backend');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'ends the backend');

note 'interrupts that cancel nothing';
($session, $pid) = background("SELECT array_length(clip_embed_texts(ARRAY(SELECT repeat('word ' || n, 70) FROM generate_series(1, 300) n)), 1)");
for (1 .. 20)
{
	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts(pid), pg_reload_conf() FROM pg_stat_activity WHERE pid = $pid");
	usleep(10_000);
}
$session->{run}->finish;
is($session->{err}, '', 'a call goes on');
like($session->{out}, qr/^300$/m, 'and returns its result');

SKIP:
{
	skip 'needs /proc', 2 unless -d "/proc/$$/task";
	note 'signals';
	($session, $pid) = background($endless, 'SET clip_pg.threads = 3');
	waits_for_model($pid);
	my @threads = grep { !/\/$pid$/ } glob "/proc/$pid/task/*";
	cmp_ok(scalar @threads, '>=', 3, 'the model runs on threads');
	my @open = grep {
		my ($blocked) = slurp_file("$_/status") =~ /^SigBlk:\s*([0-9a-f]+)/m;
		my $low = hex substr $blocked, -8;
		grep { !($low & (1 << ($_ - 1))) } SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, 23;
	} @threads;
	is_deeply(\@open, [], 'none of which receives signals');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$session->{run}->finish;
}

note 'sessions that end';
for my $n (1 .. 10)
{
	is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('session $n'))"), '512', "session $n");
}
my @sessions = map { [ background('SELECT pg_sleep(1000)') ] } 1 .. 3;
$node->stop('fast');
$_->[0]{run}->finish for @sessions;
is(scalar(grep { $_->[0]{err} =~ /57P01/ } @sessions), 3, 'sessions that have embedded end with the server');

note 'the postmaster dies';
$node->start;
($session, $pid) = background($endless);
waits_for_model($pid);
$node->kill9;
my $deadline = time + $patience;
usleep(100_000) while kill(0, $pid) && time < $deadline;
ok(!kill(0, $pid), 'a session that embeds ends after the postmaster');
$session->{run}->finish;
$node->start;
is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('again'))"), '512', 'embeds after a restart');

note 'preloaded';
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'clip_pg'");
$node->restart;
is($node->safe_psql('postgres', 'SELECT loaded FROM clip_models WHERE built_in'), '', 'nothing is loaded at start');
is($node->safe_psql('postgres', "SELECT vector_dims(clip_embed_text('a')); SELECT loaded FROM clip_models WHERE built_in"),
	"512\nworker", 'a worker loads for all sessions');
SKIP:
{
	skip 'needs /proc', 1 unless -d "/proc/$$/task";
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	is(scalar(my @tasks = glob "/proc/$postmaster/task/*"), 1, 'the postmaster has one thread');
}
$node->stop;

my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|exited with exit code (?![01]\b)/, 'no process crashed');
unlike($log, qr/panicked at|PANIC/, 'nothing panicked');

done_testing();

# A grey image of 8000 x 8000 pixels.
sub large_png
{
	my $chunk = sub { pack('N', length $_[1]) . $_[0] . $_[1] . pack('N', crc32($_[0] . $_[1])) };
	my $pixels = compress(("\0" . join('', map { chr($_ % 251) } 1 .. 8000)) x 8000, Z_BEST_SPEED);
	return "\x89PNG\r\n\x1a\n" . $chunk->('IHDR', pack('NNC5', 8000, 8000, 8, 0, 0, 0, 0)) . $chunk->('IDAT', $pixels) . $chunk->('IEND', '');
}

# A grey pixel, and behind its directory five million without entries.
sub chained_tiff
{
	my @entries = ([ 256, 1 ], [ 257, 1 ], [ 258, 8 ], [ 259, 1 ], [ 262, 1 ], [ 273, 8 ], [ 277, 1 ], [ 278, 1 ], [ 279, 1 ]);
	my ($pages, $start) = (5_000_000, 10 + 2 + 12 * @entries + 4);
	my $file = pack('a2vVnv', 'II', 42, 10, 0, scalar @entries);
	$file .= pack('vvVV', $_->[0], 4, 1, $_->[1]) for @entries;
	$file .= pack('V', $start);
	$file .= pack('vV', 0, $_ == $pages - 1 ? 0 : $start + 6 * $_) for 1 .. $pages - 1;
	return $file;
}
