-- Text in and out, type modifiers.
SELECT '[1,2,3]'::clip_vector;
SELECT E' \t[ 1 ,\n-2.5\x0b,\f3e0 ]\r '::clip_vector AS white_space;
SELECT '[+1,.5,5.,1E2,-0,0]'::clip_vector AS forms;
SELECT '[0.1,-0.1,0.333,1e-4,6.1e-5,6e-8,65504,-65504,2049,1e-9,-1e-9]'::clip_vector AS shortest;

-- Half-way cases go to the even half, and only these: no rounding on the way.
SELECT '[2049,2051,0.00000002980232238769531250,0.00000002980232238769531251]'::clip_vector AS even;
SELECT '[65519.99,-65519.99,65519.999999999999999999]'::clip_vector AS greatest;

-- Every half is read back from its text.
WITH halves AS (
    SELECT CASE e WHEN 0 THEN m * 2::float8 ^ -24 ELSE (1024 + m) * 2::float8 ^ (e - 25) END * s AS value
    FROM generate_series(0, 30) e, generate_series(0, 1023) m, (VALUES (1::float8), (-1)) sign (s)
), texts AS (
    SELECT value, ARRAY[value]::clip_vector::text AS text FROM halves
)
SELECT count(*), count(*) FILTER (WHERE text::clip_vector::float8[] = ARRAY[value]) AS read_back,
       max(length(text)) AS longest
FROM texts;

-- Type modifiers
CREATE TEMP TABLE photos (id int, embedding clip_vector(3));
INSERT INTO photos VALUES (1, '[1,2,3]'), (2, NULL);
SELECT * FROM photos ORDER BY id;
SELECT format_type(atttypid, atttypmod), attstorage, attalign
FROM pg_attribute WHERE attrelid = 'photos'::regclass AND attname = 'embedding';
SELECT '[1,2]'::clip_vector(2), '[1,2]'::clip_vector::clip_vector(2), ARRAY[1,2]::clip_vector(2);
SELECT vector_dims(array_fill(1, ARRAY[16000])::clip_vector(16000));

-- Arrays of vectors
SELECT '{"[1,2]",NULL,"[3]"}'::clip_vector[];
SELECT ARRAY['[1,2]', '[3,4]']::clip_vector(2)[];

-- A null is a null.
SELECT NULL::clip_vector IS NULL, NULL::clip_vector(3) IS NULL;

-- Errors of which the server only wants to know, from version 16 on.
CREATE FUNCTION pg_temp.input_error(input text, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    state text;
    message text;
    detail text;
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE 'SELECT concat_ws('': '', sql_error_code, message, detail) FROM pg_input_error_info($1, $2)' INTO result USING input, type;
        RETURN result;
    END IF;
    EXECUTE format('SELECT %L::%s', input, type);
    RETURN '';
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    -- From version 16 on there is none.
    IF current_setting('server_version_num')::int >= 160000 THEN
        RAISE;
    END IF;
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(': ', state, message, nullif(detail, ''));
END $$;
SELECT input, type, pg_temp.input_error(input, type)
FROM (VALUES ('[1,2]', 'clip_vector(2)'), ('[1,x]', 'clip_vector'), ('[1,2]', 'clip_vector(3)'), ('[1e6]', 'clip_vector'), ('{"[1,2]","[]"}', 'clip_vector[]')) x (input, type);
