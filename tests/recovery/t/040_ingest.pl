# Embeddings kept current through a crash, by several sessions, and on a subscriber.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->start;
my $patience = $PostgreSQL::Test::Utils::timeout_default // 180;
my $long = ($ENV{PG_TEST_EXTRA} // '') =~ /\bfaults\b/;
my $rows = $long ? 5000 : 400;
my $broken = $rows / 10;

# A database with rows that wait for their embeddings, every tenth of them broken.
sub prepare
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, <<"SQL");
CREATE EXTENSION clip_pg;
CREATE TABLE photos (id integer PRIMARY KEY, image bytea, embedding clip_vector(512));
SELECT clip_auto_embed('photos', 'image', 'embedding', mode => 'queue');
INSERT INTO photos SELECT n, CASE WHEN n % 10 = 0 THEN '\\x4749463837610200'
    ELSE '\\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'::bytea END
FROM generate_series(1, $rows) n;
CREATE TABLE written (id integer, by integer DEFAULT pg_backend_pid());
CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.written VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER note_write AFTER UPDATE ON photos FOR EACH ROW EXECUTE FUNCTION note_write();
SQL
	return;
}

# Starts a session that runs a command.
sub background
{
	my ($database, $command) = @_;
	my %session = (out => '', err => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($database), '-c', $command ],
		'>', \$session{out}, '2>', \$session{err}, IPC::Run::timeout($patience));
	return \%session;
}

# Every good row is embedded, every broken one listed once, none was written twice.
sub complete
{
	my ($database, $test) = @_;
	is($node->safe_psql($database, <<'SQL'), ($rows - $broken) . "|$broken|$broken|1|0", $test);
SELECT (SELECT count(*) FROM photos WHERE embedding IS NOT NULL AND id % 10 <> 0), (SELECT count(*) FROM clip_embed_errors),
    (SELECT count(DISTINCT key) FROM clip_embed_errors), (SELECT max(attempts) FROM clip_embed_errors),
    (SELECT count(*) FROM (SELECT FROM written GROUP BY id HAVING count(*) > 1) twice)
SQL
	return;
}

note 'two sessions share a queue';
prepare('shared');
my @sessions = map { background('shared', "CALL clip_backfill('photos', batch_size => 5)") } 1 .. 2;
for my $session (@sessions)
{
	ok($session->{run}->finish, 'a session ends');
	like($session->{err}, qr/NOTICE:  embedded \d+ row/, 'and tells what it has done');
}
complete('shared', 'together they embed all');
is($node->safe_psql('shared', 'SELECT count(DISTINCT by) FROM written'), 2, 'each a part');

note 'killed on the way';
prepare('killed');
my $embedded = 0;
for my $round (1 .. $long ? 20 : 1)
{
	my $session = background('killed', "CALL clip_backfill('photos', batch_size => 2)");
	ok($node->poll_query_until('killed', "SELECT count(embedding) > $embedded + 20 FROM photos"), 'a session embeds');
	usleep(rand(200_000));
	$node->stop('immediate');
	eval { $session->{run}->finish };
	$node->start;
	my $before = $embedded;
	$embedded = $node->safe_psql('killed', 'SELECT count(embedding) FROM photos');
	cmp_ok($embedded, '>', $before + 20, 'what was committed is there');
	cmp_ok($embedded, '<', $rows - $broken, 'the rest is not');
}
$node->safe_psql('killed', "CALL clip_work_queue()");
complete('killed', 'the next call continues');

SKIP:
{
	skip 'needs /dev/full', 3 unless -c '/dev/full';
	note 'the disk is full';
	$node->safe_psql('killed', 'CREATE TABLE full_up (note text, vector clip_vector)');
	$node->safe_psql('killed', q{SELECT clip_auto_embed('full_up', 'note', 'vector', mode => 'queue')});
	my $file = $node->data_dir . '/' . $node->safe_psql('killed', q{CHECKPOINT; SELECT pg_relation_filepath('full_up')});
	rename $file, "$file.aside";
	symlink '/dev/full', $file;
	my ($status, $stdout, $stderr) = $node->psql('killed', "\\set VERBOSITY verbose\nINSERT INTO full_up VALUES ('a')");
	like($stderr, qr/ERROR:  53100: could not extend file .*No space left on device/, 'is told as it is');
	unlink $file;
	rename "$file.aside", $file;
	is($node->safe_psql('killed', q{INSERT INTO full_up VALUES ('b'); CALL clip_work_queue(); SELECT note FROM full_up WHERE vector IS NOT NULL}), 'b', 'and passes');
	is($node->safe_psql('killed', 'SELECT count(*) FROM full_up'), '1', 'without a trace');
}

note 'a subscriber';
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;
$node->safe_psql('postgres', 'CREATE TABLE notes (id integer PRIMARY KEY, note text); CREATE PUBLICATION notes FOR TABLE notes');
$subscriber->safe_psql('postgres', <<'SQL');
CREATE EXTENSION clip_pg;
CREATE TABLE notes (id integer PRIMARY KEY, note text, vector clip_vector);
SELECT clip_auto_embed('notes', 'note', 'vector');
SQL
$node->safe_psql('postgres', "INSERT INTO notes VALUES (1, 'copied')");
my $connection = $node->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION notes CONNECTION '$connection' PUBLICATION notes");
$subscriber->wait_for_subscription_sync;
$node->safe_psql('postgres', "INSERT INTO notes VALUES (2, 'inserted'), (3, 'x'); UPDATE notes SET note = 'updated' WHERE id = 3");
$node->wait_for_catchup('notes');
is($subscriber->safe_psql('postgres', 'SELECT note, vector = clip_embed_text(note) FROM notes ORDER BY id'),
	"copied|t\ninserted|t\nupdated|t", 'embeds what is replicated');

