# The shape of Immich's smart search on clip_vector: its tables, pages, upserts, duplicates, another model.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION clip_pg;
CREATE TABLE asset (id uuid PRIMARY KEY, "ownerId" uuid NOT NULL, "fileCreatedAt" timestamptz NOT NULL, "isFavorite" boolean NOT NULL,
                    "deletedAt" timestamptz, type text NOT NULL DEFAULT 'IMAGE');
CREATE TABLE asset_exif ("assetId" uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE, city text);
CREATE TABLE smart_search ("assetId" uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE, embedding clip_vector(64) NOT NULL);
CREATE FUNCTION vector_of(n integer) RETURNS text LANGUAGE sql AS
$$ SELECT '[' || string_agg(round(sin(n * 0.7 + k * (n % 40 + 1))::numeric, 4)::text, ',' ORDER BY k) || ']' FROM generate_series(1, 64) k $$;
INSERT INTO asset SELECT md5('asset ' || n)::uuid, md5('owner ' || n % 3)::uuid, timestamptz '2020-01-01' + n * interval '1 day', n % 10 = 0,
    CASE WHEN n % 25 = 0 THEN now() END FROM generate_series(1, 600) n;
INSERT INTO asset_exif SELECT id, 'city ' || substr(id::text, 1, 1) FROM asset;
CREATE INDEX clip_index ON smart_search USING clip_hnsw (embedding);
SQL

sub answer { return $node->safe_psql('postgres', $_[0]) }

note 'upserts, of vectors as texts';
my $upsert = 'INSERT INTO smart_search ("assetId", embedding) SELECT md5(\'asset \' || n)::uuid, vector_of(n)::clip_vector FROM generate_series(1, 600) n
	ON CONFLICT ("assetId") DO UPDATE SET embedding = excluded.embedding';
answer($upsert);
answer($upsert);
# Some are equal, whose order only the id decides.
answer('UPDATE smart_search SET embedding = vector_of(7)::clip_vector WHERE "assetId" IN (SELECT md5(\'asset \' || n)::uuid FROM generate_series(100, 115) n)');
answer('VACUUM ANALYZE');
is(answer('SELECT count(*), count(DISTINCT "assetId") FROM smart_search'), '600|600', 'one vector for each asset');
is(answer(q{SELECT count(*) FROM smart_search WHERE embedding <=> (SELECT embedding::text FROM smart_search WHERE "assetId" = md5('asset 3')::uuid)::clip_vector < 1e-6 AND "assetId" = md5('asset 3')::uuid}),
	'1', 'a vector that was read is one to ask with');

note 'pages';
my $joined = <<'SQL';
FROM asset JOIN asset_exif ON asset.id = asset_exif."assetId" JOIN smart_search ON asset.id = smart_search."assetId"
WHERE asset."fileCreatedAt" >= '2020-02-01' AND asset."ownerId" = ANY (ARRAY[md5('owner 1'), md5('owner 2')]::uuid[]) AND asset."deletedAt" IS NULL
SQL
sub pages
{
	my ($statement, $settings) = @_;
	return join "\n", map {
		my $offset = $_ * 20;
		answer("BEGIN; $settings; SET LOCAL vchordrq.probes = 1; " . sprintf($statement, $offset + 21, $offset) . '; COMMIT')
	} 0 .. 4;
}
my $by_both = "SELECT asset.id $joined ORDER BY smart_search.embedding <=> (SELECT vector_of(7)::clip_vector), asset.id LIMIT least(21, %d) OFFSET %d";
my $near_first = "SELECT id FROM (SELECT asset.id, smart_search.embedding <=> (SELECT vector_of(7)::clip_vector) AS distance $joined
	ORDER BY distance LIMIT %d) near ORDER BY distance, id LIMIT 21 OFFSET %d";
my $exact = pages($by_both, 'SET LOCAL enable_indexscan = off');
is(scalar(() = $exact =~ /-/g) / 4, 105, 'five pages of twenty and one more');
is(pages($by_both, 'SET LOCAL clip_pg.ef_search = 200'), $exact, 'by distance and id');
my $index = 'SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off';
like(answer("$index; EXPLAIN (COSTS off) " . sprintf($near_first, 21, 0)), qr/Index Scan using clip_index/, 'the nearest first, by the index');
# Distances that differ by the rounding of equal vectors are equal; a page may end among them.
my $by_index = pages($near_first, "$index; SET LOCAL clip_pg.ef_search = 600; SET LOCAL clip_pg.iterative_order = relaxed");
my %wanted = map { $_ => 1 } split /\n/, $exact;
cmp_ok(scalar(grep { $wanted{$_} } split /\n/, $by_index), '>=', 100, 'has the same pictures');
is(answer("$index; SET clip_pg.iterative_order = relaxed; SELECT count(*), count(DISTINCT id) FROM (" . sprintf($near_first, 2000, 0) =~ s/LIMIT 21/LIMIT 2000/r . ') all_of_them'),
	answer("SELECT count(*), count(*) $joined"), 'and all of them once');

note 'duplicates';
is(answer(<<'SQL'), '15', 'those within a distance, among the nearest 64');
WITH near AS (
    SELECT asset.id, smart_search.embedding <=> (SELECT vector_of(7)::clip_vector) AS distance
    FROM asset JOIN smart_search ON asset.id = smart_search."assetId"
    WHERE asset."deletedAt" IS NULL AND asset.type = 'IMAGE' AND asset.id <> md5('asset 7')::uuid
    ORDER BY distance LIMIT 64
) SELECT count(*) FROM near WHERE distance <= 0.001
SQL

note 'what is done to the table';
is(answer(q{SELECT atttypmod FROM pg_attribute WHERE attrelid = 'smart_search'::regclass AND attname = 'embedding'}), '64', 'dimensions are the type\'s modifier');
answer('ALTER TABLE smart_search ADD CONSTRAINT dimensions CHECK (array_length(embedding::real[], 1) = 64)');
answer('ALTER TABLE smart_search DROP CONSTRAINT dimensions; DROP INDEX clip_index; ALTER TABLE smart_search ALTER embedding TYPE real[]');
is(answer('SELECT count(*) FROM smart_search WHERE array_length(embedding, 1) = 64'), '600', 'numbers again');
answer('ALTER TABLE smart_search ALTER embedding TYPE clip_vector(64); CREATE INDEX clip_index ON smart_search USING clip_hnsw (embedding)');
is(pages($by_both, 'SET LOCAL clip_pg.ef_search = 200'), $exact, 'and vectors');
answer('TRUNCATE smart_search; DROP INDEX clip_index; ALTER TABLE smart_search ALTER embedding TYPE clip_vector(96); CREATE INDEX clip_index ON smart_search USING clip_hnsw (embedding)');
like((answer('SELECT pg_get_indexdef(\'clip_index\'::regclass)')), qr/USING clip_hnsw \(embedding\)/, 'another model');
answer('DELETE FROM asset');
is(answer('SELECT count(*) FROM smart_search'), '0', 'pictures that go take their vectors along');

done_testing();
