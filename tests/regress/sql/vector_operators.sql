-- Operators
SET extra_float_digits = 0;
SELECT '[1,2]'::clip_vector <=> '[2,1]' AS cosine, '[1,2]'::clip_vector <#> '[3,4]' AS negative_inner_product,
       '[1,2]'::clip_vector <-> '[4,6]' AS l2, '[1,2]'::clip_vector <+> '[4,-2]' AS l1;
SELECT '[1,2]'::clip_vector + '[3,-4]' AS add, '[1,2]'::clip_vector - '[3,-4]' AS subtract,
       '[1,2]'::clip_vector * '[3,-4]' AS multiply, '[1,2]'::clip_vector * 0.5 AS scale,
       2 * '[1,2]'::clip_vector AS scale_from_left, '[1,2]'::clip_vector || '[3]' AS concatenate;

-- Cosine distances: exactly 0 to itself, at most 2, NaN without a direction (which sorts last).
SELECT v, v <=> '[3,4]' AS distance
FROM unnest(ARRAY['[3,4]', '[30000,40000]', '[-3,-4]', '[4,-3]', '[0,0]', '[6e-8,0]']::clip_vector[]) AS v
ORDER BY distance;
SELECT '[0,0]'::clip_vector <=> '[0,0]' AS zeros;

-- Many dimensions, with a tail that fills no register
SELECT n, v <=> w AS cosine, v <#> w AS negative_inner_product, v <-> w AS l2, v <+> w AS l1
FROM unnest(ARRAY[1, 31, 512, 777, 16000]) AS n,
     LATERAL (SELECT array_agg(i % 7 - 3)::clip_vector AS v, array_agg(i % 5 - 2)::clip_vector AS w
              FROM generate_series(1, n) AS i) AS vectors;

-- Sums and products are rounded once, to even.
SELECT '[2048]'::clip_vector + '[1]' AS even, '[2048]'::clip_vector + '[1.001]' AS above, '[6e-8]'::clip_vector * 0.5 AS half;
SELECT '[65504]'::clip_vector + '[15.99]' AS not_too_large;

-- Comparison: by elements, then by dimension; -0 is 0.
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, clip_vector_cmp(a, b) AS cmp
FROM (VALUES ('[1,2,3]'::clip_vector, '[1,2,3]'::clip_vector), ('[1,2,3]', '[1,2,4]'), ('[1,2]', '[1,2,3]'),
             ('[2]', '[1,2,3]'), ('[-1]', '[1]'), ('[0,1]', '[-0,1]'), ('[-6e-8]', '[0]')) AS x (a, b);
SELECT v FROM unnest(ARRAY['[2]', '[-1,5]', '[1,2,3]', '[1,2]', NULL, '[-0]', '[0]', '[-65504]']::clip_vector[]) AS v
ORDER BY v, v::text;

-- Nulls
SELECT '[1]'::clip_vector <=> NULL, NULL + '[1]'::clip_vector, '[1]'::clip_vector = NULL;

-- What the planner knows of them
SELECT oprname, oprleft::regtype, oprright::regtype, oprcom::regoperator, oprnegate::regoperator,
       oprrest, oprjoin, oprcanmerge, oprcanhash
FROM pg_operator WHERE 'clip_vector'::regtype IN (oprleft, oprright) ORDER BY 1, 2, 3;
