# ALTER EXTENSION UPDATE from every version that was released: the database goes on with its data, indexes, queues and
# generated columns, and the extension is afterwards what CREATE EXTENSION makes of it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'clip_pg'\nclip_pg.queue_workers = 0");
$node->start;
my $current = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'clip_pg'");
my @released = split /\n/, $node->safe_psql('postgres', <<"SQL");
SELECT version FROM pg_available_extension_versions WHERE name = 'clip_pg' AND version <> '$current' ORDER BY version
SQL
ok(@released > 0, 'there are earlier versions');

# The extension's members with everything that belongs to them, as pg_upgrade has them: definitions, owners, privileges,
# comments, support functions, members of operator families. OIDs are left out, and the order, which follows them.
sub members
{
	my ($database) = @_;
	my ($dump) = run_command([ 'pg_dump', '--binary-upgrade', '--schema-only', $node->connstr($database) ]);
	# A key that is drawn anew each time.
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	$dump =~ s/^-- For binary upgrade, (must preserve|set).*\n//mg;
	$dump =~ s/^SELECT pg_catalog\.binary_upgrade_set_next_.*\n//mg;
	$dump =~ s/binary_upgrade_create_empty_extension\(.*\);/binary_upgrade_create_empty_extension(...)/g;
	$dump =~ s/^UPDATE pg_catalog\.pg_class\nSET relfrozenxid.*\nWHERE .*\n//mg;
	my @entries = split /^--\n(?=-- Name: )/m, $dump;
	push @entries, $node->safe_psql($database, <<'SQL');
SELECT extversion, extnamespace::regnamespace, extrelocatable, c.table::regclass, c.condition
FROM pg_extension LEFT JOIN LATERAL unnest(extconfig, extcondition) c("table", condition) ON true
WHERE extname = 'clip_pg' ORDER BY c.table::regclass::text
SQL
	return sort @entries;
}

# What only the first of two lists has.
sub only
{
	my ($one, $other) = @_;
	my %others = map { $_ => 1 } @$other;
	return grep { !$others{$_} } @$one;
}

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE SCHEMA ext; CREATE EXTENSION clip_pg SCHEMA ext');
my @fresh = members('fresh');
cmp_ok(scalar(grep { /^-- Name: .*; Type: FUNCTION/ } @fresh), '>', 100, 'what is compared has the functions');

my $state = <<'SQL';
SET search_path = ext, public;
SELECT md5(string_agg(p::text, ' ' ORDER BY id)) FROM photos p;
SELECT relation, source, target, model, mode, embedded, pending, failed FROM clip_embed_status;
SELECT count(*) FROM clip_embed_errors;
SET enable_seqscan = off;
SELECT id FROM photos ORDER BY generated <=> clip_embed_text('title 7') LIMIT 3;
SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid;
SQL

for my $version (@released)
{
	my $database = "from_$version";
	$node->safe_psql('postgres', qq(CREATE DATABASE "$database"));
	$node->safe_psql($database, <<"SQL");
CREATE SCHEMA ext;
CREATE EXTENSION clip_pg SCHEMA ext VERSION '$version';
SET search_path = ext, public;
CREATE TABLE public.photos (id integer PRIMARY KEY, title text, queued clip_vector(512), kept clip_vector(512),
    generated clip_vector(512) GENERATED ALWAYS AS (clip_embed_text(title, 'clip-mini')) STORED);
SELECT clip_auto_embed('photos', 'title', 'queued', 'clip-mini', mode => 'queue');
SELECT clip_auto_embed('photos', 'title', 'kept', 'clip-mini');
INSERT INTO photos SELECT n, 'title ' || n FROM generate_series(1, 20) n;
CALL clip_work_queue();
INSERT INTO photos SELECT n, 'title ' || n FROM generate_series(21, 24) n;
INSERT INTO photos (id, title) VALUES (25, NULL);
CREATE INDEX photos_generated ON photos USING clip_hnsw (generated);
CREATE INDEX photos_l2 ON photos USING clip_hnsw (kept clip_l2_ops);
CREATE VIEW public.similar AS SELECT a.id, b.id AS other, a.generated <=> b.generated AS distance FROM photos a, photos b;
CREATE TABLE public.labels AS SELECT clip_classifier('{cat,dog}') AS classifier, '[1,2,3]'::clip_vector AS vector;
SQL
	my $before = $node->safe_psql($database, $state);
	like($before, qr/\|queue\|20\|4\|0$/m, "$version: twenty rows are embedded, four wait");
	$node->safe_psql($database, 'ALTER EXTENSION clip_pg UPDATE');
	is($node->safe_psql($database, $state), $before, 'an update changes nothing of the data');
	$node->safe_psql('postgres', qq(CREATE DATABASE "bare_$version"));
	$node->safe_psql("bare_$version", "CREATE SCHEMA ext; CREATE EXTENSION clip_pg SCHEMA ext VERSION '$version'; ALTER EXTENSION clip_pg UPDATE");
	my @updated = members("bare_$version");
	is(join('', only(\@updated, \@fresh)), '', 'the extension has nothing that a new installation has not');
	is(join('', only(\@fresh, \@updated)), '', 'and all that it has');
	is($node->safe_psql($database, <<'SQL'), "25|0|0\nt\nt\n1", 'and it goes on');
SET search_path = ext, public;
CALL clip_work_queue();
UPDATE photos SET title = 'changed' WHERE id = 25;
CALL clip_work_queue();
SELECT embedded, pending, failed FROM clip_embed_status WHERE mode = 'queue';
SELECT queued = kept AND kept = generated FROM photos WHERE id = 25;
SELECT problems = '{}' FROM clip_index_check('photos_generated', heap => true);
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY generated <=> clip_embed_text('changed') LIMIT 1) s WHERE id = 25;
SQL
}

done_testing();
