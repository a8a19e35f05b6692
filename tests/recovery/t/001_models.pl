# The registry across restarts, crashes, databases, sessions and a standby, and models whose files are not what they were.
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
my $models = PostgreSQL::Test::Utils::tempdir();

# A copy of clip-mini to be spoilt.
sub copy_model
{
	my $directory = "$models/$_[0]";
	PostgreSQL::Test::RecursiveCopy::copypath($built_in, $directory);
	return $directory;
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

sub names { return $_[0]->safe_psql($_[1] // 'postgres', "SELECT string_agg(name, ' ' ORDER BY name) FROM clip_models"); }

# Runs a command in a session of its own and returns its error as the client sees it.
sub error_of
{
	my ($node, $command) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$command");
	return $stderr;
}

sub fails
{
	my ($node, $command, $state, $message, $hint, $test) = @_;
	my $error = error_of($node, $command);
	like($error, qr/ERROR:  $state: $message/, "$test: error");
	like($error, qr/HINT:  .*$hint/, "$test: hint");
}

$primary->safe_psql('postgres', 'CREATE EXTENSION clip_pg');
my $copy = copy_model('copy');

note 'registered for every database, and for good';
ok(!-e $primary->data_dir . '/clip_pg', 'nothing is written before a model is registered');
$primary->safe_psql('postgres', "SELECT clip_register_model('copy', '$copy'), clip_register_model('gone', '$copy')");
$primary->safe_psql('postgres', "SELECT clip_unregister_model('gone')");
is(names($primary), 'clip-mini copy', 'registered');
ok(check_mode_recursive($primary->data_dir . '/clip_pg', 0700, 0600), 'only the server reads the registry');
$primary->safe_psql('postgres', 'CREATE DATABASE other');
$primary->safe_psql('other', 'CREATE EXTENSION clip_pg');
is(names($primary, 'other'), 'clip-mini copy', 'seen from another database');
$primary->restart;
is(names($primary), 'clip-mini copy', 'there after a restart');
$primary->stop('immediate');
$primary->start;
is(names($primary), 'clip-mini copy', 'there after a crash');
fails($primary, "SELECT clip_register_model('gone', '$copy', '{\"logit_scale\": 2}')",
	'42710', 'model name "gone" belongs to another model', 'Choose another name', 'an unregistered name stays bound');
is( $primary->safe_psql('postgres', "SELECT clip_embed_text('a cat', 'copy')::text = clip_embed_text('a cat', 'clip-mini')::text"),
	't', 'the same files embed the same');

note 'what another session registers and unregisters';
my $session = session();
is($session->("SELECT clip_embed_text('a cat', 'copy') IS NOT NULL"), 't', 'a session embeds');
$primary->safe_psql('postgres', "SELECT clip_unregister_model('copy')");
like($session->("SELECT clip_embed_text('a cat', 'copy')"), qr/model "copy" is not registered/, 'until the model is unregistered');
$primary->safe_psql('postgres', "SELECT clip_register_model('copy', '$copy')");
is($session->("SELECT clip_embed_text('a cat', 'copy') IS NOT NULL"), 't', 'and when it is back');
$session->();

note 'files that are not what they were';
move("$copy/onnx/text_model.onnx", "$models/text_model.onnx") or die $!;
fails($primary, "SELECT clip_embed_text('a cat', 'copy')",
	'58P01', "model file \"onnx/text_model.onnx\" is missing: not found in \"\Q$copy\E\"", 'model directory must hold', 'missing file');
$primary->safe_psql('postgres', 'CREATE ROLE reader');
my $offset = -s $primary->logfile;
my $error = error_of($primary, "SET ROLE reader; SELECT clip_embed_text('a cat', 'copy')");
like($error, qr/ERROR:  58P01: model file "onnx\/text_model.onnx" is missing$/m, 'an ordinary user sees which file is missing');
unlike($error, qr/\Q$models\E/, 'but not where');
like(slurp_file($primary->logfile, $offset), qr/LOG:  model file .* is missing: not found in "\Q$copy\E"/, 'the log tells');

copy("$models/text_model.onnx", "$copy/onnx/text_model.onnx") or die $!;
open my $file, '+<:raw', "$copy/onnx/text_model.onnx" or die $!;
seek $file, -1000, 2;
print $file 'x';
close $file;
fails($primary, "SELECT clip_embed_text('a cat', 'copy')",
	'XX001', 'model file "onnx/text_model.onnx" has changed', 'Put the registered file back', 'changed file');
fails($primary, "SELECT clip_register_model('copy', '$copy')",
	'42710', 'model name "copy" belongs to another model', 'Choose another name', 'changed file registered');


move($copy, "$models/spoilt") or die $!;
my $moved = copy_model('moved');
$session = session();
like($session->("SELECT clip_embed_text('a cat', 'copy')"), qr/is missing: not found in "\Q$copy\E"/, 'the directory is gone');
$primary->safe_psql('postgres', "SELECT clip_register_model('copy', '$moved')");
is($session->("SELECT clip_embed_text('a cat', 'copy') IS NOT NULL"), 't', 'a running session finds the new one');
$session->();
is( $primary->safe_psql('postgres', "SELECT clip_embed_text('a cat', 'copy') IS NOT NULL, directory FROM clip_models WHERE name = 'copy'"),
	"t|$moved", 'the same files from another directory');

note 'directories that hold no model';
for my $lacking ([ 'onnx/vision_model.onnx', 'holds no image tower' ], [ 'tokenizer.json', 'tokenizer' ])
{
	my ($name, $reason) = @$lacking;
	my $directory = copy_model('lacking-' . basename($name));
	unlink "$directory/$name" or die $!;
	fails($primary, "SELECT clip_register_model('x', '$directory')",
		'58P01', "model file \"\Q$name\E\" is missing: .*$reason", 'both towers in ONNX', "without $name");
}
my $pointer = copy_model('pointer');
append_to_file("$models/pointer.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
copy("$models/pointer.txt", "$pointer/onnx/vision_model.onnx") or die $!;
fails($primary, "SELECT clip_register_model('x', '$pointer')",
	'XX001', 'invalid model file "onnx/vision_model.onnx"', 'Git LFS pointer', 'Git LFS pointer');
my $narrow = copy_model('narrow');
unlink "$narrow/onnx/text_model.onnx";
append_to_file("$narrow/onnx/text_model.onnx", mean_of_tokens());
fails($primary, "SELECT clip_register_model('x', '$narrow')",
	'42804', 'text tower has 1 dimensions, image tower has 512', 'from the same model', 'towers that disagree');
is(names($primary), 'clip-mini copy', 'none of these is registered');

note 'no ONNX Runtime';
my $pkglibdir = $primary->config_data('--pkglibdir');
for my $library (
	[ '/nonexistent/libonnxruntime.so', 'cannot open shared object file' ],
	[ "$built_in.json", 'invalid ELF header' ],
	[ "$pkglibdir/plpgsql.so", 'the library is not ONNX Runtime' ])
{
	my ($path, $reason) = @$library;
	for my $command ("SELECT clip_register_model('x', '$moved')", "SELECT clip_embed_text('a cat')")
	{
		fails($primary, "SET clip_pg.onnxruntime_library = '$path'; $command",
			'58P01', "could not load ONNX Runtime from \"\Q$path\E\": .*$reason", 'clip_pg.onnxruntime_library', "library $path");
	}
}
$primary->append_conf('postgresql.conf', "clip_pg.onnxruntime_library = '/nonexistent/libonnxruntime.so'\nshared_preload_libraries = 'clip_pg'");
$primary->restart;
is(names($primary), 'clip-mini copy', 'models are listed without ONNX Runtime');
$error = error_of($primary, "SET ROLE reader; SELECT clip_embed_text('a cat')");
like($error, qr/ERROR:  58P01: could not load ONNX Runtime$/m, 'an ordinary user sees that it is not there');
unlike($error, qr/nonexistent/, 'but not where it should be');
$primary->adjust_conf('postgresql.conf', 'clip_pg.onnxruntime_library', undef);
$primary->restart;
is($primary->safe_psql('postgres', "SELECT clip_embed_text('a cat') IS NOT NULL"), 't', 'embeds again');

note 'sessions that register at once';
my @sessions = map {
	my %s = (out => '', err => '');
	my $sql = "SELECT clip_register_model('race', '$moved', '{\"logit_scale\": $_}'); SELECT clip_register_model('same', '$moved')";
	$s{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres'), '-v', 'VERBOSITY=sqlstate', '-c', $sql =~ /^(.*); /, '-c', $sql =~ /; (.*)$/ ],
		'>', \$s{out}, '2>', \$s{err});
	\%s;
} 1 .. 4;
$_->{run}->finish for @sessions;
is(scalar(grep { $_->{err} eq '' } @sessions), 1, 'one of different models gets the name');
is(scalar(grep { $_->{err} =~ /^ERROR:  42710$/ } @sessions), 3, 'the others get an error');
my $registry = $primary->data_dir . '/clip_pg/models';
is_deeply([ sort(map { basename($_) } glob "$registry/* $registry/.*[a-z]") ], [ map { "$_.json" } qw(copy gone race same) ], 'one file per name');
is(names($primary), 'clip-mini copy race same', 'sessions that register the same model all succeed');
my $won = decode_json(slurp_file("$registry/race.json"));
is($won->{manifest}{logit_scale}, $won->{options}{logit_scale}, 'the file is of one model');

note 'standby';
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is(names($standby), 'clip-mini copy race same', 'a standby starts with what a base backup holds');
$primary->safe_psql('postgres', "SELECT clip_register_model('later', '$moved')");
$primary->wait_for_catchup($standby);
is(names($standby), 'clip-mini copy race same', 'registering is not replicated');
$standby->safe_psql('postgres', "SELECT clip_register_model('later', '$moved')");
is($standby->safe_psql('postgres', "SELECT clip_embed_text('a cat', 'later') IS NOT NULL"), 't', 'a standby registers and embeds');

done_testing();

# A text tower that embeds into one dimension: the mean of the token ids. Written as protobuf by hand.
sub mean_of_tokens
{
	my $varint = sub {
		my ($value, $bytes) = ($_[0], '');
		while ($value > 127) { $bytes .= chr($value & 127 | 128); $value >>= 7; }
		return $bytes . chr($value);
	};
	my $number = sub { $varint->($_[0] << 3) . $varint->($_[1]) };
	my $field = sub { my $bytes = join '', @_[ 1 .. $#_ ]; $varint->($_[0] << 3 | 2) . $varint->(length $bytes) . $bytes };
	my $node = sub {
		my ($type, $input, $output, @attributes) = @_;
		return $field->(1, $field->(1, $input), $field->(2, $output), $field->(4, $type), @attributes);
	};
	my $tensor = sub {
		my ($name, $element, @shape) = @_;
		my @axes = map { $field->(1, /^\d/ ? $number->(1, $_) : $field->(2, $_)) } @shape;
		return ($field->(1, $name), $field->(2, $field->(1, $number->(1, $element), $field->(2, @axes))));
	};
	my ($float, $int64) = (1, 7);
	my $graph = join '',
		$node->('Cast', 'input_ids', 'x', $field->(5, $field->(1, 'to'), $number->(3, $float), $number->(20, 2))),
		$node->('ReduceMean', 'x', 'text_embeds', $field->(5, $field->(1, 'axes'), $number->(8, 1), $number->(20, 7))),
		$field->(2, 'mean_of_tokens'),
		$field->(11, $tensor->('input_ids', $int64, 'batch', 'sequence')),
		$field->(12, $tensor->('text_embeds', $float, 'batch', 1));
	return $number->(1, 8) . $field->(7, $graph) . $field->(8, $number->(2, 13));
}
