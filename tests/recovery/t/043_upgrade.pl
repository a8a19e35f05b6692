# Dump, restore and upgrade of a database with all that embeds in it: a registered model, generated columns, columns that
# triggers keep current, rows that wait, rows that could not be embedded, and indexes. Upgraded from the server of the
# environment's `oldinstall` if it names one (make upgrade), and else from one of the same version.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old', $ENV{oldinstall} ? (install_path => $ENV{oldinstall}) : ());
$old->init;
$old->append_conf('postgresql.conf', "shared_preload_libraries = 'clip_pg'\nclip_pg.queue_workers = 0");
$old->start;
my $directory = PostgreSQL::Test::Utils::tempdir();
$old->safe_psql('postgres', 'CREATE DATABASE original');
my $model = $old->safe_psql('original', "SELECT setting || '/extension/clip_pg/models/clip-mini' FROM pg_config WHERE name = 'SHAREDIR'");
$old->safe_psql('original', <<"SQL");
CREATE SCHEMA ext;
CREATE EXTENSION clip_pg SCHEMA ext;
SET search_path = public, ext;
SELECT clip_register_model('other', '$model', '{"logit_scale": 50}');
CREATE ROLE curator;
CREATE SCHEMA "the archive";
GRANT USAGE ON SCHEMA "the archive" TO curator;
CREATE TABLE "the archive"."Photos" (
    "Id" integer, part text, image bytea, title text,
    embedding clip_vector(512), title_vector clip_vector(512),
    generated clip_vector(512) GENERATED ALWAYS AS (clip_embed_text(title, 'other')) STORED,
    PRIMARY KEY ("Id", part));
SELECT clip_auto_embed('"the archive"."Photos"', 'image', 'embedding', 'clip-mini', mode => 'queue');
SELECT clip_auto_embed('"the archive"."Photos"', 'title', 'title_vector', 'other');
ALTER TABLE "the archive"."Photos" RENAME image TO "the image";
ALTER TABLE "the archive"."Photos" OWNER TO curator;
INSERT INTO "the archive"."Photos" ("Id", part, "the image", title)
SELECT n, 'a', CASE WHEN n % 5 = 0 THEN '\\x4749463837610200' ELSE '\\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'::bytea END, 'title ' || n
FROM generate_series(1, 20) n;
CREATE TABLE events (id integer PRIMARY KEY, note text, vector clip_vector) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
SELECT clip_auto_embed('events', 'note', 'vector', 'clip-mini', 'queue');
INSERT INTO events VALUES (1, 'embedded'), (2, repeat('x', 100000));
CREATE TABLE keyless (note text, vector clip_vector);
SELECT clip_auto_embed('keyless', 'note', 'vector', 'clip-mini', 'queue');
INSERT INTO keyless VALUES (repeat('x', 100000));
CALL clip_work_queue();
INSERT INTO "the archive"."Photos" ("Id", part, "the image", title) SELECT "Id", 'b', "the image", title FROM "the archive"."Photos" WHERE "Id" < 4;
INSERT INTO events VALUES (3, 'waits');
SQL

# Indexes with filter columns and without, built and then changed.
$old->safe_psql('original', <<'SQL');
CREATE TABLE vectors (id integer PRIMARY KEY, year integer, embedding ext.clip_vector(32));
CREATE FUNCTION vector(n integer) RETURNS ext.clip_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array(SELECT sin((n % 97) * i * 1.7 + i) + 0.5 * sin(n * i * 0.613 + i * i) + 0.3 FROM generate_series(1, 32) i)::ext.clip_vector $$;
INSERT INTO vectors SELECT n, 1900 + n % 50, vector(n) FROM generate_series(1, 3000) n;
CREATE INDEX vectors_embedding ON vectors USING clip_hnsw (embedding, year);
CREATE INDEX vectors_embedding_l2 ON vectors USING clip_hnsw (embedding ext.clip_l2_ops);
DELETE FROM vectors WHERE id % 10 = 3;
UPDATE vectors SET year = 1800 WHERE id % 10 = 4;
VACUUM vectors;
INSERT INTO vectors SELECT n, 1900 + n % 50, vector(n) FROM generate_series(3001, 3200) n;
SQL

# What the indexes find, and that it is by them.
my $searches = 'SET search_path = ext, public; SET enable_seqscan = off; SET enable_sort = off;' . join ';', map {
	(   "SELECT id, embedding <=> vector($_) FROM vectors ORDER BY embedding <=> vector($_) LIMIT 10",
		"SELECT id FROM vectors WHERE year BETWEEN 1800 AND 1910 ORDER BY embedding <=> vector($_) LIMIT 10",
		"SELECT id, embedding <-> vector($_) FROM vectors ORDER BY embedding <-> vector($_) LIMIT 10")
} map { 317 * $_ } 1 .. 10;
my $whole = q{SELECT count(*), bool_and(missing = 0 AND unreachable = 0 AND problems = '{}' AND not_found <= 1)
	FROM pg_index, ext.clip_index_check(indexrelid, heap => true, search => 0.2)
	WHERE indrelid = 'vectors'::regclass AND NOT indisprimary};

# All there is, and what is configured.
my $state = <<'SQL';
SET search_path = ext, public;
SELECT md5(string_agg(p::text, ' ' ORDER BY "Id", part)) FROM "the archive"."Photos" p;
SELECT md5(string_agg(e::text, ' ' ORDER BY id)) FROM events e;
SELECT relation, source, target, model, mode, embedded, pending FROM clip_embed_status;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'zzz%' ORDER BY tgrelid::regclass::text, tgname;
SELECT indexdef FROM pg_indexes WHERE indexdef LIKE '%IS NULL%' ORDER BY 1;
SELECT relname, relowner::regrole FROM pg_class WHERE relname = 'Photos';
SQL

