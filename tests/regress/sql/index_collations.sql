-- Filter columns under collations that are not deterministic, where the server has ICU.
SELECT count(*) = 0 AS no_icu FROM pg_collation WHERE collname LIKE '%-x-icu' \gset
\if :no_icu
\quit
\endif
CREATE FUNCTION pg_temp.embedding(n integer) RETURNS clip_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array(SELECT sin(n * (1 + i / 10.0) + i)::real + 0.5 FROM generate_series(1, 8) i)::clip_vector $$;
SET max_parallel_maintenance_workers = 0;
SET max_parallel_workers_per_gather = 0;
\i both.sql

-- A collation by which values are equal that are not the same: blanks at the end are nothing to character all the same.
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE photos (id integer PRIMARY KEY, embedding clip_vector(8), code character(12) COLLATE any_case, name text COLLATE any_case,
    codes character(12)[] COLLATE any_case, names text[] COLLATE any_case);
INSERT INTO photos
SELECT n, pg_temp.embedding(n), v, v, ARRAY[v, 'x'], ARRAY[v, 'x']
FROM generate_series(1, 400) n, LATERAL (SELECT (ARRAY['a', 'A', 'long enough', 'Long Enough', 'é', 'É', '', 'other'])[1 + n % 8] AS v) v;
CREATE INDEX ON photos USING clip_hnsw (embedding, code, name, codes, names);
VACUUM ANALYZE photos;
SELECT c AS condition, b.* FROM unnest(ARRAY[
    $$code = 'a'$$, $$code = 'A   '$$, $$code = 'LONG ENOUGH'$$, $$code IN ('é', '')$$, $$name = 'A'$$, $$name = 'LONG ENOUGH'$$, $$name = 'a '$$,
    $$codes && '{a}'$$, $$codes @> '{"LONG ENOUGH",X}'$$, $$codes = '{É,X}'$$, $$codes <@ '{A,X,É}'$$, $$names && '{A}'$$, $$names @> '{"LONG ENOUGH",X}'$$
]) c, pg_temp.both(c) b;
DROP TABLE photos;
DROP COLLATION any_case;
