-- Zero-shot classification.
\pset null '-'
\i outcome.sql

CREATE TEMP TABLE images (name text, file bytea);
INSERT INTO images VALUES ('red', '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'), ('blue', '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b'), ('none', NULL);

-- One row for each label, in their order; probabilities are positive, add up to 1 and rank as similarities do.
SELECT ordinality, label, probability BETWEEN 0 AND 1 AS probability, similarity BETWEEN -1 AND 1 AS similarity
FROM images, clip_classify(file, '{red,blue,green}') WITH ORDINALITY WHERE name = 'red' ORDER BY ordinality;
SELECT name, count(*), round(sum(probability)::numeric, 6) AS total,
       array_agg(label ORDER BY probability) = array_agg(label ORDER BY similarity) AS same_order
FROM images, clip_classify(file, '{red,blue,green,a page of text}') GROUP BY name ORDER BY name;

-- Image or embedding, default or named model, template or prompts of one's own.
SELECT name, bool_and(a = b) AS embedding, bool_and(a = c) AS model, bool_and(a.similarity = d.similarity) AS template
FROM images, LATERAL (SELECT clip_embed_image(file)) e (v),
     LATERAL ROWS FROM (clip_classify(file, '{red,blue}')) a,
     LATERAL clip_classify_embedding(v, '{red,blue}') b,
     LATERAL clip_classify_embedding(v, '{red,blue}', model => 'clip-mini') c,
     LATERAL clip_classify_embedding(v, '{a photo of a red,a photo of a blue}', '{}') d
WHERE a.label = b.label AND a.label = c.label AND d.label LIKE '%' || a.label GROUP BY name ORDER BY name;
SELECT label, abs(similarity - clip_similarity(v, clip_embed_text(label || ' and ' || label))) < 0.001 AS similarity
FROM clip_embed_text('x') v, clip_classify_embedding(v, '{red,blue}', '{} and {}') ORDER BY label;

-- Softmax on the model's logit scale.
SELECT bool_and(abs(probability - exp(logit_scale * similarity) / total) < 1e-9) AS softmax
FROM (SELECT *, sum(exp(logit_scale * similarity)) OVER () AS total
      FROM clip_embed_text('a kitten') v, clip_classify_embedding(v, '{cat,dog,car}'), clip_models WHERE clip_models.built_in) s;

-- The sigmoid of each label for a model that is made for it.
SET clip_pg.model_directory = 'clip_pg_regression_classify';
SELECT clip_register_model('sigmoid', directory, '{"activation": "sigmoid", "logit_bias": -4.5}') FROM clip_models WHERE built_in;
SELECT count(*), bool_and(abs(probability - 1 / (1 + exp(-logit_scale * similarity - logit_bias))) < 1e-9) AS sigmoid
FROM clip_embed_text('a kitten') v, clip_classify_embedding(v, '{cat,dog,car}', model => 'sigmoid'), clip_models WHERE name = 'sigmoid';
SELECT clip_unregister_model('sigmoid');
RESET clip_pg.model_directory;

-- The likeliest label of each picture.
SELECT name, label FROM images, LATERAL (
    SELECT * FROM clip_classify(file, '{red,blue}', 'a {} picture') ORDER BY probability DESC LIMIT 1) best ORDER BY name;

-- Parameters whose types are left to the server.
PREPARE of_image AS SELECT label, probability > 0 AS likely FROM clip_classify($1, $2);
EXECUTE of_image('\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b', '{red,blue}');
PREPARE of_embedding AS SELECT count(*) FROM clip_classify_embedding($1, $2, model => $3);
EXECUTE of_embedding(clip_embed_text('x'), '{red,blue}', 'clip-mini');

-- Repeated and empty labels are labels, too; NULL in, nothing out.
SELECT label, round(probability::numeric, 6) FROM clip_embed_text('x') v, clip_classify_embedding(v, '{a,a}');
SELECT label, probability FROM clip_embed_text('x') v, clip_classify_embedding(v, ARRAY['']);
SELECT count(*) FROM clip_classify(NULL::bytea, '{a}');
SELECT count(*) FROM clip_classify_embedding(NULL::clip_vector, '{a}');
SELECT count(*) FROM clip_embed_text('x') v, clip_classify_embedding(v, NULL);

-- A vector without direction is like nothing, as for the operator.
SELECT * FROM clip_classify_embedding(array_fill(0, ARRAY[512])::clip_vector, '{a,b}');

-- Errors.
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_embedding(clip_embed_text('x'), '{}')$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_embedding(clip_embed_text('x'), '{a,NULL}')$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_embedding(clip_embed_text('x'), '{a}', 'a photo of a cat')$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_embedding(clip_embed_text('x'), '{a}', '')$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_embedding(clip_embed_text('x'), '{a}', NULL)$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_embedding('[1,2,3]'::clip_vector, '{a}')$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify('no image'::bytea, '{a}')$$);
SELECT split_part(pg_temp.outcome($$SELECT * FROM clip_classify_embedding(clip_embed_text('x'), '{a}', model => 'no-such-model')$$), E'\n', 1);
