-- Queries out of several terms.
\pset null '-'
\i outcome.sql

CREATE TEMP TABLE images (name text, file bytea);
INSERT INTO images VALUES ('red', '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'), ('blue', '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b');
CREATE FUNCTION pg_temp.red() RETURNS bytea LANGUAGE sql RETURN (SELECT file FROM pg_temp.images WHERE name = 'red');

-- One term is the term itself; the result is always a unit vector.
SELECT clip_similarity(clip_query(texts => '{a cat}'), clip_embed_text('a cat')) > 0.9999 AS text,
       clip_similarity(clip_query(images => ARRAY[pg_temp.red()]), clip_embed_image(pg_temp.red())) > 0.9999 AS image,
       clip_query(vectors => '{"[3,4]"}') AS vector, clip_query(vectors => '{"[0,-0.001]"}') AS small_vector;
SELECT round(vector_norm(clip_query(texts => '{a cat,a dog}', images => ARRAY[pg_temp.red()]))::numeric, 2) AS norm;

-- The mean of normalised terms, whatever their length.
SELECT clip_query(vectors => '{"[1,0]","[0,100]"}') AS mean,
       clip_query(vectors => '{"[1,0]","[0,100]"}', weights => '{3,4}') AS weighted,
       clip_query(vectors => '{"[1,0]","[0,100]"}', weights => '{3,-4}') AS subtracted,
       clip_query(vectors => '{"[1,0]","[0,100]"}', weights => '{0,5}') AS left_out,
       clip_query(vectors => '{"[0,0]","[0,7]"}') AS without_direction,
       clip_query(vectors => '{"[1,0]"}', minus_vectors => '{"[0,2]"}', weights => '{4,3}') AS minus_vector,
       clip_query(minus_vectors => '{"[0,2]"}') AS minus_vector_alone;

-- What is subtracted counts the other way round.
WITH q AS (SELECT clip_embed_text('an animal') a, clip_embed_text('a cat') c, clip_embed_image(pg_temp.red()) r)
SELECT clip_similarity(clip_query(texts => '{an animal}', minus_texts => '{a cat}'), c) < clip_similarity(a, c) AS less_cat,
       clip_similarity(clip_query(texts => '{an animal}', minus_texts => '{a cat}'),
                       clip_query(vectors => ARRAY[a, c], weights => '{1,-1}')) > 0.999 AS minus_text,
       clip_similarity(clip_query(texts => '{an animal}', minus_images => ARRAY[pg_temp.red()]),
                       clip_query(vectors => ARRAY[a, r], weights => '{1,-1}')) > 0.999 AS minus_image
FROM q;

-- Weights go with texts, images, minus_texts, minus_images, vectors and minus_vectors, in this order.
WITH t AS (SELECT clip_embed_text('a') t1, clip_embed_text('b') t2, clip_embed_image(pg_temp.red()) i,
                  clip_embed_text('c') mt, (SELECT clip_embed_image(file) FROM images WHERE name = 'blue') mi,
                  clip_embed_text('d') v, clip_embed_text('e') mv)
SELECT clip_similarity(
    clip_query(weights => '{1,2,3,4,5,6,7}', minus_vectors => ARRAY[mv], vectors => ARRAY[v], minus_images => ARRAY[(SELECT file FROM images WHERE name = 'blue')],
               minus_texts => '{c}', images => ARRAY[pg_temp.red()], texts => '{a,b}', model => 'clip-mini'),
    clip_query(vectors => ARRAY[t1, t2, i, mt, mi, v, mv], weights => '{1,2,3,-4,-5,6,-7}')) > 0.999 AS same
FROM t;
-- Weights of whatever type a client has.
SELECT clip_query(vectors => '{"[1,0]","[0,1]"}', weights => '{3,4}'::float8[]) AS float8,
       clip_query(vectors => '{"[1,0]","[0,1]"}', weights => '{3,4}'::real[]) AS float4,
       clip_query(vectors => '{"[1,0]","[0,1]"}', weights => '{3,4}'::numeric[]) AS numeric,
       clip_query(vectors => '{"[1,0]","[0,1]"}', weights => '{3,4}'::int2[]) AS int2,
       clip_query(vectors => '{"[1,0]","[0,1]"}', weights => '{3,4}'::int8[]) AS int8,
       clip_query(vectors => '{"[1,0]","[0,1]"}', weights => '{3e300,4e300}') AS large;
