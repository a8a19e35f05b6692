-- What insertions and vacuums keep up, in indexes that are hard on them.
CREATE FUNCTION unreachable(index regclass) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', unreachable, 'of', nodes) || coalesce(nullif(array_to_string(problems, '; '), ''), '') FROM clip_index_check(index) $$;

-- With the fewest neighbours, no row is pushed out of reach by others.
CREATE TABLE sparse (id integer, v clip_vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX sparse_v ON sparse USING clip_hnsw (v) WITH (m = 2, ef_construction = 4);
INSERT INTO sparse
SELECT n, array(SELECT sin(n * i * 0.37 + i + n)::real FROM generate_series(1, 16) i)::clip_vector FROM generate_series(1, 2000) n;
SELECT unreachable('sparse_v');
DELETE FROM sparse WHERE id % 3 = 0;
VACUUM sparse;
SELECT unreachable('sparse_v');
INSERT INTO sparse
SELECT n, array(SELECT cos(n * i * 0.37 + i + n)::real FROM generate_series(1, 16) i)::clip_vector FROM generate_series(2001, 2700) n;
VACUUM sparse;
SELECT unreachable('sparse_v');
-- With nothing left, the next row is the first.
DELETE FROM sparse;
VACUUM sparse;
SELECT unreachable('sparse_v');
INSERT INTO sparse SELECT n, array(SELECT sin(n * i)::real FROM generate_series(1, 16) i)::clip_vector FROM generate_series(1, 50) n;
SELECT unreachable('sparse_v');

-- Vectors whose lengths differ by orders of magnitude are found as well with codes as without.
CREATE TABLE lengths (id integer, v clip_vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX lengths_v ON lengths USING clip_hnsw (v clip_l2_ops);
INSERT INTO lengths
SELECT n, array(SELECT (sin(n * i * 0.613 + i * i) * exp(8 * sin(n * 12.9898)))::real FROM generate_series(1, 16) i)::clip_vector
FROM generate_series(1, 2000) n;
ANALYZE lengths;
SELECT epoch, clip_recall('lengths_v', 10, 200) AS before FROM clip_index_info('lengths_v') \gset
VACUUM lengths;
SELECT :epoch AS before, epoch AS after, clip_recall('lengths_v', 10, 200) >= :before - 0.02 AS as_good FROM clip_index_info('lengths_v');

-- A timeout ends the learning of codes, in CREATE INDEX and in VACUUM, well before it is over.
CREATE TABLE broad (v clip_vector(3700)) WITH (autovacuum_enabled = off);
INSERT INTO broad
SELECT array(SELECT sin(n * i * 0.37 + i + n)::real FROM generate_series(1, 3700) i)::clip_vector FROM generate_series(1, 360) n;
SELECT clock_timestamp() AS began \gset
CREATE INDEX broad_v ON broad USING clip_hnsw (v) WITH (m = 100, ef_construction = 200);
SELECT clock_timestamp() - :'began' AS whole \gset
SELECT epoch FROM clip_index_info('broad_v');
DROP INDEX broad_v;
SELECT clock_timestamp() AS began \gset
SET statement_timeout = '200ms';
CREATE INDEX broad_v ON broad USING clip_hnsw (v) WITH (m = 100, ef_construction = 200);
RESET statement_timeout;
SELECT clock_timestamp() - :'began' < :'whole'::interval / 2 + interval '0.5 s' AS soon;
CREATE TABLE filled_later (LIKE broad) WITH (autovacuum_enabled = off);
CREATE INDEX filled_later_v ON filled_later USING clip_hnsw (v) WITH (m = 100, ef_construction = 200);
INSERT INTO filled_later SELECT v FROM broad;
SELECT clock_timestamp() AS began \gset
SET statement_timeout = '200ms';
VACUUM filled_later;
RESET statement_timeout;
SELECT clock_timestamp() - :'began' < :'whole'::interval / 2 + interval '0.5 s' AS soon;
SELECT epoch, basis_bytes FROM clip_index_info('filled_later_v');
VACUUM filled_later;
SELECT epoch FROM clip_index_info('filled_later_v');
DROP TABLE sparse, lengths, broad, filled_later;
DROP FUNCTION unreachable;
