# Where the extension may be: in schemas of any name, renamed ones too, and in files outside the server's own directories.
use strict;
use warnings;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# A database with the extension in a schema.
sub installed_in
{
	my ($database, $schema, $settings) = (@_, '');
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "$settings; CREATE SCHEMA $schema; CREATE EXTENSION clip_pg SCHEMA $schema");
}

my $pictures = PostgreSQL::Test::Utils::tempdir();
append_to_file("$pictures/red.gif", pack 'H*',
	'47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b');

# Everything that has to find something of the extension's schema, which is in no search path.
sub works
{
	my ($database, $schema, $name) = @_;
	is($node->safe_psql($database, <<SQL), "2|0\n1\n1\nclip-mini\n2\n1|0|0|0\nt", $name);
SET client_min_messages = error;
DROP TABLE IF EXISTS letters, files;
CREATE TABLE letters (id integer PRIMARY KEY, note text, v $schema.clip_vector(512));
INSERT INTO letters VALUES (1, 'a cat');
SELECT $schema.clip_auto_embed('letters', 'note', 'v', mode => 'queue') \\gset
CALL $schema.clip_work_queue();
INSERT INTO letters VALUES (2, 'a dog');
CALL $schema.clip_backfill('letters');
SELECT embedded, failed FROM $schema.clip_embed_status;
CREATE INDEX letters_v ON letters USING clip_hnsw (v);
SELECT $schema.clip_recall('letters_v', 1);
SELECT id FROM letters WHERE $schema.clip_within(v, $schema.clip_embed_text('a cat'), 0.01);
SELECT $schema.clip_column_model('letters', 'v');
SELECT $schema.clip_auto_embed_remove('letters', 'v') \\gset
SELECT $schema.clip_auto_embed('letters', 'note', 'v') \\gset
UPDATE letters SET note = 'a horse' WHERE id = 2;
SELECT embedded FROM $schema.clip_embed_status;
CREATE TABLE files (path text, size bigint, sha256 bytea, taken timestamp, image bytea);
CALL $schema.clip_import('$pictures', 'files');
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'clip_cosine_ops';
SQL
}

installed_in('plain', 'first');
works('plain', 'first', 'in a schema');
$node->safe_psql('plain', 'ALTER SCHEMA first RENAME TO "Second one"');
works('plain', '"Second one"', 'in a schema that was renamed');
installed_in('own', 'clip_pg');
works('own', 'clip_pg', 'in the schema of its internals');
$node->safe_psql('own', 'DROP EXTENSION clip_pg CASCADE');
my ($code, $out, $error) = $node->psql('own', 'CREATE EXTENSION clip_pg');
like($error, qr/schema "clip_pg" exists already\n.*\nHINT:  Drop the schema, or/, 'a schema that others have made is not taken');
$node->safe_psql('own', 'CREATE EXTENSION clip_pg SCHEMA clip_pg; DROP EXTENSION clip_pg; DROP SCHEMA clip_pg');
$node->safe_psql('own', 'CREATE EXTENSION clip_pg; DROP EXTENSION clip_pg');
SKIP:
{
	($code) = $node->psql('postgres', 'SET standard_conforming_strings = off');
	skip 'backslashes are never escapes, since PostgreSQL 19', 2 if $code != 0;
	installed_in('backslashes', 'first', 'SET standard_conforming_strings = off; SET escape_string_warning = off');
	works('backslashes', 'first', 'installed where backslashes are escapes');
	is($node->safe_psql('backslashes', 'SET standard_conforming_strings = off; SELECT source, mode FROM clip_pg.auto_embed'),
		'note|trigger', 'and used there');
}

note 'files elsewhere';
my $tree = PostgreSQL::Test::Utils::tempdir();
my ($libraries, $share) = map { $node->config_data("--$_") } qw(pkglibdir sharedir);
mkdir "$tree/$_" or die $! for qw(lib lib/clip_pg share share/extension);
copy("$libraries/clip_pg.so", "$tree/lib/clip_pg.so") or die $!;
copy("$libraries/clip_pg/libonnxruntime.so", "$tree/lib/clip_pg/libonnxruntime.so") or die $!;
PostgreSQL::Test::RecursiveCopy::copypath("$share/extension/clip_pg", "$tree/share/extension/clip_pg");
my $models = $node->safe_psql('plain', q(SELECT pg_get_function_result('"Second one".clip_models()'::regprocedure)));
sub models_of
{
	my ($library) = @_;
	return "LOAD '$library'; CREATE OR REPLACE FUNCTION models() RETURNS $models AS '$library', 'models_wrapper' LANGUAGE C;
		SHOW clip_pg.onnxruntime_library; SELECT directory FROM models()";
}
is($node->safe_psql('postgres', models_of("$tree/lib/clip_pg.so")),
	"$tree/lib/clip_pg/libonnxruntime.so\n$tree/share/extension/clip_pg/models/clip-mini", 'what belongs to a library lies beside it');
is($node->safe_psql('postgres', models_of('$libdir/clip_pg')),
	"$libraries/clip_pg/libonnxruntime.so\n$share/extension/clip_pg/models/clip-mini", 'or where the server has it');

# The same tree below another root, as packages are put together.
my $root = "$tree/root";
my $moved = $root . $libraries;
system('mkdir', '-p', "$moved/clip_pg", "$root$share/extension") == 0 or die;
copy("$libraries/clip_pg.so", "$moved/clip_pg.so") or die $!;
PostgreSQL::Test::RecursiveCopy::copypath("$share/extension/clip_pg", "$root$share/extension/clip_pg");
is($node->safe_psql('postgres', models_of("$moved/clip_pg.so")),
	"$libraries/clip_pg/libonnxruntime.so\n$root$share/extension/clip_pg/models/clip-mini", 'or at the same place of another tree');

SKIP:
{
	skip 'needs PostgreSQL 18', 1 if $node->pg_version < 18;
	copy("$share/extension/clip_pg.control", "$tree/share/extension/") or die $!;
	copy($_, "$tree/share/extension/") or die $! for glob "$share/extension/clip_pg--*.sql";
	$node->append_conf('postgresql.conf', "extension_control_path = '$tree/share:\$system'\ndynamic_library_path = '$tree/lib:\$libdir'");
	$node->restart;
	$node->safe_psql('postgres', 'CREATE EXTENSION clip_pg');
	is($node->safe_psql('postgres', 'SELECT directory, vector_dims(clip_embed_text(name)) FROM clip_models; SHOW clip_pg.onnxruntime_library'),
		"$tree/share/extension/clip_pg/models/clip-mini|512\n$tree/lib/clip_pg/libonnxruntime.so", 'found by the settings of the server');
	is($node->safe_psql('postgres', "LOAD 'clip_pg'; SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'clip_pg'"),
		$node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'clip_pg'"), 'tells its name and version');
}

done_testing();
