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

-- States that are combined leave nothing behind: memory is what one state per group takes.
CREATE TABLE vector_parts (n int, g int, v clip_vector(64)) PARTITION BY RANGE (n);
CREATE TABLE vector_parts_1 PARTITION OF vector_parts FOR VALUES FROM (0) TO (6000);
CREATE TABLE vector_parts_2 PARTITION OF vector_parts FOR VALUES FROM (6000) TO (12000);
CREATE TABLE vector_parts_3 PARTITION OF vector_parts FOR VALUES FROM (12000) TO (18000);
INSERT INTO vector_parts SELECT n, n % 1000, array_fill(n % 7, ARRAY[64])::clip_vector FROM generate_series(0, 17999) n;
ANALYZE vector_parts;
CREATE FUNCTION pg_temp.kilobytes(partial boolean) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    PERFORM set_config('enable_partitionwise_aggregate', partial::text, true), set_config('work_mem', '64MB', true), set_config('max_parallel_workers_per_gather', '0', true),
            set_config('cpu_tuple_cost', '0.1', true), set_config('enable_sort', 'off', true);
    EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, FORMAT json) SELECT g, avg(v) FROM vector_parts GROUP BY g' INTO plan;
    ASSERT (jsonb_path_query_first(plan, '$[0].Plan."Partial Mode"') #>> '{}' = 'Finalize') = partial;
    RETURN jsonb_path_query_first(plan, '$[0].Plan."Peak Memory Usage"');
END $$;
SELECT pg_temp.kilobytes(true) < 1.5 * pg_temp.kilobytes(false) AS frugal;
DROP TABLE vector_parts;

-- Workers that saw vectors of different dimensions
\set VERBOSITY sqlstate
SELECT sum(CASE WHEN i <= 9999 THEN v ELSE '[1]' END) FROM vector_aggregates WHERE i % 10 > 0 OR i = 10000;
\set VERBOSITY default
DROP TABLE vector_aggregates;
