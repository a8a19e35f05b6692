-- Functions
SET extra_float_digits = 0;
SELECT cosine_distance('[1,2]'::clip_vector, '[2,1]'), clip_similarity('[1,2]', '[2,1]'),
       inner_product('[1,2]'::clip_vector, '[3,4]'), l2_distance('[1,2]'::clip_vector, '[4,6]'),
       l1_distance('[1,2]'::clip_vector, '[4,-2]');
SELECT clip_similarity('[1,2]', '[10,20]') AS same, clip_similarity('[1,2]', '[-1,-2]') AS opposite,
       clip_similarity('[1,2]', '[0,0]') AS none;

SELECT vector_dims('[1,2,3]'::clip_vector), vector_norm('[3,4]'::clip_vector), vector_norm('[0]'::clip_vector),
       vector_norm('[65504,65504]'::clip_vector), vector_norm('[6e-8]'::clip_vector);

-- Of text, as pgvector's vector has it: in single precision.
SELECT vector_norm('[3,4]') AS literal, vector_norm(' [0.1, 1e30] '::text) AS text, vector_norm(NULL) IS NULL AS none;
SELECT vector_norm('[1,x]');
SELECT vector_norm('[1,NaN]');
SELECT vector_norm('[1e39]');
SELECT vector_norm('[]');
SELECT vector_norm('[' || repeat('1,', 16000) || '1]');

SELECT v, l2_normalize(v), round(vector_norm(l2_normalize(v))::numeric, 3) AS norm
FROM unnest(ARRAY['[3,4]', '[-65504,65504]', '[6e-8,0]', '[0,0]']::clip_vector[]) AS v;

SELECT start, count, subvector('[1,2,3,4,5]'::clip_vector, start, count)
FROM (VALUES (1, 5), (1, 3), (3, 2), (5, 1), (3, 9), (-1, 3), (0, 2), (2, 2147483647)) AS x (start, count);
SELECT subvector('[1,2,3]'::clip_vector, -2147483647, 2147483647) AS none;
SELECT subvector('[1,2,3]'::clip_vector, 2147483647, 2147483647) AS none;

-- Volatility, strictness and parallel safety
SELECT provolatile, proisstrict, proparallel, count(*), array_agg(proname ORDER BY proname) FILTER (WHERE NOT proisstrict OR provolatile <> 'i')
FROM pg_proc WHERE prokind = 'f' AND ('clip_vector'::regtype = ANY (proargtypes) OR prorettype = 'clip_vector'::regtype OR proname LIKE 'clip\_vector%')
    AND probin LIKE '%clip_pg' AND prosrc LIKE '%clip\_vector%'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- Everything says what it is.
SELECT d.classid::regclass, o.type, o.identity
FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS o
     LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'clip_pg')
  AND o.identity ~ 'clip_vector' AND (p.prokind IS DISTINCT FROM 'f' OR p.prosrc ~ 'clip_vector') AND o.type NOT IN ('cast', 'operator class', 'operator family')
  AND o.identity NOT LIKE '%[]'
  AND obj_description(d.objid, d.classid::regclass::text) IS NULL
ORDER BY 2, 3;
