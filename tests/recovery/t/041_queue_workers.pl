# Background workers for queues: started by commits and by the clock, as owners, ended, killed, on a standby, switched off.
use strict;
use warnings;
use CPAN::Meta::YAML;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $patience = $PostgreSQL::Test::Utils::timeout_default // 180;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
# The clock does nothing here unless it is asked to.
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'clip_pg'
clip_pg.queue_naptime = '1h'
clip_pg.queue_workers = 1
restart_after_crash = on
max_prepared_transactions = 2
autovacuum = off
CONF
$node->start;
my $good = "'\\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'";
my $bad = "'\\x4749463837610200'";

# A database with a queue.
sub prepare
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database") if $database ne 'empty';
	$node->safe_psql($database, <<'SQL');
CREATE EXTENSION clip_pg;
CREATE TABLE photos (id integer PRIMARY KEY, image bytea, embedding clip_vector(512));
SELECT clip_auto_embed('photos', 'image', 'embedding', mode => 'queue');
CREATE TABLE written (id integer, by integer DEFAULT pg_backend_pid());
CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.written VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER note_write AFTER UPDATE ON photos FOR EACH ROW WHEN (NEW.embedding IS NOT NULL) EXECUTE FUNCTION note_write();
SQL
	return;
}

sub embedded
{
	my ($database, $count, $test) = @_;
	ok($node->poll_query_until($database, "SELECT count(embedding) = $count FROM photos"), $test);
	return;
}

sub workers
{
	return "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'clip_pg queue worker'";
}

sub set
{
	my ($setting, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $setting = $value");
	$node->reload;
	return;
}

note 'by commits';
prepare('one');
my %listener = (out => '', err => '');
$listener{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('one'), '-c', 'LISTEN clip_pg',
	'-c', q{DO 'BEGIN WHILE (SELECT count(embedding) < 3 FROM photos) LOOP COMMIT; PERFORM pg_sleep(0.1); END LOOP; END'}, '-c', 'SELECT pg_sleep(1)', '-c', 'SELECT 1' ],
	'>', \$listener{out}, '2>', \$listener{err}, IPC::Run::timeout($patience));
$node->poll_query_until('one', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'DO %' AND pid <> pg_backend_pid()");
$node->safe_psql('one', "INSERT INTO photos SELECT n, CASE n WHEN 3 THEN $bad ELSE $good END::bytea FROM generate_series(1, 4) n");
embedded('one', 3, 'rows are embedded when they are committed');
ok($node->poll_query_until('one', 'SELECT count(*) = 1 FROM clip_embed_errors'), 'one at fault is listed');
$listener{run}->finish;
like($listener{out}, qr/"clip_pg" with payload "public.photos"/, 'who listens is told');
$node->safe_psql('one', "UPDATE photos SET image = $good WHERE id = 3");
embedded('one', 4, 'also those that are changed');
$node->safe_psql('one', q{SELECT clip_mark_pending('photos', 'embedding')});
embedded('one', 4, 'and those that are marked');
ok($node->poll_query_until('postgres', 'SELECT (' . workers() . ') = 0'), 'a worker ends when nothing comes');
$node->safe_psql('one', 'SELECT clip_auto_embed_remove(\'photos\', \'embedding\'); UPDATE photos SET embedding = NULL');
$node->safe_psql('one', "SELECT clip_auto_embed('photos', 'image', 'embedding', mode => 'queue')");
embedded('one', 4, 'rows that are there when the queue is made are embedded');

note 'databases take turns';
prepare($_) for 'two', 'three';
$node->safe_psql($_, "INSERT INTO photos SELECT n, $good FROM generate_series(1, 40) n") for 'two', 'three';
embedded($_, 40, "database $_") for 'two', 'three';
is($node->safe_psql('postgres', workers() . ' HAVING count(*) > 1'), '', 'with no more workers than are set');
my $stream = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('two'), '-c',
	"DO 'BEGIN FOR n IN 1000..100000 LOOP INSERT INTO photos VALUES (n, ''\\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b''); COMMIT; PERFORM pg_sleep(0.02); END LOOP; END'" ],
	'>', '/dev/null', '2>', '/dev/null');
