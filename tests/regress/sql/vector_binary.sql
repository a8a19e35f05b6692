-- The binary format: int16 dimension, int16 0, halves, all big-endian, as pgvector has it for halfvec.
SELECT v, clip_vector_send(v) FROM unnest(ARRAY['[1]', '[1,-2,0.1]', '[0,-0,6e-8,65504]']::clip_vector[]) AS v;

-- A round trip through COPY. The files lie in the data directory.
CREATE TABLE vector_binary AS
SELECT i, array_agg(sin(i * j::float8))::clip_vector AS v FROM generate_series(1, 100) AS i, generate_series(1, 100) AS j
WHERE j <= i GROUP BY i;
INSERT INTO vector_binary VALUES (0, NULL);
CREATE TABLE vector_binary_copy (LIKE vector_binary);
COPY vector_binary TO PROGRAM 'cat > clip_vector.copy' (FORMAT binary);
COPY vector_binary_copy FROM PROGRAM 'cat clip_vector.copy' (FORMAT binary);
COPY (SELECT WHERE false) TO PROGRAM 'rm clip_vector.copy';
SELECT count(*), count(v), sum(vector_dims(v)) FROM vector_binary_copy;
TABLE vector_binary EXCEPT TABLE vector_binary_copy;

-- Input by hand: header, one row of one column, trailer
CREATE TEMP TABLE received (v clip_vector);
CREATE TEMP TABLE received_2 (v clip_vector(2));
CREATE FUNCTION pg_temp.receive(relation regclass, vector bytea, OUT state text, OUT message text, OUT detail text)
LANGUAGE plpgsql AS $$
DECLARE
    header bytea := '\x5047434f50590aff0d0a000000000000000000';
    file bytea := header || int2send(1::int2) || int4send(length(vector)) || vector || int2send(-1::int2);
BEGIN
    EXECUTE format('COPY %s FROM PROGRAM %L (FORMAT binary)', relation,
        'printf ''' || encode(file, 'escape') || '''');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
SELECT pg_temp.receive('received', '\x000200003c00c000');
SELECT pg_temp.receive('received_2', '\x000200003c00c000');
TABLE received UNION ALL TABLE received_2;
\pset format unaligned
\pset fieldsep ' | '
\pset footer off
SELECT name, r.* FROM (VALUES
    ('no dimension', 'received', '\x00000000'::bytea),
    ('too many dimensions', 'received', '\x3e8100003c00'),
    ('negative dimension', 'received', '\xffff00003c00'),
    ('field in use', 'received', '\x000100013c00'),
    ('NaN', 'received', '\x000200003c007e00'),
    ('infinity', 'received', '\x000200007c003c00'),
    ('other dimension', 'received_2', '\x000100003c00'),
    ('too short', 'received', '\x000200003c00'),
    ('no header', 'received', '\x0001'),
    ('too long', 'received', '\x000100003c003c00')
) AS x (name, relation, vector), pg_temp.receive(relation, vector) AS r;
\pset format aligned
SELECT count(*) FROM received;
DROP TABLE vector_binary, vector_binary_copy;
