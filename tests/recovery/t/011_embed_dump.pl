# Dump and restore of what runs a model while it is restored: a generated column and an expression index.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $directory = PostgreSQL::Test::Utils::tempdir();

# The extension lies in a schema that is not on the search path while a dump is restored.
$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('original', <<'SQL');
CREATE SCHEMA ext;
CREATE EXTENSION clip_pg SCHEMA ext;
SET search_path = public, ext;
CREATE TABLE pictures (
    name text PRIMARY KEY,
    image bytea,
    embedding clip_vector(512) GENERATED ALWAYS AS (clip_embed_image(image, 'clip-mini')) STORED,
    caption clip_vector(512) GENERATED ALWAYS AS ((clip_embed_texts(ARRAY[name, 'a picture'], 'clip-mini'))[1]) STORED
);
INSERT INTO pictures (name, image)
SELECT 'picture ' || n, decode('47494638376102000200810000' || lpad(to_hex(n * 12345), 6, '0') || '0000000000000000002c0000000002000200000806000108041010003b', 'hex')
FROM generate_series(1, 30) n;
INSERT INTO pictures (name) VALUES ('nothing');
CREATE INDEX pictures_words ON pictures (clip_embed_text(name, 'clip-mini'));
CREATE TABLE captions (caption text, embedding clip_vector(512));
INSERT INTO captions SELECT name, clip_embed_text(name) FROM pictures;
CREATE VIEW likely AS
SELECT name, clip_label(embedding, clip_classifier('{red,blue}')) AS label FROM pictures;
CREATE TABLE classifiers (name text PRIMARY KEY, classifier clip_classifier NOT NULL);
INSERT INTO classifiers VALUES ('colours', clip_with_thresholds(clip_classifier('{red,blue}', distractors => '{a page of text}'), '{blue}', '{0.4}'));
CREATE TABLE labelled (
    name text,
    embedding clip_vector(512),
    label text GENERATED ALWAYS AS (clip_label(embedding, clip_classifier('{red,blue}', '{a red picture,a blue picture}', 'clip-mini'))) STORED
);
INSERT INTO labelled SELECT name, embedding FROM pictures;
CREATE MATERIALIZED VIEW centre AS SELECT avg(embedding) AS embedding, clip_query(texts => '{a picture}') AS query FROM pictures;
SQL

my $contents = <<'SQL';
SET search_path = public, ext;
SELECT md5(string_agg(p::text, ' ' ORDER BY name)) FROM pictures p;
SELECT md5(string_agg(c::text, ' ' ORDER BY caption)) FROM captions c;
SELECT md5(string_agg(l::text, ' ' ORDER BY name)) FROM likely l;
SELECT md5(c::text) FROM centre c;
SELECT md5(c::text) FROM classifiers c;
SELECT md5(string_agg(label, ' ' ORDER BY name)) FROM labelled;
SET enable_seqscan = off;
SELECT name FROM pictures WHERE clip_embed_text(name, 'clip-mini') = clip_embed_text('picture 7', 'clip-mini');
SQL
my $expected = $node->safe_psql('original', $contents);
like($expected, qr/^([0-9a-f]{32}\n){6}picture 7$/, 'contents');

sub restored
{
	my ($database) = @_;
	is($node->safe_psql($database, $contents), $expected, "$database: same contents");
}

$node->command_ok([ 'pg_dump', '--file', "$directory/plain.sql", $node->connstr('original') ], 'plain dump');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-f', "$directory/plain.sql", '-d', $node->connstr('plain') ], 'plain restore');
restored('plain');

$node->command_ok([ 'pg_dump', '--format=directory', '--jobs=2', '--file', "$directory/parallel", $node->connstr('original') ], 'parallel dump');
$node->safe_psql('postgres', 'CREATE DATABASE parallel');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=2', '--dbname', $node->connstr('parallel'), "$directory/parallel" ], 'parallel restore');
restored('parallel');

# Section by section, as a careful person restores.
$node->safe_psql('postgres', 'CREATE DATABASE sections');
for my $section ('pre-data', 'data', 'post-data')
{
	$node->command_ok([ 'pg_restore', '--exit-on-error', "--section=$section", '--dbname', $node->connstr('sections'), "$directory/parallel" ], "restore of $section");
}
restored('sections');
unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process crashed');

done_testing();