$node->poll_query_until('two', 'SELECT count(embedding) > 45 FROM photos');
$node->safe_psql('three', "INSERT INTO photos VALUES (1000, $good)");
ok($node->poll_query_until('three', 'SELECT embedding IS NOT NULL FROM photos WHERE id = 1000'), 'also while rows come in all the time');
$node->safe_psql('two', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %'});
$stream->finish;
$node->safe_psql('three', 'DELETE FROM photos WHERE id = 1000');
ok($node->poll_query_until('two', 'SELECT count(*) = count(embedding) FROM photos'), 'none of which is left');

note 'in nobody\'s way';
$node->safe_psql('two', "INSERT INTO photos SELECT n + 100, $good FROM generate_series(1, 4) n");
$node->safe_psql('postgres', 'DROP DATABASE two');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'two'"), '0', 'a database can be dropped');

note 'as the owner, in spite of what the database\'s owner has set';
$node->safe_psql('three', <<'SQL');
CREATE ROLE owner;
ALTER TABLE photos OWNER TO owner;
GRANT ALL ON written TO owner;
ALTER TABLE written ADD who name DEFAULT current_user;
CREATE SCHEMA evil;
CREATE FUNCTION evil.catch(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.written (id) VALUES (-1); RETURN true; END';
CREATE FUNCTION evil.cardinality(anyarray) RETURNS integer LANGUAGE sql AS 'SELECT 0 WHERE evil.catch(NULL)';
CREATE FUNCTION evil.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format';
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.catch(value));
CREATE DOMAIN evil.oid AS pg_catalog.oid CHECK (evil.catch(value::pg_catalog.text));
ALTER DATABASE three SET search_path = evil, pg_catalog;
ALTER DATABASE three SET default_transaction_read_only = on;
ALTER DATABASE three SET statement_timeout = 1;
ALTER DATABASE three SET default_transaction_isolation = serializable;
CREATE ROLE nobody;
ALTER DATABASE three SET role = nobody;
ALTER DATABASE three SET datestyle = 'SQL, DMY';
ALTER DATABASE three SET timezone = 'Africa/Harare';
ALTER DATABASE three SET client_encoding = 'LATIN1';
ALTER DATABASE three SET plpgsql.variable_conflict = 'use_column';
ALTER DATABASE three SET plpgsql.extra_errors = 'all';
ALTER ROLE postgres IN DATABASE three SET lock_timeout = 1;
ALTER ROLE ALL SET row_security = off;
SQL
ok($node->poll_query_until('postgres', 'SELECT (' . workers() . ') = 0'), 'no worker is there');
{
	# What is asked for when connecting comes before what is set for the database.
	local $ENV{PGOPTIONS} = '-c search_path=public,pg_catalog -c statement_timeout=0 -c default_transaction_read_only=off -c default_transaction_isolation=read\ committed -c role=none';
	$node->safe_psql('three', q{SELECT clip_mark_pending('photos', 'embedding')});
	embedded('three', 40, 'embeds');
	is($node->safe_psql('three', "SELECT string_agg(DISTINCT who, ',') FROM written WHERE who <> 'postgres'"), 'owner', 'as the owner');
	is($node->safe_psql('three', 'SELECT count(*) FROM written WHERE id < 0'), '0', 'without calling what lies in the way');
}
$node->safe_psql('postgres', 'ALTER ROLE ALL RESET row_security');

note 'what a table\'s owner does';
set('clip_pg.queue_naptime', 1);
$node->safe_psql('one', <<'SQL');
CREATE ROLE other LOGIN;
GRANT CREATE ON SCHEMA public TO other;
SET ROLE other;
CREATE TABLE aaa (id integer, note text, vector clip_vector);
SELECT clip_auto_embed('aaa', 'note', 'vector', mode => 'queue');
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER hold BEFORE UPDATE ON aaa FOR EACH ROW EXECUTE FUNCTION hold();
SQL
my $id = 100;
# Rows come for both, and those of the others are embedded whatever the one table's owner does.
sub passed_over
{
	my ($message, $test) = @_;
	my $offset = -s $node->logfile;
	$node->safe_psql('one', 'INSERT INTO aaa VALUES (1, \'a\')') if $message !~ /lock/;
	$id++;
	$node->safe_psql('one', "INSERT INTO photos VALUES ($id, $good)");
	ok($node->poll_query_until('one', "SELECT embedding IS NOT NULL FROM photos WHERE id = $id"), "$test: others are served");
	ok($node->wait_for_log($message, $offset), 'it is told');
	return;
}
$node->safe_psql('one', 'INSERT INTO aaa VALUES (0, \'a\')');
ok($node->poll_query_until('one', 'SELECT count(vector) = 1 FROM aaa'), 'nothing at first');
my $holder = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('one'), '-c', 'BEGIN', '-c', 'INSERT INTO aaa VALUES (1, \'a\')', '-c', 'COMMIT',
	'-c', 'BEGIN', '-c', 'LOCK TABLE aaa', '-c', 'SELECT pg_sleep(1000)' ], '>', '/dev/null', '2>', '/dev/null');
