-- Casts from and to arrays.
SELECT ARRAY[1,2,-3]::clip_vector AS int4, '{0.1,2}'::real[]::clip_vector AS float4,
       '{0.1,2}'::float8[]::clip_vector AS float8, '{0.1,2}'::numeric[]::clip_vector AS numeric;
SELECT '[0.1,2]'::clip_vector::real[] AS float4, '[0.1,2]'::clip_vector::float8[] AS float8;
SELECT ARRAY[1,2,3]::clip_vector(3), '{1,2,3}'::numeric[]::clip_vector(3);
SELECT '[3:5]={1,2,3}'::int[]::clip_vector AS other_lower_bound;

-- One rounding: this number is just above the middle of two halves, by less than a float4 or a float8 can tell.
SELECT '{1.00048828125}'::float8[]::clip_vector AS middle,
       '{1.0004882812500002}'::float8[]::clip_vector AS above,
       '{1.00048828125000000000000000000000000001}'::numeric[]::clip_vector AS just_above,
       '{1.00048828124999999999999999999999999999}'::numeric[]::clip_vector AS just_below;

-- Assignment, and not implicit elsewhere
CREATE TEMP TABLE photos (embedding clip_vector(2), single real[], double float8[]);
INSERT INTO photos VALUES (ARRAY[1,2], '[1,2]'::clip_vector, '[3,4]'::clip_vector);
INSERT INTO photos (embedding) SELECT a FROM (VALUES ('{0.5,1}'::numeric[]), ('{2,3}')) AS x (a);
SELECT * FROM photos;
SELECT '[1,2]'::clip_vector <=> ARRAY[1,2];

SELECT castsource::regtype, casttarget::regtype, castcontext, castfunc::regprocedure
FROM pg_cast WHERE 'clip_vector'::regtype IN (castsource, casttarget) ORDER BY 1, 2;
