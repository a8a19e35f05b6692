# Sessions of psql, one after the other or many at once, for the tests beside this file.
package Sessions;
use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

our @EXPORT = qw(session start finish errors worker crash);

my $scripts = PostgreSQL::Test::Utils::tempdir();
my $started = 0;

# Runs commands in one session; returns SQLSTATEs of errors and the output of the others, line by line.
sub session
{
	my ($node, @commands) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n" . join(";\n", @commands) . ';', on_error_stop => 0);
	return ([ $stderr =~ /ERROR:  (\w+)/g ], [ split /\n/, $stdout ]);
}

# Starts sessions that each run what the function given returns for their number, from 1.
sub start
{
	my ($node, $count, $commands) = @_;
	my @sessions;
	for my $n (1 .. $count)
	{
		# A file, because nobody feeds a pipe before the session is waited for.
		my $file = "$scripts/" . ++$started . '.sql';
		append_to_file($file, $commands->($n));
		my %session = (out => '', err => '');
		$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-v', 'VERBOSITY=sqlstate', '-f', $file ],
			'>', \$session{out}, '2>', \$session{err}, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default // 180));
		push @sessions, \%session;
	}
	return @sessions;
}

# Waits until sessions have ended.
sub finish { $_->{run}->finish for @_ }

# SQLSTATEs of all errors in sessions that have ended.
sub errors { return map { $_->{err} =~ /(?:ERROR|FATAL):  (\w+)/g } @_ }

# The process of the background worker, as soon as there is one.
sub worker
{
	my ($node) = @_;
	$node->poll_query_until('postgres', 'SELECT count(pid) = 1 FROM clip_worker_stats') or die 'no worker';
	return $node->safe_psql('postgres', 'SELECT pid FROM clip_worker_stats');
}

# Ends every process of the server at once, as a machine that fails does.
sub crash
{
	my ($node) = @_;
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	kill 'STOP', $postmaster;
	my @children = split ' ', `pgrep -P $postmaster`;
	kill 'KILL', $postmaster, @children;
	$node->{_pid} = undef;
	usleep(10_000) while grep { kill 0, $_ } $postmaster, @children;
	unlink $node->data_dir . '/postmaster.pid';
	return;
}

1;