$node->poll_query_until('one', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1000)'});
passed_over(qr/could not embed what is pending in table public.aaa: canceling statement due to lock timeout/, 'a table is locked');
is($node->psql('one', 'CALL clip_work_queue()'), 0, 'clip_work_queue passes it over, too');
$node->safe_psql('one', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1000)'});
$holder->finish;
ok($node->poll_query_until('one', 'SELECT count(vector) = count(*) FROM aaa'), 'which is tried again');
set('clip_pg.queue_timeout', 300);
$node->safe_psql('one', q{CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1000); RETURN NEW; END'});
passed_over(qr/could not embed what is pending in table public.aaa: canceling statement due to statement timeout/, 'a trigger sleeps');
$node->safe_psql('one', <<'SQL');
CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		BEGIN
			PERFORM pg_sleep(1000);
		EXCEPTION WHEN query_canceled THEN
			NULL;
		END;
	END LOOP;
END $$;
SQL
passed_over(qr/terminating background worker "clip_pg queue worker"/, 'a trigger does not let itself be canceled');
for (1 .. 3)
{
	$id++;
	$node->safe_psql('one', "INSERT INTO photos VALUES ($id, $good)");
	$node->poll_query_until('one', "SELECT embedding IS NOT NULL FROM photos WHERE id = $id");
}
is(scalar(() = slurp_file($node->logfile) =~ /terminating background worker/g), 1, 'which is not tried again soon');
$node->safe_psql('one', "DROP TABLE aaa; DELETE FROM photos WHERE id >= 100");
set('clip_pg.queue_timeout', "'1min'");
set('clip_pg.queue_naptime', "'1h'");

note 'one table\'s error';
$node->safe_psql('one', <<"SQL");
CREATE TABLE "a table" (id integer, image bytea, embedding clip_vector);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON "a table" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT clip_auto_embed('"a table"', 'image', 'embedding', mode => 'queue');
INSERT INTO "a table" VALUES (1, $good);
INSERT INTO photos VALUES (5, $good);
SQL
embedded('one', 5, 'leaves the others their turn');
like(slurp_file($node->logfile), qr/WARNING:  could not embed what is pending in table public."a table": cannot fire deferred trigger/, 'and is logged');
$node->safe_psql('one', 'DROP TABLE "a table"');

note 'what is another session\'s own';
my $temporary = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('one'), '-c', 'CREATE TEMP TABLE own (note text, vector clip_vector)',
	'-c', q{SELECT clip_auto_embed('own', 'note', 'vector', mode => 'queue')}, '-c', q{INSERT INTO own VALUES ('a')}, '-c', 'SELECT pg_sleep(1000)' ],
	'>', '/dev/null', '2>', '/dev/null');
