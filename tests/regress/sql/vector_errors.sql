-- Every error of the type, with its SQLSTATE.
CREATE FUNCTION pg_temp.failure(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TEMP TABLE photos (embedding clip_vector(3));
\pset format unaligned
\pset fieldsep ' | '
\pset footer off

-- Text
SELECT f.* FROM unnest(ARRAY['', '1,2,3', '{1,2,3}', '[1,2', '[1,2]3', '[[1,2]]', '[1,,2]', '[1,2,]', '[,]',
    '[1,two]', '[1 2]', '[0x10]', '[1e]', '[NULL]', '[]', '[ ]', '[NaN]', '[1,-nan]', '[1,Infinity]', '[-inf]',
    '[1,65520]', '[-1e400]', '[' || repeat('a', 100) || ']', '[' || repeat('1,', 16000) || '1]']) AS text,
    pg_temp.failure(format('SELECT %L::clip_vector', text)) AS f;

-- Type modifiers
SELECT statement, f.* FROM unnest(ARRAY[
    'SELECT ''[1]''::clip_vector(0)',
    'SELECT ''[1]''::clip_vector(-1)',
    'SELECT ''[1]''::clip_vector(16001)',
    'SELECT ''[1]''::clip_vector(1, 2)',
    'SELECT ''[1]''::clip_vector(a)',
    'SELECT ''[1]''::clip_vector(99999999999)',
    'SELECT ''[1,2]''::clip_vector(3)',
    'SELECT ''[1,2]''::clip_vector::clip_vector(3)',
    'SELECT ARRAY[1,2]::clip_vector(3)',
    'INSERT INTO photos VALUES (''[1,2]'')',
    'INSERT INTO photos VALUES (''[1,2]''::clip_vector)',
    'INSERT INTO photos VALUES (ARRAY[1,2,3,4]::real[])'
]) AS statement, pg_temp.failure(statement) AS f;

-- Arrays
SELECT statement, f.* FROM unnest(ARRAY[
    'SELECT ''{}''::real[]::clip_vector',
    'SELECT ''{1,NULL}''::int[]::clip_vector',
    'SELECT ''{1,NULL}''::real[]::clip_vector',
    'SELECT ''{NULL}''::float8[]::clip_vector',
    'SELECT ''{1,2,NULL}''::numeric[]::clip_vector',
    'SELECT ''{{1,2},{3,4}}''::int[]::clip_vector',
    'SELECT ''{{1},{NULL}}''::numeric[]::clip_vector',
    'SELECT ''{1,70000}''::int[]::clip_vector',
    'SELECT ''{-65520}''::real[]::clip_vector',
    'SELECT ''{1,1e300}''::float8[]::clip_vector',
    'SELECT ''{65520}''::numeric[]::clip_vector',
    'SELECT ''{NaN}''::real[]::clip_vector',
    'SELECT ''{1,Infinity}''::float8[]::clip_vector',
    'SELECT ''{NaN}''::numeric[]::clip_vector',
    'SELECT ''{0,-Infinity}''::numeric[]::clip_vector',
    'SELECT array_fill(1, ARRAY[16001])::clip_vector'
]) AS statement, pg_temp.failure(statement) AS f;

-- Vectors that do not go together
SELECT operator, f.* FROM unnest(ARRAY['<=>', '<#>', '<->', '<+>', '+', '-', '*']) AS operator,
    pg_temp.failure(format('SELECT ''[1,2,3]''::clip_vector %s ''[1,2]''', operator)) AS f;
SELECT function, f.* FROM unnest(ARRAY['cosine_distance', 'inner_product', 'l2_distance', 'l1_distance',
    'clip_similarity']) AS function,
    pg_temp.failure(format('SELECT %s(''[1]''::clip_vector, ''[1,2]''::clip_vector)', function)) AS f;

-- Results that are no vector
SELECT statement, f.* FROM unnest(ARRAY[
    'SELECT ''[1,65504]''::clip_vector + ''[1,16]''',
    'SELECT ''[-65504]''::clip_vector - ''[16]''',
    'SELECT ''[1,300]''::clip_vector * ''[1,300]''',
    'SELECT ''[1,2]''::clip_vector * 40000',
    'SELECT 1e9 * ''[0,-2]''::clip_vector',
    'SELECT ''[1,2]''::clip_vector * ''NaN''::float8',
    'SELECT ''[1,2]''::clip_vector * ''Infinity''::float8',
    'SELECT array_fill(1, ARRAY[16000])::clip_vector || ''[1]''',
    'SELECT subvector(''[1,2,3]''::clip_vector, 1, 0)',
    'SELECT subvector(''[1,2,3]''::clip_vector, 1, -1)',
    'SELECT subvector(''[1,2,3]''::clip_vector, 4, 1)',
    'SELECT subvector(''[1,2,3]''::clip_vector, -1, 2)',
    'SELECT sum(v) FROM (VALUES (''[1,2]''::clip_vector), (''[3]'')) AS x (v)',
    'SELECT sum(v) FROM (VALUES (''[0,65504]''::clip_vector), (''[0,16]'')) AS x (v)'
]) AS statement, pg_temp.failure(statement) AS f;
