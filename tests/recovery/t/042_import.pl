# Importing image files that lie on the server.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $pictures = PostgreSQL::Test::Utils::tempdir();
my $gif = sub { pack('H*', '47494638376102000200810000' . $_[0] . '0000000000000000002c0000000002000200000806000108041010003b') };

sub picture
{
	my ($name, $contents) = @_;
	unlink "$pictures/$name";
	append_to_file("$pictures/$name", $contents);
	return;
}

# What an import into photos returns and says.
sub import_files
{
	my ($arguments, %options) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', ($options{before} // '') . "CALL clip_import('$pictures', 'photos'$arguments)", on_error_stop => 0);
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	$stderr =~ s/\Q$pictures\E/DIR/g;
	return ($stdout, $stderr);
}

mkdir "$pictures/$_" for 'one', 'one/two', '.hidden', 'three.jpg';
picture('red.gif', $gif->('ff0000'));
picture('one/blue.GIF', $gif->('0000ff'));
picture('one/two/a red copy.gif', $gif->('ff0000'));
picture("one/it's \"quoted\" \\ {1}, NULL.gif", $gif->('00ff00'));
picture('.hidden/yellow.gif', $gif->('ffff00'));
picture('.yellow.gif', $gif->('ffff00'));
picture('notes.txt', 'no image');
picture('broken.jpg', 'no image either');
picture('empty.png', '');
picture('three.jpg/white.gif', $gif->('ffffff'));
symlink "$pictures", "$pictures/one/round.gif";
symlink "$pictures/nowhere", "$pictures/nowhere.gif";

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION clip_pg;
CREATE TABLE photos (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path text UNIQUE, size bigint, sha256 bytea, taken timestamp,
    image bytea, embedding clip_vector(512));
