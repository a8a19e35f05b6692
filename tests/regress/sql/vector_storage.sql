-- 512, 768 and 1024 dimensions stay in the row, even beside other columns; 16000 do not fit a page and go out of line.
CREATE FUNCTION pg_temp.vector(dims int, seed int) RETURNS clip_vector LANGUAGE sql AS
    'SELECT array_agg(hashint4(i * seed) / 2147483648.0)::clip_vector FROM generate_series(1, dims) AS i';
CREATE FUNCTION pg_temp.toast_size(relation regclass) RETURNS bigint LANGUAGE sql AS
    'SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = relation';
SELECT typstorage, typalign, typlen FROM pg_type WHERE typname = 'clip_vector';
CREATE TABLE vector_storage (id int, dims int, embedding clip_vector);
INSERT INTO vector_storage
SELECT i, dims, pg_temp.vector(dims, i) FROM generate_series(1, 10) AS i, unnest(ARRAY[1, 58, 59, 512, 768, 1024, 2000]) AS dims;
SELECT dims, min(pg_column_size(embedding)) AS min, max(pg_column_size(embedding)) AS max FROM vector_storage GROUP BY dims ORDER BY dims;
SELECT pg_temp.toast_size('vector_storage');

INSERT INTO vector_storage SELECT 1, 16000, pg_temp.vector(16000, 1);
SELECT pg_temp.toast_size('vector_storage') > 0 AS out_of_line;

-- Read alike wherever they lie: with a short header, in the row, compressed, and out of line
INSERT INTO vector_storage SELECT 2, 3000, array_fill(1, ARRAY[3000])::clip_vector;
SELECT dims, pg_column_size(embedding) < 2 * dims AS compressed, max(abs(vector_norm(embedding - pg_temp.vector(dims, id)))) AS difference
FROM vector_storage WHERE dims <> 3000 GROUP BY dims, 2 ORDER BY dims;
SELECT pg_column_size(embedding) < 6000 AS compressed, round(vector_norm(embedding)::numeric ^ 2) AS norm_squared FROM vector_storage WHERE dims = 3000;
SELECT dims, count(DISTINCT embedding), round((embedding <=> pg_temp.vector(dims, 1))::numeric, 3) AS distance
FROM vector_storage WHERE id = 1 GROUP BY dims, embedding ORDER BY dims;
SELECT dims FROM vector_storage WHERE id = 1 ORDER BY embedding, dims;

-- Column statistics say how many and how wide, and store no values.
CREATE TABLE vector_statistics AS
SELECT i, CASE WHEN i % 4 > 0 THEN pg_temp.vector(64, i) END AS unique_vectors,
       pg_temp.vector(64, i % 7) AS seven_vectors, NULL::clip_vector AS no_vectors
FROM generate_series(1, 1000) AS i;
ANALYZE vector_statistics;
SELECT attname, null_frac, avg_width, n_distinct, most_common_vals IS NULL AS no_values, histogram_bounds IS NULL AS no_histogram, correlation
FROM pg_stats WHERE tablename = 'vector_statistics' AND attname <> 'i' ORDER BY 1;
ANALYZE vector_storage;
SELECT attname, null_frac, n_distinct FROM pg_stats WHERE tablename = 'vector_storage' AND attname = 'embedding';

DROP TABLE vector_storage, vector_statistics;