# What is not dumped.
my $errors = 'SELECT * FROM ext.clip_embed_errors ORDER BY relation::text, key';

# What goes on in it is what goes on in the original.
sub goes_on
{
	my ($node, $database) = @_;
	is($node->safe_psql($database, <<'SQL'), "3|0\n4|1|1\n1|1\nf|t", "$database: the queue goes on");
SET search_path = ext, public;
SET client_min_messages = error;
CALL clip_work_queue();
SELECT count(embedding), count(*) FILTER (WHERE title_vector IS NULL) FROM "the archive"."Photos" WHERE part = 'b';
SELECT count(*) FILTER (WHERE relation = '"the archive"."Photos"'::regclass), count(*) FILTER (WHERE relation = 'events_1'::regclass),
    count(*) FILTER (WHERE relation = 'keyless'::regclass) FROM clip_embed_errors;
SELECT count(*) FILTER (WHERE id = 1 AND vector IS NOT NULL), count(*) FILTER (WHERE id = 3 AND vector IS NOT NULL) FROM events;
UPDATE "the archive"."Photos" SET title = 'new', "the image" = "the image" || '\x00' WHERE "Id" = 1 AND part = 'a';
SELECT embedding IS NOT NULL, title_vector = clip_embed_text('new', 'other') AND title_vector = generated FROM "the archive"."Photos" WHERE "Id" = 1 AND part = 'a';
SQL
	return;
}

my $expected = $old->safe_psql('original', $state);
like($expected, qr/Photos.*\|queue\|16\|7$/m, 'four rows could not be embedded, three wait');
my $failed = $old->safe_psql('original', $errors);
$old->command_ok([ 'pg_dump', '--file', "$directory/plain.sql", $old->connstr('original') ], 'plain dump');
$old->safe_psql('postgres', 'CREATE DATABASE plain');
$old->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-f', "$directory/plain.sql", '-d', $old->connstr('plain') ], 'plain restore');
is($old->safe_psql('plain', $state), $expected, 'gives the same database');
goes_on($old, 'plain');
for my $format ('custom', 'directory')
{
	$old->command_ok([ 'pg_dump', "--format=$format", $format eq 'directory' ? '--jobs=2' : (), '--file', "$directory/$format", $old->connstr('original') ], "$format dump");
	$old->safe_psql('postgres', "CREATE DATABASE $format");
	# Section by section, for several jobs may make the trigger of a partitioned table before its partitions have their rows.
	for my $section ('pre-data', 'data', 'post-data')
	{
		$old->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=2', "--section=$section", '--dbname', $old->connstr($format), "$directory/$format" ], "$format restore, $section");
	}
	is($old->safe_psql($format, $state), $expected, 'gives the same database');
	goes_on($old, $format);
}

note 'a dump by the database\'s owner';
$old->safe_psql('postgres', 'CREATE ROLE keeper LOGIN');
$old->safe_psql('postgres', 'CREATE DATABASE kept OWNER keeper');
$old->safe_psql('kept', 'CREATE EXTENSION clip_pg');
$old->command_ok([ 'pg_dump', '--username=keeper', '--file', "$directory/kept.sql", $old->connstr('kept') ], 'takes no other rights');

note 'pg_upgrade';
$old->safe_psql('postgres', "DROP DATABASE $_") for 'plain', 'custom', 'directory', 'kept';
is($old->safe_psql('original', $whole), '2|t', 'the indexes are whole');
my $answers = $old->safe_psql('original', $searches);
is(() = $answers =~ /^\d+/mg, 300, 'and find rows');
my $new = PostgreSQL::Test::Cluster->new('new');
# What pg_upgrade wants to be alike, and PostgreSQL 18 has otherwise unless it is told.
my $checksums = $old->safe_psql('postgres', 'SHOW data_checksums');
$new->init(extra => [ $checksums eq 'off' && $new->pg_version >= 18 ? '--no-data-checksums' : () ]);
my ($from, $to) = map { $_->config_data('--bindir') } $old, $new;
$old->stop;
# Workers must not write while the servers run for pg_upgrade.
$_->append_conf('postgresql.conf', "shared_preload_libraries = 'clip_pg'\nclip_pg.queue_workers = 2") for $old, $new;
my ($socket) = $new->host;
chdir $directory or die;
$new->command_ok([ 'pg_upgrade', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $from, '-B', $to,
	'-s', $socket, '-p', $old->port, '-P', $new->port ], 'upgrades');
$new->append_conf('postgresql.conf', 'clip_pg.queue_workers = 0');
$new->start;
my ($status, $stdout, $stderr) = $new->psql('original', "SELECT ext.clip_embed_text('a', 'other')");
like($stderr, qr/model "other" is not registered/, 'the models are not taken along');
PostgreSQL::Test::RecursiveCopy::copypath($old->data_dir . '/clip_pg', $new->data_dir . '/clip_pg');
is($new->safe_psql('original', $state), $expected, 'gives the same database');
is($new->safe_psql('original', $errors), $failed, 'with what is not dumped');
is($new->safe_psql('original', $whole), '2|t', 'the indexes are whole');
is($new->safe_psql('original', $searches), $answers, 'and find the same rows');
$new->safe_psql('original', 'DELETE FROM vectors WHERE id % 10 = 5; VACUUM vectors;
	INSERT INTO vectors SELECT n, 1900 + n % 50, vector(n) FROM generate_series(3201, 3500) n');
is($new->safe_psql('original', $whole), '2|t', 'also after changes');
goes_on($new, 'original');
$new->stop;

done_testing();