$node->poll_query_until('one', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1000)'});
$node->safe_psql('one', q{SELECT clip_mark_pending('photos', 'embedding', 'id = 5')});
embedded('one', 5, 'is left alone');
$node->safe_psql('one', q{SELECT count(*) FROM clip_embed_status; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1000)'});
$temporary->finish;
unlike(slurp_file($node->logfile), qr/temporary tables of other sessions/, 'without trying');

note 'by the clock';
$node->safe_psql('one', "BEGIN; INSERT INTO photos VALUES (6, $good); PREPARE TRANSACTION 'x'");
$node->safe_psql('one', "COMMIT PREPARED 'x'");
usleep(500_000);
is($node->safe_psql('one', 'SELECT count(embedding) FROM photos'), '5', 'a prepared transaction is not noticed');
# As a DROP DATABASE that was interrupted leaves it.
$node->safe_psql('postgres', 'CREATE DATABASE half');
$node->safe_psql('postgres', "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'");
set('clip_pg.queue_naptime', 1);
embedded('one', 6, 'but found');
$node->safe_psql('one', "UPDATE photos SET image = $bad WHERE id = 6");
ok($node->poll_query_until('one', 'SELECT count(*) = 1 FROM clip_embed_errors'), 'a row at fault');
usleep(2_500_000);
is($node->safe_psql('one', 'SELECT attempts FROM clip_embed_errors'), '1', 'is not tried again');
unlike(slurp_file($node->logfile), qr/cannot connect to invalid database/, 'what is left of a database is not looked at');
$node->safe_psql('postgres', 'DROP DATABASE half');
$node->safe_psql('one', "DELETE FROM photos WHERE id = 6");
ok($node->poll_query_until('one', 'SELECT count(*) = 0 FROM clip_embed_errors'), 'and not listed when it is gone');
set('clip_pg.queue_naptime', "'1h'");

note 'a database without the extension';
$node->safe_psql('postgres', 'CREATE DATABASE empty');
my $commits = q{(SELECT xact_commit FROM pg_stat_database WHERE datname = '%s')};
set('clip_pg.queue_naptime', 1);
$node->poll_query_until('postgres', sprintf("SELECT $commits > 0", 'empty'));
my ($one, $empty) = map { $node->safe_psql('postgres', sprintf("SELECT $commits", $_)) } 'one', 'empty';
$node->poll_query_until('postgres', sprintf("SELECT $commits > $one + 20", 'one'));
is($node->safe_psql('postgres', sprintf("SELECT $commits", 'empty')), $empty, 'is looked at once');
prepare('empty');
# Of this nobody tells.
$node->safe_psql('empty', "BEGIN; INSERT INTO photos VALUES (1, $good); PREPARE TRANSACTION 'y'");
$node->safe_psql('empty', "COMMIT PREPARED 'y'");
embedded('empty', 1, 'and again since it has the extension');
set('clip_pg.queue_naptime', "'1h'");

note 'terminated and killed';
my $long = ($ENV{PG_TEST_EXTRA} // '') =~ /\bfaults\b/;
my $rows = $long ? 2000 : 150;
$node->safe_psql('one', 'TRUNCATE photos, written');
$node->safe_psql('one', "INSERT INTO photos SELECT n, CASE WHEN n % 10 = 0 THEN $bad ELSE $good END::bytea FROM generate_series(1, $rows) n");
my $worker = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'clip_pg queue worker'";
ok($node->poll_query_until('one', 'SELECT count(embedding) > 10 FROM photos'), 'a worker is at work');
my $pid = $node->safe_psql('one', $worker);
$node->safe_psql('one', "SELECT pg_terminate_backend($pid)");
$node->safe_psql('one', "INSERT INTO photos VALUES (0, NULL); UPDATE photos SET image = $good WHERE id = 0");
ok($node->poll_query_until('one', 'SELECT count(embedding) > 40 FROM photos'), 'another one goes on');
for my $round (1 .. $long ? 10 : 1)
{
	$node->poll_query_until('one', "SELECT EXISTS ($worker)");
	$pid = $node->safe_psql('one', $worker);
	kill 'KILL', $pid;
	$node->poll_query_until('one', "SELECT NOT EXISTS ($worker AND pid = $pid)");
}
ok($node->poll_query_until('one', "SELECT count(embedding) = $rows * 9 / 10 + 1 FROM photos"), 'and after a crash yet another');
$node->poll_query_until('one', "SELECT count(*) = $rows / 10 FROM clip_embed_errors");
is($node->safe_psql('one', <<'SQL'), ($rows / 10) . '|1|0', 'those at fault are listed once, none is written twice');
SELECT (SELECT count(*) FROM clip_embed_errors), (SELECT max(attempts) FROM clip_embed_errors),
    (SELECT count(*) FROM (SELECT FROM written GROUP BY id HAVING count(*) > 1) twice)
SQL

note 'a standby';
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
my $launchers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'clip_pg queue%'";
is($standby->safe_psql('one', $launchers), '0', 'has no launcher');
is($standby->safe_psql('one', q{SELECT embedded, failed FROM clip_embed_status WHERE relation = 'photos'::regclass}), ($rows * 9 / 10 + 1) . '|' . $rows / 10, 'tells what is embedded');
for my $call ("clip_backfill('photos')", 'clip_work_queue()')
{
	my ($status, $stdout, $stderr) = $standby->psql('one', "\\set VERBOSITY verbose\nCALL $call");
	like($stderr, qr/ERROR:  25006: cannot embed what is pending during recovery/, "refuses $call");
}

note 'switched off';
set('clip_pg.queue_workers', 0);
ok($node->poll_query_until('postgres', 'SELECT (' . workers() . ') = 0'), 'no worker is there');
$node->safe_psql('one', "INSERT INTO photos VALUES (-1, $good)");
usleep(500_000);
is($node->safe_psql('one', 'SELECT count(*) FROM photos WHERE id = -1 AND embedding IS NULL'), '1', 'nothing happens');
$node->wait_for_catchup($standby);
$standby->promote;
ok($standby->poll_query_until('one', 'SELECT count(*) = 1 FROM photos WHERE id = -1 AND embedding IS NOT NULL'), 'a promoted standby goes on');
$standby->stop;
$node->safe_psql('one', 'CALL clip_work_queue()');
is($node->safe_psql('one', 'SELECT count(*) FROM photos WHERE id = -1 AND embedding IS NOT NULL'), '1', 'until clip_work_queue is called');
set('clip_pg.queue_workers', 1);
$node->safe_psql('one', "INSERT INTO photos VALUES (-2, $good)");
ok($node->poll_query_until('one', 'SELECT count(*) = 1 FROM photos WHERE id = -2 AND embedding IS NOT NULL'), 'and switched on');

note 'an error that is no row\'s';
$node->append_conf('postgresql.conf', "clip_pg.seat_payload = '64kB'");
set('clip_pg.queue_workers', 0);
$node->restart;
$node->safe_psql('one', "INSERT INTO photos SELECT n, $good FROM generate_series(-20, -11) n");
my $listed = $node->safe_psql('one', 'SELECT count(*) FROM clip_embed_errors');
my (undef, undef, $stderr) = $node->psql('one', q{CALL clip_backfill('photos')});
like($stderr, qr/ERROR:  image of \d+ bytes for model "clip-mini" does not fit in a seat/, 'ends the call');
is($node->safe_psql('one', 'SELECT count(*) FROM clip_embed_errors'), $listed, 'and is not held against rows');
$node->append_conf('postgresql.conf', "clip_pg.seat_payload = '768kB'");
$node->restart;
$node->safe_psql('one', q{CALL clip_backfill('photos')});
is($node->safe_psql('one', 'SELECT count(embedding) FROM photos WHERE id <= -11'), '10', 'which are embedded when it is mended');
set('clip_pg.queue_workers', 1);

note 'what monitoring asks';
my $collectors = $node->config_data('--sharedir') . '/extension/clip_pg/monitoring';
$node->safe_psql('one', <<'SQL');
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
CREATE ROLE exporter LOGIN IN ROLE pg_monitor;
CREATE SCHEMA monitoring;
CREATE FUNCTION monitoring.clip_embed_status()
RETURNS TABLE (relation regclass, source name, target name, model text, mode text, embedded bigint, pending bigint,
               failed bigint, fires text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT relation, source, target, model, mode, embedded, pending, failed, fires FROM public.clip_embed_status';
CREATE VIEW monitoring.clip_embed_status AS SELECT * FROM monitoring.clip_embed_status();
GRANT USAGE ON SCHEMA monitoring TO exporter;
GRANT SELECT ON monitoring.clip_embed_status TO exporter;
ALTER ROLE exporter SET search_path = monitoring, public;
SQL
my %exported;
for my $file (sort glob "$collectors/*.collector.yml")
{
	my $collector = CPAN::Meta::YAML->read($file)->[0];
	my %columns = map { $_->{query_name} => {} } @{ $collector->{queries} };
	for my $metric (@{ $collector->{metrics} })
	{
		my $columns = $columns{ $metric->{query_ref} } or die "$metric->{metric_name} refers to no query";
		$exported{ $metric->{metric_name} } = $metric->{query_ref};
		$columns->{$_} = 'label' for @{ $metric->{key_labels} // [] };
		$columns->{$_} = 'value' for @{ $metric->{values} };
	}
	for my $query (@{ $collector->{queries} })
	{
		my ($name, $columns) = ($query->{query_name}, $columns{ $query->{query_name} });
		my @rows = split /\n/, $node->safe_psql('one', "SELECT to_json(q) FROM ($query->{query}) q", extra_params => [ '-U', 'exporter' ]);
		my @values = map { my $column = $_; map { /"$column":("?)/ ? ($1 ? 'label' : 'value') : 'missing' } @rows } sort keys %$columns;
		is_deeply(\@values, [ map { ($columns->{$_}) x @rows } sort keys %$columns ], "columns of $name, numbers where they are values");
		my @others = grep { !$columns->{$_} } map { /"(\w+)":/g } @rows;
		is(@rows > 0 ? "@others" : 'no rows', '', "and no others");
	}
}
my $rules = slurp_file("$collectors/clip_pg.rules.yml");
is(join(' ', grep { !$exported{$_} } $rules =~ /\b(clip_pg_\w+)/g), '', 'alerts are on what is exported');
is($node->safe_psql('one', "SELECT relation, embedded = (SELECT count(embedding) FROM photos), pending, failed FROM monitoring.clip_embed_status"),
	$node->safe_psql('one', 'SELECT relation, true, pending, failed FROM clip_embed_status'), 'counts of the table');
is($node->safe_psql('one', 'SELECT count(*) FROM public.clip_embed_status', extra_params => [ '-U', 'exporter' ]), '0', 'which the role does not own');

note 'no process is left for a worker';
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0");
$node->restart;
$node->safe_psql('one', "INSERT INTO photos VALUES (-3, $good)");
usleep(1_500_000);
is($node->safe_psql('one', 'SELECT count(*) FROM photos WHERE id = -3 AND embedding IS NULL'), '1', 'rows wait');
$node->stop;

my $log = slurp_file($node->logfile) . slurp_file($standby->logfile);
unlike($log, qr/terminated by signal (?!9\b)|exited with exit code (?![012]\b)/, 'no process crashed by itself');
unlike($log, qr/panicked at|PANIC/, 'nothing panicked');

done_testing();
