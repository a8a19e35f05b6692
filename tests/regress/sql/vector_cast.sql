-- Casts from and to arrays.
SELECT '{1,2,-3}'::int2[]::clip_vector AS int2, '{1,2,-65504}'::int8[]::clip_vector AS int8;
SELECT '{1,9223372036854775807}'::int8[]::clip_vector;
SELECT ARRAY[1,2,-3]::clip_vector AS int4, '{0.1,2}'::real[]::clip_vector AS float4,
       '{0.1,2}'::float8[]::clip_vector AS float8, '{0.1,2}'::numeric[]::clip_vector AS numeric;
SELECT '[0.1,2]'::clip_vector::real[] AS float4, '[0.1,2]'::clip_vector::float8[] AS float8;
SELECT ARRAY[1,2,3]::clip_vector(3), '{1,2,3}'::numeric[]::clip_vector(3);
SELECT '[3:5]={1,2,3}'::int[]::clip_vector AS other_lower_bound;

-- JSON: arrays of numbers, there and back.
SELECT '[0.1,-2,6e-8]'::clip_vector::json AS json, '[0.1,-2,6e-8]'::clip_vector::jsonb AS jsonb;
SELECT to_json(v), to_jsonb(v), row_to_json(x), jsonb_build_object('v', v, 'n', NULL::clip_vector), to_json(ARRAY[v, NULL])
FROM (SELECT '[1,0.5]'::clip_vector(2) AS v) x;
SELECT json_agg(v ORDER BY v) FROM unnest('{"[2]","[1]",NULL}'::clip_vector[]) v;
SELECT jsonb_typeof('[1,2]'::clip_vector::jsonb -> 0) AS type;
SELECT (j -> 'v')::clip_vector(2), j::json -> 'v' AS text, (j::json -> 'v')::clip_vector FROM (SELECT '{"v": [0.1, -2e0]}'::jsonb) x (j);
SELECT '[1,null]'::jsonb::clip_vector;
SELECT '[1,"2"]'::jsonb::clip_vector;
SELECT '{"a": 1}'::json::clip_vector;
SELECT '3'::jsonb::clip_vector;
SELECT '[]'::jsonb::clip_vector;
SELECT '[1,2]'::json::clip_vector(3);

-- One rounding: this number is just above the middle of two halves, by less than a float4 or a float8 can tell.
SELECT '{1.00048828125}'::float8[]::clip_vector AS middle,
       '{1.0004882812500002}'::float8[]::clip_vector AS above,
       '{1.00048828125000000000000000000000000001}'::numeric[]::clip_vector AS just_above,
       '{1.00048828124999999999999999999999999999}'::numeric[]::clip_vector AS just_below;

-- Assignment, and not implicit elsewhere
CREATE TEMP TABLE photos (embedding clip_vector(2), single real[], double float8[]);
INSERT INTO photos VALUES (ARRAY[1,2], '[1,2]'::clip_vector, '[3,4]'::clip_vector);
INSERT INTO photos (embedding) SELECT a FROM (VALUES ('{0.5,1}'::numeric[]), ('{2,3}')) AS x (a);
INSERT INTO photos (embedding) VALUES ('{4,5}'::int2[]), ('{6,7}'::int8[]), ('[8, 9]'::jsonb);
SELECT * FROM photos;
\set VERBOSITY terse
SELECT '[1,2]'::clip_vector <=> ARRAY[1,2];
\set VERBOSITY default

SELECT castsource::regtype, casttarget::regtype, castcontext, castfunc::regprocedure
FROM pg_cast WHERE 'clip_vector'::regtype IN (castsource, casttarget) ORDER BY 1, 2;