PREPARE query AS SELECT clip_query(texts => $1, vectors => $2, weights => $3, model => $4);
DEALLOCATE query;
SELECT clip_query('{a}', NULL, '{}', '{}', NULL, NULL, '{2}', NULL, NULL) = clip_query(texts => '{a}') AS empty_arrays;

-- Templates are for texts, those that are subtracted too; the argument comes before the setting, and may be empty.
SELECT clip_query(texts => '{cat}', template => 'a photo of a {}') = clip_query(texts => '{a photo of a cat}') AS filled,
       clip_query(texts => '{"a cat, a cat!"}') = clip_query(texts => '{cat}', template => 'a {}, a {}!') AS several,
       clip_query(texts => '{cat}', minus_texts => '{dog}', template => 'a photo of a {}')
           = clip_query(texts => '{a photo of a cat}', minus_texts => '{a photo of a dog}') AS minus_texts,
       clip_query(images => ARRAY[pg_temp.red()], template => 'a {}') = clip_query(images => ARRAY[pg_temp.red()]) AS images;
SHOW clip_pg.query_template;
SET clip_pg.query_template = 'This is a photo of a {}';
SELECT clip_query(texts => '{cat}') = clip_query(texts => '{This is a photo of a cat}', template => '{}') AS by_setting,
       clip_query(texts => '{cat}', template => 'a {}') = clip_query(texts => '{a cat}', template => '') AS by_argument,
       clip_similarity(clip_query(texts => '{cat}', template => ''), clip_embed_text('cat')) > 0.9999 AS none;
SELECT pg_temp.outcome($$SET clip_pg.query_template = 'a photo'$$);
SELECT clip_query(texts => '{cat}', template => '') = clip_query(texts => '{cat}', template => '{}') AS not_asked,
       clip_query(vectors => '{"[1,2]"}') IS NOT NULL AND clip_query(images => ARRAY[pg_temp.red()]) IS NOT NULL AS no_texts;
RESET clip_pg.query_template;

-- Vectors alone need no model, and may be of any dimension.
SET clip_pg.model = 'no-such-model';
SELECT clip_query(vectors => '{"[0,2,0]"}'), clip_query(vectors => '{"[0,2,0]"}', minus_vectors => '{"[0,0,1]"}', template => '{}') IS NOT NULL AS less;
SELECT split_part(pg_temp.outcome($$SELECT clip_query(texts => '{a}')$$), E'\n', 1);
SELECT vector_dims(clip_query(texts => '{a}', model => 'clip-mini'));
RESET clip_pg.model;

-- Errors.
SELECT pg_temp.outcome($$SELECT clip_query()$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{}', images => '{}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(weights => '{1}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a,b}', weights => '{1}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', weights => '{1,2,3}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', weights => '{}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', weights => '{NaN}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a,b}', weights => '{1,-Infinity}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', weights => '{NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a,NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(minus_images => '{NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(vectors => '{NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(minus_vectors => '{NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', template => 'a photo')$$);
SELECT pg_temp.outcome($$SELECT clip_query(vectors => '{"[1,2]"}', template => 'a { }')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => ARRAY[repeat('x', 60000)], template => repeat('{}', 30000))$$);
SELECT pg_temp.outcome($$SELECT clip_query(vectors => '{"[1,2]"}', minus_vectors => '{"[1,2]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(vectors => '{"[1,2]"}', minus_vectors => '{"[1,2,3]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', vectors => '{"[1,2,3]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(vectors => '{"[1,2,3]","[1,2]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a}', minus_texts => '{a}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(texts => '{a,b}', weights => '{0,0}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(vectors => '{"[0,0]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_query(images => '{no image}')$$);
SELECT split_part(pg_temp.outcome($$SELECT clip_query(texts => '{a}', model => 'no-such-model')$$), E'\n', 1);

-- A stored row as the query: in a new session, no model is loaded for it.
\c -
CREATE TEMP TABLE stored (id integer, embedding clip_vector(3));
INSERT INTO stored VALUES (1, '[1,0,0]'), (2, '[0,2,0]'), (3, '[0,0,3]');
SELECT id FROM stored ORDER BY embedding <=> (SELECT clip_query(
    vectors => ARRAY(SELECT embedding FROM stored WHERE id IN (1, 2) ORDER BY id),
    minus_vectors => ARRAY(SELECT embedding FROM stored WHERE id = 3), weights => '{2,1,0.2}'));
SELECT clip_cutoff('[1,0,0]', ARRAY(SELECT embedding FROM stored), 3, background => '{"[1,1,1]","[0,1,1]"}') IS NULL AS nothing;
SELECT count(*) FROM clip_models WHERE loaded = 'backend';
