-- The embedding functions: shapes, NULLs, defaults, arrays, what is declared.
\pset null '-'
\i outcome.sql

CREATE TEMP TABLE images (name text, file bytea);
INSERT INTO images VALUES ('red', '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'), ('blue', '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b');

-- Unit vectors of the model's dimension, the same every time.
SELECT vector_dims(v), round(vector_norm(v)::numeric, 2) FROM clip_embed_text('a red square') v;
SELECT name, vector_dims(v), round(vector_norm(v)::numeric, 2) FROM images, clip_embed_image(file) v ORDER BY name;
SELECT clip_embed_text('a red square') = clip_embed_text('a red square', 'clip-mini') AS same_text,
       clip_embed_text('a red square') = clip_embed_text('a blue square') AS other_text;
SELECT clip_embed_image(file) = clip_embed_image(file, 'clip-mini') AS same_image FROM images ORDER BY name;
SELECT clip_similarity(clip_embed_text('a red square'), clip_embed_text('a square that is red'))
     > clip_similarity(clip_embed_text('a red square'), clip_embed_text('stock market report')) AS meaning;

-- NULL gives NULL, in arrays too; arrays keep their order.
SELECT clip_embed_text(NULL), clip_embed_text(NULL, 'clip-mini'), clip_embed_text('x', NULL);
SELECT clip_embed_image(NULL), clip_embed_image(NULL, 'clip-mini'), clip_embed_image('', NULL);
SELECT clip_embed_texts(NULL), clip_embed_texts('{}'), clip_embed_texts('{NULL,NULL}');
SELECT clip_embed_images(NULL), clip_embed_images('{}'), clip_embed_images('{NULL}', 'clip-mini');
SELECT i, text, vector_dims(v), clip_similarity(v, clip_embed_text(text)) > 0.999 AS same
FROM (VALUES (ARRAY['a cat', NULL, 'a dog', '', 'a cat'])) a (texts),
     LATERAL unnest(texts, clip_embed_texts(texts)) WITH ORDINALITY u (text, v, i) ORDER BY i;
SELECT i, vector_dims(v), clip_similarity(v, clip_embed_image(file)) > 0.999 AS same
FROM (SELECT array_append(array_agg(file ORDER BY name), NULL) || array_agg(file ORDER BY name DESC) FROM images) a (files),
     LATERAL unnest(files, clip_embed_images(files, 'clip-mini')) WITH ORDINALITY u (file, v, i) ORDER BY i;
SELECT array_ndims(v), array_length(v, 1) FROM clip_embed_texts('{{a,b},{c,d}}') v;

-- The batch size changes nothing but the speed.
SELECT count(*), min(clip_similarity(v, clip_embed_text(text))) > 0.999 AS same
FROM (SELECT array_agg('photo number ' || n ORDER BY n) FROM generate_series(1, 11) n) a (texts),
     LATERAL unnest(texts, clip_embed_texts(texts)) u (text, v);
SET clip_pg.batch_size = 1;
SELECT count(*), min(clip_similarity(v, clip_embed_text(text))) > 0.999 AS same
FROM (SELECT array_agg('picture number ' || n ORDER BY n) FROM generate_series(1, 11) n) a (texts),
     LATERAL unnest(texts, clip_embed_texts(texts)) u (text, v);
RESET clip_pg.batch_size;

-- More texts than a session remembers, in turns.
SELECT count(DISTINCT clip_embed_text('number ' || n % 70)::text) FROM generate_series(1, 140) n;

-- The default model is a setting; a model that is not registered is an error, named or default.
SET clip_pg.model = 'no-such-model';
SELECT split_part(pg_temp.outcome($$SELECT clip_embed_text('x')$$), E'\n', 1);
SELECT vector_dims(clip_embed_text('x', 'clip-mini'));
RESET clip_pg.model;
SELECT split_part(pg_temp.outcome($$SELECT clip_embed_text('x', 'no-such-model')$$), E'\n', 1);
SELECT split_part(pg_temp.outcome($$SELECT clip_embed_images('{}', 'no-such-model')$$), E'\n', 1);

-- Generated columns keep the embedding current.
CREATE TABLE pictures (
    name text PRIMARY KEY,
    file bytea,
    embedding clip_vector(512) GENERATED ALWAYS AS (clip_embed_image(file, 'clip-mini')) STORED,
    words clip_vector(512) GENERATED ALWAYS AS (clip_embed_text(name, 'clip-mini')) STORED
);
INSERT INTO pictures (name, file) SELECT * FROM images;
INSERT INTO pictures (name) VALUES ('empty');
SELECT name, embedding IS NULL AS no_embedding, words = clip_embed_text(name) AS current FROM pictures ORDER BY name;
UPDATE pictures SET file = (SELECT file FROM images WHERE name = 'red') WHERE name = 'empty';
SELECT a.name, b.name, a.embedding = b.embedding AS same FROM pictures a, pictures b WHERE a.name = 'empty' ORDER BY b.name;
-- The default model is no constant.
SELECT pg_temp.outcome($$CREATE TABLE t (a text, v clip_vector GENERATED ALWAYS AS (clip_embed_text(a)) STORED)$$);
SELECT pg_temp.outcome($$INSERT INTO pictures (name, file) VALUES ('bad', 'no image')$$);
DROP TABLE pictures;

-- Every way to write a search finds the same.
CREATE TEMP TABLE captions AS
SELECT n AS id, clip_embed_text(caption) AS embedding
FROM unnest('{a cat on a sofa,two dogs playing,a red car,snow on a mountain,kids in the snow,a plate of food}'::text[])
     WITH ORDINALITY c (caption, n);
SELECT array_agg(id) FROM (SELECT id FROM captions ORDER BY embedding <=> (SELECT clip_embed_text('children sledging')) LIMIT 3) s;
SELECT array_agg(id) FROM (SELECT id FROM captions ORDER BY embedding <=> clip_embed_text('children sledging') LIMIT 3) s;
SELECT array_agg(id) FROM (SELECT id FROM captions ORDER BY embedding <=> clip_embed_text('children sledging', 'clip-mini') LIMIT 3) s;
SELECT array_agg(id) FROM clip_embed_text('children sledging') q,
    LATERAL (SELECT id FROM captions ORDER BY embedding <=> q LIMIT 3) s;
SELECT array_agg(id) FROM (SELECT id FROM captions, clip_embed_text('children sledging') q ORDER BY embedding <=> q LIMIT 3) s;

-- What is loaded.
SELECT name, loaded IS NOT NULL AS loaded FROM clip_models WHERE built_in;

-- How the functions are declared.
SELECT oid::regprocedure, provolatile, proisstrict, proparallel, procost, prorows, prosupport
FROM pg_proc WHERE proname ~ '^clip_(embed|image|thumbnail|query)' ORDER BY oid::regprocedure::text COLLATE "C";
