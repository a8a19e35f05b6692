# Models whose files are missing, changed or no models, and an ONNX Runtime that is missing, foreign or old.
use strict;
use warnings;
use File::Basename;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION clip_pg; CREATE ROLE reader');
my $built_in = $node->config_data('--sharedir') . '/extension/clip_pg/models/clip-mini';
my $models = PostgreSQL::Test::Utils::tempdir();

# A copy of clip-mini to be spoilt.
sub copy_model
{
	my $directory = "$models/$_[0]";
	PostgreSQL::Test::RecursiveCopy::copypath($built_in, $directory);
	return $directory;
}

# Replaces a file.
sub write_file
{
	my ($path, $contents) = @_;
	unlink $path;
	append_to_file($path, $contents);
}

# Runs a command in a session of its own and returns its error.
sub error_of
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$_[0]");
	return $stderr;
}

# Tests SQLSTATE, message and hint of the error that a command raises.
sub fails
{
	my ($command, $state, $message, $hint, $test) = @_;
	my $error = error_of($command);
	like($error, qr/ERROR:  $state: $message/, "$test: error");
	like($error, qr/HINT:  .*$hint/, "$test: hint");
}

note 'files that are not what they were';
my $directory = copy_model('registered');
my $tower = "$directory/onnx/text_model.onnx";
my $embed = "SELECT clip_embed_text('a cat', 'registered')";
$node->safe_psql('postgres', "SELECT clip_register_model('registered', '$directory')");
move($tower, "$models/kept") or die $!;
fails($embed,
	'58P01', "model file \"onnx/text_model.onnx\" is missing: not found in \"\Q$directory\E\"",
	'The model directory must hold', 'missing file');

my $logged = -s $node->logfile;
my $error = error_of("SET ROLE reader; $embed");
like($error, qr/ERROR:  58P01: model file "onnx\/text_model.onnx" is missing$/m, 'an ordinary user learns what is missing');
unlike($error, qr/\Q$models\E/, 'but not where');
like(slurp_file($node->logfile, $logged), qr/LOG:  model file .* not found in "\Q$directory\E"/, 'the log tells where');

copy("$models/kept", $tower) or die $!;
open my $file, '+<:raw', $tower or die $!;
seek $file, -1000, 2;
print $file 'x';
close $file;
fails($embed,
	'XX001', 'model file "onnx/text_model.onnx" has changed: its SHA-256 is \w{64}, registered was \w{64}',
	'Put the registered file back', 'changed file');
fails("SELECT clip_register_model('registered', '$directory')",
	'42710', 'model name "registered" belongs to another model',
	'Choose another name', 'changed file, registered again');
copy("$models/kept", $tower) or die $!;
is($node->safe_psql('postgres', "$embed IS NOT NULL"), 't', 'embeds once the file is back');

note 'directories that hold no model';
for my $name ('onnx/vision_model.onnx', 'tokenizer.json')
{
	my $lacking = copy_model('without-' . basename($name));
	unlink "$lacking/$name" or die $!;
	fails("SELECT clip_register_model('x', '$lacking')",
		'58P01', "model file \"\Q$name\E\" is missing: .*\Q$lacking\E",
		'both towers in ONNX, the tokenizer', "without $name");
}

