# The registry across restarts, crashes, databases, sessions that run side by side, and a standby.
use strict;
use warnings;
use File::Basename;
use File::Copy;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
my $built_in = $primary->config_data('--sharedir') . '/extension/clip_pg/models/clip-mini';
my $model = PostgreSQL::Test::Utils::tempdir() . '/model';
PostgreSQL::Test::RecursiveCopy::copypath($built_in, $model);
my $embed = "SELECT clip_embed_text('a cat', 'copy') IS NOT NULL";

# Names of the registered models, as a database of a node lists them.
sub names
{
	my ($node, $database) = (@_, 'postgres');
	return $node->safe_psql($database, "SELECT string_agg(name, ' ' ORDER BY name) FROM clip_models");
}

# Starts a session; returns what runs a command in it and returns all output, or without a command ends it.
sub session
{
	my ($in, $out) = ('', '');
	my @psql = ('psql', '-XAtq', '-d', $primary->connstr('postgres'));
	my $run = IPC::Run::start(\@psql, '<', \$in, '>&', \$out);
	return sub {
		my ($command) = @_;
		return $run->finish unless defined $command;
		($in, $out) = ("$command;\n\\echo done\n", '');
		$run->pump until $out =~ s/\n?done\n\z//;
		return $out;
	};
}

note 'registered for every database, and for good';
$primary->safe_psql('postgres', 'CREATE EXTENSION clip_pg');
my $registry = $primary->data_dir . '/clip_pg/models';
is(names($primary), 'clip-mini', 'the built-in model needs no registration');
ok(!-e $registry, 'and nothing is written for it');
$primary->safe_psql('postgres', "SELECT clip_register_model(n, '$model') FROM unnest('{copy,gone}'::text[]) n");
$primary->safe_psql('postgres', "SELECT clip_unregister_model('gone')");
is(names($primary), 'clip-mini copy', 'registered');
ok(check_mode_recursive(dirname($registry), 0700, 0600), 'only the server reads the registry');
$primary->safe_psql('postgres', 'CREATE DATABASE other');
$primary->safe_psql('other', 'CREATE EXTENSION clip_pg');
is(names($primary, 'other'), 'clip-mini copy', 'seen from another database');
$primary->safe_psql('postgres', "CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$primary->safe_psql('latin1', 'CREATE EXTENSION clip_pg');
my $prefix = "jsonb_build_object('prefix', 'caf' || chr(233))";
$primary->safe_psql('latin1', "SELECT clip_register_model('latin', '$model', $prefix)");
is($primary->safe_psql($_, "SELECT options = $prefix FROM clip_models WHERE name = 'latin'"), 't', "options in $_")
  for 'latin1', 'postgres';
my ($status, $stdout, $stderr) = $primary->psql('latin1', "SELECT clip_embed_text('a cat', 'caf' || chr(233))");
like($stderr, qr/ERROR:  model "caf\?" is not registered/, 'errors in another encoding');
$primary->safe_psql('latin1', 'CREATE TABLE notes (note text, vector clip_vector)');
($status, $stdout, $stderr) = $primary->psql('latin1', "SELECT FROM notes WHERE vector <=> clip_embed_text(note, 'caf' || chr(233)) < 1");
is($stderr, '', 'plans in another encoding');
$primary->safe_psql('postgres', "SELECT clip_unregister_model('latin')");
$primary->restart;
is(names($primary), 'clip-mini copy', 'there after a restart');
$primary->stop('immediate');
$primary->start;
is(names($primary), 'clip-mini copy', 'there after a crash');
($status, $stdout, $stderr) =
  $primary->psql('postgres', "SELECT clip_register_model('gone', '$model', '{\"alpha\": \"white\"}')");
like($stderr, qr/model name "gone" belongs to another model/, 'an unregistered name stays bound');

note 'what another session does';
my $session = session();
is($session->($embed), 't', 'a session embeds');
$primary->safe_psql('postgres', "SELECT clip_unregister_model('copy')");
like($session->($embed), qr/model "copy" is not registered/, 'until the model is unregistered');
$primary->safe_psql('postgres', "SELECT clip_register_model('copy', '$model')");
is($session->($embed), 't', 'and when it is back');
$session->();

note 'a model that moves';
move($model, "$model-moved") or die $!;
$session = session();
like($session->($embed), qr/is missing: not found in "\Q$model\E"/, 'the directory is gone');
$model = "$model-moved";
$primary->safe_psql('postgres', "SELECT clip_register_model('copy', '$model')");
is($session->($embed), 't', 'the session finds the new one');
$session->();
is($primary->safe_psql('postgres', "SELECT directory FROM clip_models WHERE name = 'copy'"), $model, 'as listed');

note 'sessions that register at once';
my @outputs = map { '' } 1 .. 4;
my @sessions = map {
	my $different = "SELECT clip_register_model('race', '$model', '{\"context_length\": 1$_}')";
	my $same = "SELECT clip_register_model('same', '$model')";
	my @psql = ('psql', '-XAtq', '-d', $primary->connstr('postgres'), '-v', 'VERBOSITY=sqlstate');
	IPC::Run::start([ @psql, '-c', $different, '-c', $same ], '>&', \$outputs[ $_ - 1 ]);
} 1 .. 4;
$_->finish for @sessions;
is(scalar(grep { /^ERROR:  42710$/m } @outputs), 3, 'of different models, one gets the name');
is(scalar(grep { /ERROR/ } @outputs), 3, 'the same model is no conflict');
is(names($primary), 'clip-mini copy race same', 'both names are there');
my @files = sort map { basename($_) } glob "$registry/{.[a-z],}*";
is("@files", 'copy.json gone.json latin.json race.json same.json', 'one file per name, and no other');
my $race = decode_json(slurp_file("$registry/race.json"));
is($race->{manifest}{text}{tokenizer}{context_length}, $race->{options}{context_length}, 'which holds one of the models');

note 'a standby';
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is(names($standby), 'clip-mini copy race same', 'starts with what the base backup holds');
$primary->safe_psql('postgres', "SELECT clip_register_model('later', '$model')");
$primary->wait_for_catchup($standby);
is(names($standby), 'clip-mini copy race same', 'is not told of later registrations');
($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT clip_embed_text('a cat', 'later')");
like($stderr, qr/model "later" is not registered.*HINT: .*Copy "later\.json" out of "clip_pg\.model_directory" of the primary/s,
	'says what to copy');
move($model, "$model.away") or die $!;
($status, $stdout, $stderr) = $standby->psql('postgres', $embed);
like($stderr, qr/is missing.*HINT: .*Copy its directory from the primary to the same path/s, 'also where the files of a model are not there');
move("$model.away", $model) or die $!;
$standby->safe_psql('postgres', "SELECT clip_register_model('later', '$model')");
is($standby->safe_psql('postgres', "SELECT clip_embed_text('a cat', 'later') IS NOT NULL"), 't', 'makes its own');

done_testing();
