-- sum and avg
SELECT sum(v), avg(v) FROM unnest(ARRAY['[1,2]', '[3,-5]', NULL]::clip_vector[]) AS v;
SELECT sum(v), avg(v) FROM unnest(ARRAY[NULL]::clip_vector[]) AS v;
SELECT sum(v), avg(v) FROM unnest(ARRAY[]::clip_vector[]) AS v;
SELECT g, sum(v), avg(v) FROM (VALUES (1, '[1]'::clip_vector), (1, '[2]'), (2, '[1,2]')) AS x (g, v) GROUP BY g ORDER BY g;
SELECT avg(DISTINCT v), sum(v) FILTER (WHERE v > '[1]') FROM unnest(ARRAY['[1]', '[1]', '[4]']::clip_vector[]) AS v;

-- Sums are larger than halves while they are made, and exact: no part of them is lost to a larger one.
SELECT avg(v) FROM unnest(ARRAY['[65504]', '[65504]', '[65504]', '[65504]']::clip_vector[]) AS v;
SELECT sum(v) FROM unnest(ARRAY['[65504]', '[6e-8]', '[-65504]']::clip_vector[]) AS v;

-- As a window function
SELECT i, sum(v) OVER (ORDER BY i), avg(v) OVER (ORDER BY i ROWS 1 PRECEDING)
FROM (SELECT i, ARRAY[i, -i]::clip_vector AS v FROM generate_series(1, 4) AS i) AS x;

-- In parallel
CREATE TABLE vector_aggregates AS
SELECT i, i % 3 AS g, CASE WHEN i % 10 > 0 THEN ARRAY[i % 100, i / 100, 0.5]::clip_vector END AS v
FROM generate_series(1, 10000) AS i;
ANALYZE vector_aggregates;
SELECT sum(v), avg(v) FROM vector_aggregates WHERE i <= 1000;
SELECT g, avg(v) FROM vector_aggregates GROUP BY g ORDER BY g;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT sum(v), avg(v) FROM vector_aggregates WHERE i <= 1000;
SELECT sum(v), avg(v) FROM vector_aggregates WHERE i <= 1000;
EXPLAIN (COSTS OFF) SELECT g, avg(v) FROM vector_aggregates GROUP BY g ORDER BY g;
SELECT g, avg(v) FROM vector_aggregates GROUP BY g ORDER BY g;
SELECT avg(v) FROM vector_aggregates WHERE i < 0;

-- Workers that saw vectors of different dimensions
\set VERBOSITY sqlstate
SELECT sum(CASE WHEN i <= 9999 THEN v ELSE '[1]' END) FROM vector_aggregates WHERE i % 10 > 0 OR i = 10000;
\set VERBOSITY default
DROP TABLE vector_aggregates;