my $spoilt = copy_model('spoilt');
my $register = "SELECT clip_register_model('x', '$spoilt')";
$tower = "$spoilt/onnx/vision_model.onnx";
write_file($tower, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
fails($register,
	'XX001', 'model file "onnx/vision_model.onnx" is a Git LFS pointer', 'Download the file itself', 'Git LFS pointer');
my $whole = slurp_file("$built_in/onnx/vision_model.onnx");
write_file($tower, substr($whole, 0, length($whole) / 2));
fails($register,
	'XX001', 'invalid model file "onnx/vision_model.onnx": not an ONNX model', 'may be incomplete', 'half a file');
unlike(error_of($register), qr/LFS/, 'which is no matter of Git LFS');
# Whole, and nothing that this ONNX Runtime knows: operators of a domain and version of the future.
write_file($tower, mean_of_tokens(99));
fails($register,
	'XX001', 'could not load model file "onnx/vision_model.onnx": .*', 'newer ONNX Runtime', 'operators of the future');
write_file($tower, mean_of_tokens());
fails($register,
	'0A000', 'model file "onnx/vision_model.onnx" cannot be used as a tower: the graph has no input for pixels',
	'one vector per row', 'a tower for the other thing');
chmod 0, $tower or die $!;
fails($register,
	'42501', 'could not read model file "onnx/vision_model.onnx": Permission denied\n', 'operating system\'s user', 'not to be read');

my $narrow = copy_model('narrow');
write_file("$narrow/onnx/text_model.onnx", mean_of_tokens());
fails("SELECT clip_register_model('x', '$narrow')",
	'42804', 'output "text_embeds" of "onnx/text_model.onnx" has 1 dimensions, the configuration says 512',
	'without its projection', 'a tower without its projection');
unlink "$narrow/config.json" or die $!;
fails("SELECT clip_register_model('x', '$narrow')",
	'42804', 'text tower has 1 dimensions, image tower has 512',
	'Both towers must come from the same model', 'towers that disagree');

my $listed = "SELECT string_agg(name, ' ' ORDER BY name) FROM clip_models";
is($node->safe_psql('postgres', $listed), 'clip-mini registered', 'none of these is registered');

note 'an ONNX Runtime that is none';
my @libraries = (
	[ '/nonexistent/libonnxruntime.so', 'cannot open shared object file' ],
	[ "$built_in.json", 'invalid ELF header' ],
	[ $node->config_data('--pkglibdir') . '/plpgsql.so', 'the library is not ONNX Runtime' ]);

# An old release as far as its version goes. Where the extension was built there is a C compiler.
write_file("$models/old.c", <<'C');
static const char *version(void) { return "1.16.3"; }
static const void *api(unsigned number) { return 0; }
static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
const void *OrtGetApiBase(void) { return &base; }
C
system('cc', '-shared', '-fPIC', '-o', "$models/old.so", "$models/old.c") == 0 or BAIL_OUT('cannot compile');
push @libraries, [ "$models/old.so", 'version 1.16.3 is too old, 1.24 or later is needed' ];

for my $library (@libraries)
{
	my ($path, $reason) = @$library;
	for my $command ("SELECT clip_register_model('x', '$directory')", "SELECT clip_embed_text('a cat')")
	{
		fails("SET clip_pg.onnxruntime_library = '$path'; $command",
			'58P01', "could not load ONNX Runtime from \"\Q$path\E\": .*$reason",
			'Set "clip_pg.onnxruntime_library"', $reason);
	}
}

note 'a server without ONNX Runtime';
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'clip_pg'
clip_pg.onnxruntime_library = '/nonexistent/libonnxruntime.so'
CONF
$node->restart;
is($node->safe_psql('postgres', $listed), 'clip-mini registered', 'lists models');
$error = error_of("SET ROLE reader; SELECT clip_embed_text('a cat')");
like($error, qr/ERROR:  58P01: could not load ONNX Runtime$/m, 'tells ordinary users that it is not there');
unlike($error, qr/nonexistent/, 'but not where it should be');
$node->append_conf('postgresql.conf', "clip_pg.onnxruntime_library = ''");
$node->restart;
is($node->safe_psql('postgres', "$embed IS NOT NULL"), 't', 'embeds with the installed one');

done_testing();

# A text tower that embeds into one dimension, the mean of the token ids, as the bytes of an ONNX file with the
# given set of operators.
sub mean_of_tokens
{
	my $operators = shift // 13;
	my $varint = sub {
		my ($value, $bytes) = ($_[0], '');
		for (; $value > 127; $value >>= 7) { $bytes .= chr($value & 127 | 128) }
		return $bytes . chr($value);
	};
	# Fields of a protobuf message, by number: an integer, and text or a nested message.
	my $integer = sub { $varint->($_[0] << 3) . $varint->($_[1]) };
	my $bytes = sub {
		my ($number, $contents) = (shift, join '', @_);
		return $varint->($number << 3 | 2) . $varint->(length $contents) . $contents;
	};
	my $node = sub {
		my ($type, $input, $output, @attribute) = @_;
		return $bytes->(1, $bytes->(1, $input), $bytes->(2, $output), $bytes->(4, $type), $bytes->(5, @attribute));
	};
	my $tensor = sub {
		my ($name, $element, @axes) = @_;
		my @shape = map { $bytes->(1, $_) } @axes;
		return ($bytes->(1, $name), $bytes->(2, $bytes->(1, $integer->(1, $element), $bytes->(2, @shape))));
	};
	my ($float, $int64) = (1, 7);
	my ($batch, $sequence) = map { $bytes->(2, $_) } qw(batch sequence);
	my $graph = $bytes->(7,
		$node->('Cast', 'input_ids', 'ids', $bytes->(1, 'to'), $integer->(3, $float), $integer->(20, 2)),
		$node->('ReduceMean', 'ids', 'text_embeds', $bytes->(1, 'axes'), $integer->(8, 1), $integer->(20, 7)),
		$bytes->(2, 'mean_of_tokens'),
		$bytes->(11, $tensor->('input_ids', $int64, $batch, $sequence)),
		$bytes->(12, $tensor->('text_embeds', $float, $batch, $integer->(1, 1))));
	return $integer->(1, 8) . $graph . $bytes->(8, $integer->(2, $operators));
}