# Columns that the publisher knows nothing of, in partitions that it has not; broken images and large objects that are
# not there do not stop what comes after them.
my $good = q{'\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'};
my $other = q{'\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b'};
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE pictures (id integer, place text, title text, image bytea, scan oid, PRIMARY KEY (id, place));
ALTER TABLE pictures REPLICA IDENTITY FULL;
CREATE PUBLICATION pictures FOR TABLE pictures;
SQL
$subscriber->safe_psql('postgres', <<'SQL');
CREATE TABLE pictures (id integer, place text, title text, image bytea, scan oid, vector clip_vector(512), scan_vector clip_vector(512),
    PRIMARY KEY (id, place)) PARTITION BY LIST (place);
CREATE TABLE shelf PARTITION OF pictures FOR VALUES IN ('shelf');
CREATE TABLE store PARTITION OF pictures FOR VALUES IN ('store');
SELECT clip_auto_embed('pictures', 'image', 'vector');
SELECT clip_auto_embed('pictures', 'scan', 'scan_vector', mode => 'queue');
SQL
$node->safe_psql('postgres', "INSERT INTO pictures VALUES (1, 'shelf', 'copied', '\\x00', 4000000000), (2, 'shelf', 'copied', $good, 4000000000)");
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION pictures CONNECTION '$connection' PUBLICATION pictures");
$subscriber->wait_for_subscription_sync;
$node->safe_psql('postgres', "INSERT INTO pictures VALUES (3, 'shelf', 'inserted', '\\x00', 4000000000), (4, 'shelf', 'inserted', $good, NULL)");
$node->wait_for_catchup('pictures');
my $state = q{SELECT id, tableoid::regclass, title, CASE WHEN vector IS NOT NULL THEN vector = clip_embed_image(image) END, scan_vector FROM pictures ORDER BY id};
is($subscriber->safe_psql('postgres', $state), "1|shelf|copied||\n2|shelf|copied|t|\n3|shelf|inserted||\n4|shelf|inserted|t|", 'a broken image is taken without an embedding');
$subscriber->safe_psql('postgres', "UPDATE pictures SET vector = clip_embed_image($other) WHERE id = 4");
$node->safe_psql('postgres', "UPDATE pictures SET title = 'updated'; UPDATE pictures SET place = 'store' WHERE id <= 2; UPDATE pictures SET image = $good WHERE id = 3");
$node->wait_for_catchup('pictures');
is($subscriber->safe_psql('postgres', $state), "1|store|updated||\n2|store|updated|t|\n3|shelf|updated|t|\n4|shelf|updated|f|",
	'a vector stays as long as its source does, and moves');
my ($status, $stdout, $stderr) = $subscriber->psql('postgres', 'CALL clip_backfill(\'pictures\')');
is($status, 0, 'the rest can be tried');
is($subscriber->safe_psql('postgres', 'SELECT relation, target, key->>\'id\', sqlstate FROM clip_embed_errors ORDER BY 1, 2, 3'),
	"shelf|scan_vector|3|42704\nstore|scan_vector|1|42704\nstore|scan_vector|2|42704\nstore|vector|1|22P03", 'and is listed');

note 'a locked table';
my $holder = background('shared', 'BEGIN; LOCK TABLE photos; SELECT pg_sleep(1000)');
$node->poll_query_until('shared', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$node->safe_psql('shared', q{CREATE TABLE calm (note text, vector clip_vector); SELECT clip_auto_embed('calm', 'note', 'vector', mode => 'queue'); INSERT INTO calm VALUES ('a')});
is($node->safe_psql('shared', 'SELECT relation, pending, fires FROM clip_embed_status'), "calm|1|always\nphotos||always", 'does not hide the others');
$node->safe_psql('shared', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
eval { $holder->{run}->finish };

note 'a text that is no UTF-8';
$node->safe_psql('postgres', q{CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'});
is($node->safe_psql('ascii', <<'SQL'), "1|f\n2|t\n22021", 'is written in mode queue, and listed');
CREATE EXTENSION clip_pg;
CREATE TABLE lines (id integer PRIMARY KEY, note text, vector clip_vector);
DO $$ BEGIN PERFORM clip_auto_embed('lines', 'note', 'vector', mode => 'queue'); END $$;
INSERT INTO lines VALUES (1, E'\xe9t\xe9'), (2, 'a note');
UPDATE lines SET note = E'\xe8t\xe8' WHERE id = 1;
SET client_min_messages = error;
CALL clip_work_queue();
SELECT id, vector IS NOT NULL FROM lines WHERE id = 2 OR note = E'\xe8t\xe8' ORDER BY id;
SELECT sqlstate FROM clip_embed_errors;
SQL

done_testing();
