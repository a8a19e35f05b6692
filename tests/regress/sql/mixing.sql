-- Vectors of two models in one column or one comparison.
\pset null '-'
\i outcome.sql
SET clip_pg.model_directory = 'clip_pg_regression_mixing';
SELECT setting || '/extension/clip_pg/models/clip-mini' AS directory FROM pg_config WHERE name = 'SHAREDIR' \gset
SELECT clip_register_model('other', :'directory', '{"alpha": "white"}');
SELECT clip_register_model('same', :'directory');

CREATE TABLE photos (id integer PRIMARY KEY, title text, embedding clip_vector(512),
    generated clip_vector(512) GENERATED ALWAYS AS (clip_embed_text(title, 'other')) STORED,
    unsized clip_vector GENERATED ALWAYS AS (clip_embed_text(title, 'other')) STORED, unknown clip_vector);
SELECT clip_auto_embed('photos', 'title', 'embedding', 'clip-mini');
SELECT clip_column_model('photos', 'embedding'), clip_column_model('photos', 'generated'), clip_column_model('photos', 'id');

-- Told when the query is planned.
CREATE FUNCTION pg_temp.told(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'EXPLAIN ' || query;
    RETURN 'nothing';
END $$;
\set VERBOSITY terse
SELECT pg_temp.told('SELECT FROM photos ORDER BY embedding <=> (SELECT clip_embed_text(''a'', ''other'')) LIMIT 1');
SELECT pg_temp.told('SELECT id, clip_similarity((SELECT clip_embed_text(''b'', ''other'')), embedding) FROM photos ORDER BY embedding <-> (SELECT clip_embed_text(''a'', ''other'')) LIMIT 1');
SELECT pg_temp.told('SELECT FROM photos WHERE embedding <#> (SELECT clip_query(texts => ''{a}'', model => ''other'')) < 0');
SELECT pg_temp.told('SELECT FROM photos WHERE embedding <+> (SELECT clip_query(''{a}'', NULL, NULL, NULL, NULL, NULL, NULL, ''other'')) < 1');
SELECT pg_temp.told('SELECT FROM photos ORDER BY generated <=> (SELECT clip_embed_text(''a'', ''clip-mini''))');
SELECT pg_temp.told('SELECT FROM photos ORDER BY unsized <=> (SELECT clip_embed_text(''a'', ''clip-mini''))');
SELECT pg_temp.told('SELECT FROM photos ORDER BY embedding <=> generated');
SELECT pg_temp.told('SELECT FROM photos ORDER BY embedding <=> (SELECT generated FROM photos WHERE id = 42)');
SELECT pg_temp.told('SELECT FROM photos p JOIN photos q ON inner_product(p.embedding, q.generated) > 0');
SET clip_pg.model = 'other';
SELECT pg_temp.told('SELECT FROM photos ORDER BY embedding <=> clip_embed_text(''a'')');
SELECT pg_temp.told('SELECT FROM photos ORDER BY embedding <=> (SELECT clip_embed_text(''a''))');
SELECT pg_temp.told('SELECT s.* FROM clip_embed_text(''a'') q, LATERAL (SELECT id, embedding <=> q FROM photos ORDER BY embedding <=> q LIMIT 10) s');
SELECT pg_temp.told('SELECT FROM photos ORDER BY embedding <=> (SELECT clip_query(''{a}''))');

-- Nothing where all is well, or not known.
SELECT query, pg_temp.told('SELECT FROM photos ORDER BY ' || query) FROM (VALUES
    ($$embedding <=> (SELECT clip_embed_text('a', 'clip-mini'))$$), ($$embedding <=> (SELECT clip_embed_text('a', 'same'))$$),
    ($$embedding <=> (SELECT clip_embed_text('a', clip_column_model('photos', 'embedding')))$$), ($$generated <=> (SELECT clip_embed_text('a'))$$),
    ($$embedding <=> (SELECT embedding FROM photos WHERE id = 42)$$), ($$embedding <=> (SELECT clip_query(vectors => ARRAY[embedding], model => 'clip-mini') FROM photos WHERE id = 42)$$),
    ($$embedding <=> unknown$$), ($$unknown <=> (SELECT clip_embed_text('a'))$$), ($$embedding <=> '[1]'$$),
    ($$embedding <=> (SELECT avg(generated) FROM photos)$$)) q (query);
PREPARE search AS SELECT FROM photos ORDER BY embedding <=> $1;
EXPLAIN (COSTS off) EXECUTE search('[1]');
RESET clip_pg.model;
\set VERBOSITY default
SELECT FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a', 'other'));

-- A constraint of one table where another one stands first.
CREATE TABLE narrow (id integer);
CREATE TABLE checked (id integer, note text, vector clip_vector, CHECK ((vector <=> '[1]') >= 0));
SET constraint_exclusion = on;
SELECT count(*) FROM narrow n, checked c WHERE c.id > n.id;
SELECT count(*) FROM narrow n, checked c WHERE c.id > 0;
RESET constraint_exclusion;
DROP TABLE narrow, checked;

-- A column that holds another model's vectors.
CREATE TABLE filled (id integer PRIMARY KEY, title text, image bytea, vector clip_vector(512));
INSERT INTO filled VALUES (1, 'a title', '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b');
UPDATE filled SET vector = clip_embed_text(title, 'clip-mini');
SELECT clip_auto_embed('filled', 'title', 'vector', 'clip-mini');
SELECT clip_auto_embed_remove('filled', 'vector');
SELECT pg_temp.outcome($$SELECT clip_auto_embed('filled', 'image', 'vector', 'clip-mini')$$);
ALTER TABLE filled ADD three clip_vector DEFAULT '[1,2,3]';
SELECT pg_temp.outcome($$SELECT clip_auto_embed('filled', 'title', 'three', 'clip-mini')$$);
ALTER TABLE filled DROP three;
UPDATE filled SET image = '\x00';
SELECT clip_auto_embed('filled', 'image', 'vector', 'clip-mini');
SELECT clip_auto_embed_remove('filled', 'vector');
UPDATE filled SET image = '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b';
UPDATE filled SET vector = clip_embed_image(image, 'clip-mini');
SELECT clip_auto_embed('filled', 'image', 'vector', 'clip-mini');
SELECT clip_auto_embed_remove('filled', 'vector');

-- The way to another model: a second column, and the first one's name when that is full. Searches go on meanwhile.
UPDATE filled SET vector = clip_embed_text(title, 'clip-mini');
SELECT clip_auto_embed('filled', 'title', 'vector', 'clip-mini');
CREATE VIEW search AS SELECT id, round((vector <=> (SELECT clip_embed_text('a title', clip_column_model('filled', 'vector'))))::numeric, 2) AS distance FROM filled;
ALTER TABLE filled ADD next clip_vector(512);
SELECT clip_auto_embed('filled', 'title', 'next', 'other', 'queue');
INSERT INTO filled VALUES (2, 'another title');
SELECT relation, target, model, mode, embedded, pending FROM clip_embed_status WHERE relation = 'filled'::regclass;
CALL clip_backfill('filled', 'next');
SELECT relation, target, model, mode, embedded, pending FROM clip_embed_status WHERE relation = 'filled'::regclass;
SELECT * FROM search;
BEGIN;
ALTER TABLE filled RENAME vector TO previous;
ALTER TABLE filled RENAME next TO vector;
CREATE OR REPLACE VIEW search AS SELECT id, round((vector <=> (SELECT clip_embed_text('a title', clip_column_model('filled', 'vector'))))::numeric, 2) AS distance FROM filled;
SELECT clip_auto_embed_remove('filled', 'previous');
ALTER TABLE filled DROP previous;
COMMIT;
SELECT * FROM search;
SELECT relation, target, model, mode, embedded, pending FROM clip_embed_status WHERE relation = 'filled'::regclass;

-- A server on which the name stands for another model, as may be after a restore.
SET clip_pg.model_directory = 'clip_pg_regression_mixing_2';
SELECT clip_register_model('other', :'directory', '{"alpha": "black"}');
INSERT INTO filled VALUES (3, 'a third one');
SELECT clip_auto_embed_remove('filled', 'vector');
SET clip_pg.model_directory = 'clip_pg_regression_mixing';
SELECT clip_auto_embed('filled', 'title', 'vector', 'other');
SET clip_pg.model_directory = 'clip_pg_regression_mixing_2';
SELECT regexp_replace(pg_temp.outcome($$INSERT INTO filled VALUES (4, 'a fourth one')$$), '[0-9a-f]{64}', 'SHA256', 'g');
\set VERBOSITY terse
CALL clip_backfill('filled');
SET clip_pg.model_directory = 'clip_pg_regression_mixing';
DROP VIEW search;
DROP TABLE photos, filled;
SELECT clip_unregister_model(name) FROM clip_models WHERE NOT built_in;