SELECT clip_auto_embed('photos', 'image', 'embedding', mode => 'queue');
SQL
my ($out, $err) = import_files('');
is($out, '4|0|1|2', 'imported, updated, skipped, failed');
is("$err\n", <<'ERR', 'what is no image is told');
WARNING:  could not read "DIR/nowhere.gif": No such file or directory
NOTICE:  passed over: 1 no picture by its content (1 .txt); 2 hidden; 1 link to a directory
WARNING:  could not import "DIR/broken.jpg": image format not recognized
WARNING:  could not import "DIR/empty.png": image format not recognized
NOTICE:  1 file(s) skipped whose contents are there under another path
DETAIL:  DIR/red.gif
ERR
is($node->safe_psql('postgres', "SELECT replace(path, '$pictures', 'DIR'), size, sha256 = sha256(image), taken, length(image), embedding FROM photos ORDER BY path"),
	<<'ROWS' =~ s/\n\z//r, 'with all that is known of them');
DIR/one/blue.GIF|45|t||45|
DIR/one/it's "quoted" \ {1}, NULL.gif|45|t||45|
DIR/one/two/a red copy.gif|45|t||45|
DIR/three.jpg/white.gif|45|t||45|
ROWS
($out, $err) = import_files(', batch_size => 1');
is($out, '0|0|5|2', 'a second time nothing is imported');
picture('one/blue.GIF', $gif->('0000ff') . 'longer');
unlink "$pictures/broken.jpg";
picture('another.gif', $gif->('123456'));
# The date of a JPEG's beginning; decoding would find no picture.
picture('dated.jpg', "\xff\xd8\xff\xe1" . pack('n', 72) . "Exif\0\0MM\0*\0\0\0\x08" . pack('nnnNNN', 1, 0x8769, 4, 1, 26, 0)
	. pack('nnnNNN', 1, 0x9003, 2, 20, 44, 0) . "1998:07:12 21:00:05\0\xff\xc0" . pack('nCnnC', 11, 8, 1, 1, 1) . "\1\x11\0\xff\xda" . pack('n', 8) . "\1\1\0\0\x3f\0\xff\xd9");
($out, $err) = import_files('');
is($out, '2|1|4|1', 'what has come or changed is');
is($node->safe_psql('postgres', "SELECT taken FROM photos WHERE path LIKE '%/dated.jpg'"), '1998-07-12 21:00:05', 'the date of the EXIF block');
$node->safe_psql('postgres', 'CALL clip_work_queue()');
is($node->safe_psql('postgres', 'SELECT count(*), count(embedding) FROM photos'), '6|5', 'what was imported is embedded');
is($node->safe_psql('postgres', "SELECT substring(key::text, '\\d+')::integer = (SELECT id FROM photos WHERE taken IS NOT NULL) FROM clip_embed_errors"), 't',
	'what has only a header is listed');

note 'other columns, other triggers';
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA "a b";
CREATE TABLE "a b"."The Files" ("The Path" text, "The File" bytea, vector clip_vector(512));
SELECT clip_auto_embed('"a b"."The Files"', 'The File', 'vector');
SQL
($out, $err) = import_files('', before => "SET search_path = 'a b', public; CREATE VIEW photos AS SELECT 1; DROP VIEW photos; ");
is($out, '0|0|7|1', 'the table is found by the search path');
my ($status, $stdout, $stderr) = $node->psql('postgres',
	"CALL clip_import('$pictures', '\"a b\".\"The Files\"', 'The File', 'The Path', NULL, NULL, NULL)");
is($stdout, '6|0|0|2', 'what is not kept is not asked for');
like($stderr, qr/WARNING:  could not import "[^"]*dated.jpg": invalid JPEG image/, 'what the trigger refuses is told');
is($node->safe_psql('postgres', 'SELECT count(vector) FROM "a b"."The Files"'), '6', 'and the rest is embedded');

note 'unusual files';
my $unusual = PostgreSQL::Test::Utils::tempdir();
append_to_file("$unusual/a.JFIF", $gif->('0000aa'));
append_to_file("$unusual/b.jp2", "\0\0\0\x0cjP  \r\n\x87\n");
append_to_file("$unusual/README", 'no image');
append_to_file("$unusual/c.xyz", 'no image');
append_to_file("$unusual/d", '');
# What it holds tells, whatever it is called; and nobody waits for a writer of a pipe.
append_to_file("$unusual/scan.0001", $gif->('00aa00'));
system_or_bail('mkfifo', "$unusual/pipe.gif");
# Sparse.
append_to_file("$unusual/huge.tif", '');
truncate "$unusual/huge.tif", 3 << 30 or die "could not make a large file: $!";
($status, $stdout, $stderr) = $node->psql('postgres', "CREATE TABLE unusual (path text, image bytea);
	CALL clip_import('$unusual', 'unusual', size => NULL, sha256 => NULL, taken => NULL);
	SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)')::integer < 1000000");
is($stdout, "2|0|0|2\nt", 'a large file is not read');
$stderr =~ s/^psql:<stdin>:\d+: //mg;
is($stderr =~ s/\Q$unusual\E/DIR/gr . "\n", <<'ERR', 'each is told of');
NOTICE:  passed over: 2 no picture by its content (1 without extension, 1 .xyz); 1 empty; 1 neither a file nor a directory
WARNING:  could not import "DIR/b.jp2": invalid JPEG 2000 image: there is no codestream
WARNING:  file "DIR/huge.tif" of 3221225472 bytes exceeds the limit of 1073741819 bytes
ERR

is($node->safe_psql('postgres', "SELECT substr(path, length('$unusual') + 2), size, format, passed_over FROM clip_import_files('$unusual') ORDER BY path COLLATE \"C\""), <<'FILES' =~ s/\n$//r, 'everything is listed');
README|8||no picture by its content
a.JFIF|45|gif|
b.jp2|12|jp2|
c.xyz|8||no picture by its content
d|||empty
huge.tif|3221225472||no picture by its content
pipe.gif|||neither a file nor a directory
scan.0001|45|gif|
FILES

note 'paths beyond the encoding of a database';
my $named = PostgreSQL::Test::Utils::tempdir();
append_to_file("$named/$_", $gif->('0000bb')) for "a \xe2\x82\xac.gif", "b \xc3\xa9.gif", "c \xe9.gif";
$node->safe_psql('postgres', "CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
($status, $stdout, $stderr) = $node->psql('latin1', "CREATE EXTENSION clip_pg; CREATE TABLE named (path text, image bytea);
	CALL clip_import('$named', 'named', size => NULL, sha256 => NULL, taken => NULL);
	SELECT encode(convert_to(path, 'UTF8'), 'escape') FROM named", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($stdout, qr{^1\|0\|0\|0\n\Q$named\E/b \\303\\251\.gif$}, 'a file that cannot be named stops no other');
is(join("\n", map { s/\Q$named\E/DIR/r } $stderr =~ /WARNING:  (.*)/g) . "\n", <<'ERR', 'each is told of');
22P05: path "DIR/a ?.gif" has characters that the database's encoding lacks
22021: path "DIR/c ?.gif" is not valid UTF-8
ERR

note 'mistakes';
my %outcome = (
	"'relative', 'photos'" => '42602: directory "relative" is not an absolute path',
	"'$pictures/nothing', 'photos'" => '58P01: could not read "DIR/nothing": No such file or directory',
	"'$pictures/red.gif', 'photos'" => '42809: could not read "DIR/red.gif": Not a directory',
	"'$pictures', 'photos', path => 'id'" => '42804: column "id" of table public.photos is of type integer',
	"'$pictures', 'photos', taken => 'date'" => '42703: column "date" of table public.photos does not exist',
	"'$pictures', 'photos', path => NULL" => '22004: relation, image and path must not be null',
	"'$pictures', 0" => '42P01: relation with OID 0 does not exist',
	"'$pictures', 'photos', sha256 => 'image'" => '22023: column "image" is given twice',
	"NULL, 'photos'" => '22004: directory must not be null',
	"'$pictures', NULL" => '22004: relation, image and path must not be null',
	"'$pictures', 'photos', batch_size => 0" => '22023: batch size must be positive, not 0',
	"'$pictures', 'photos', batch_size => NULL" => '22023: batch size must be positive, not null');
for my $arguments (sort keys %outcome)
{
	(undef, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL clip_import($arguments)");
	my ($error) = $stderr =~ /ERROR:  (.*)/;
	is($error =~ s/\Q$pictures\E/DIR/gr, $outcome{$arguments}, $arguments =~ s/\Q$pictures\E/DIR/gr);
}

note 'rights';
$node->safe_psql('postgres', 'CREATE ROLE reader IN ROLE pg_read_server_files; CREATE ROLE other; GRANT ALL ON photos TO other; GRANT SELECT ON photos TO reader');
for my $call ("CALL clip_import('$pictures', 'photos')", "SELECT * FROM clip_import_files('/nowhere')", "CALL clip_import('/nowhere', 'photos')")
{
	(undef, $stdout, $stderr) = $node->psql('postgres', "SET ROLE other;\n$call");
	like($stderr, qr/ERROR:  permission denied to import files of the server\nDETAIL/, 'others may not read files, nor find out what there is');
}
picture('new.gif', $gif->('654321'));
(undef, undef, $stderr) = $node->psql('postgres', "SET ROLE reader;\nCALL clip_import('$pictures', 'photos')");
like($stderr, qr/ERROR:  permission denied for table photos/, 'readers of files need rights on the table');
$node->safe_psql('postgres', 'GRANT INSERT, UPDATE ON photos TO reader');
(undef, $stdout, $stderr) = $node->psql('postgres', "SET ROLE reader;\nCALL clip_import('$pictures', 'photos')");
is($stdout, '1|0|7|1', 'and no others');
chmod 0, "$pictures/one/two", "$pictures/red.gif";
SKIP:
{
	skip 'permissions do not bind this user', 1 if -r "$pictures/red.gif";
	$node->safe_psql('postgres', 'DELETE FROM photos');
	(undef, $err) = import_files('');
	like($err, qr/could not read "DIR\/one\/two": Permission denied\n.*could not read "DIR\/red.gif": Permission denied/s, 'what the server may not read is told');
}
chmod 0700, "$pictures/one/two";
$node->stop;

done_testing();
