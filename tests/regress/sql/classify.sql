-- Classification.
\pset null '-'
\i outcome.sql

CREATE TEMP TABLE images (name text, file bytea);
INSERT INTO images VALUES ('red', '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'), ('blue', '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b'), ('none', NULL);

-- Classifiers by hand, with numbers to be worked out: softmax and sigmoid, a distractor, a bias, a threshold.
CREATE TEMP TABLE classifiers (name text, c clip_classifier);
INSERT INTO classifiers VALUES
    ('softmax', '{"version": 1, "activation": "softmax", "scale": 10, "classes": [{"label": "map", "bias": -0.25, "vector": [1, 0]}, {"label": "портрет", "threshold": 0.95, "vector": [0, 1]}, {"vector": [-0.6, 0.8]}]}'),
    ('sigmoid', '{"version": 1, "activation": "sigmoid", "scale": 4, "classes": [{"label": "torn", "threshold": 0.2, "vector": [1, 0]}, {"label": "stained", "bias": -2, "vector": [0, 1]}]}');
SELECT name, c FROM classifiers ORDER BY name;

-- The likeliest first, of as many classes as are wanted, above a threshold, near the first. Length does not count.
SELECT name, label, round(probability::numeric, 4) AS probability, round(similarity::numeric, 4) AS similarity
FROM classifiers, clip_classify('[3,4]', c) WITH ORDINALITY ORDER BY name, ordinality;
SELECT label, round(probability::numeric, 4) AS probability FROM classifiers, clip_classify('[-3,4]', c) WHERE name = 'softmax';
SELECT label FROM classifiers, clip_classify('[3,4]', c, 2) WHERE name = 'softmax';
SELECT label FROM classifiers, clip_classify('[3,4]', c, threshold => 0.09) WHERE name = 'softmax';
SELECT v, margin, array_agg(label) FROM classifiers, unnest('{"[1,1]","[3,4]"}'::clip_vector[]) v, unnest('{0,0.5,0.8,1}'::float8[]) margin,
     clip_classify(v, c, top_k => 2, margin => margin) WHERE name = 'softmax' GROUP BY v, margin ORDER BY v DESC, margin;

-- One label; NULL for none of these: a distractor, the threshold of the call, or that of the label.
SELECT v, clip_label(v, c), clip_label(v, c, 0) AS in_any_case, clip_label(v, c, 0.9) AS sure
FROM classifiers, unnest('{"[1,0]","[3,4]","[0,1]","[-3,4]","[0,0]",NULL}'::clip_vector[]) v WHERE name = 'softmax';

-- Several: by the thresholds of the labels, 0.5 where they have none, or that of the call.
SELECT v, clip_labels(v, c), clip_labels(v, c, threshold => 0.6) AS threshold, clip_labels(v, c, top_k => 1) AS one, clip_labels(v, c, 2, 0, 0.8) AS near
FROM classifiers, unnest('{"[1,0]","[3,4]","[0,1]","[-1,0]","[0,0]",NULL}'::clip_vector[]) v WHERE name = 'sigmoid';
SELECT clip_labels('[-3,4]', c, threshold => 0) FROM classifiers WHERE name = 'softmax';

-- The lead of the first over the second, the least sure first.
SELECT v, round(clip_uncertainty(v, c)::numeric, 4) AS uncertainty
FROM classifiers, unnest('{"[3,4]","[1,0]","[1,1]","[0,0]",NULL}'::clip_vector[]) v WHERE name = 'softmax' ORDER BY clip_uncertainty(v, c) DESC;
SELECT round(clip_uncertainty('[1]', c)::numeric, 4) AS one_label
FROM (SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": [2]}]}'::clip_classifier) s (c);

-- A vector without direction is like nothing, as for the operator.
SELECT label, probability, similarity FROM classifiers, clip_classify('[0,0]', c) WHERE name = 'softmax';

-- Thresholds.
SELECT clip_label('[0,1]', clip_with_thresholds(c, '{портрет,map}', '{0.8,0.5}')), clip_label('[0,1]', clip_with_thresholds(c, '{портрет}', '{NULL}'))
FROM classifiers WHERE name = 'softmax';
SELECT clip_with_thresholds(c, '{}', '{}') = c AS same, clip_with_thresholds(c, '{map}', '{0.5}') <> c AS other FROM classifiers WHERE name = 'softmax';

-- Stored, compared, sent and received; large ones out of line.
CREATE TEMP TABLE wide (name text, c clip_classifier);
INSERT INTO wide SELECT 'wide', format('{"version": 1, "activation": "softmax", "scale": 1, "classes": [{"label": "a", "vector": %1$s}, {"label": "b", "vector": %2$s}]}',
    json_agg(n), json_agg(-n))::clip_classifier FROM generate_series(1, 1000) n;
INSERT INTO wide SELECT * FROM wide;
SELECT bool_and(pg_column_size(c) > 8000) AS out_of_line, bool_and(c::text::clip_classifier = c) AS text FROM wide;
SELECT count(*) FROM (SELECT c FROM wide UNION SELECT c FROM classifiers) s;
SELECT count(*) FROM wide a JOIN wide b USING (c);
SELECT clip_label(array_fill(1, ARRAY[1000])::clip_vector, c), clip_label(array_fill(-1, ARRAY[1000])::clip_vector, (SELECT c FROM wide LIMIT 1)) FROM wide;
SELECT format('COPY classifiers TO %L (FORMAT binary)', f) AS write, format('COPY received FROM %L (FORMAT binary)', f) AS read
FROM (SELECT current_setting('data_directory') || '/clip_pg_regression_classify.bin') s (f) \gset
CREATE TEMP TABLE received (LIKE classifiers);
:write;
:read;
SELECT count(*) FROM received JOIN classifiers USING (name, c);
-- Damage is found before anything is made of it.
CREATE TEMP TABLE damaged (name text, bytes bytea);
INSERT INTO damaged SELECT name || ' cut', substr(clip_classifier_send(c), 1, 40) FROM classifiers
UNION ALL SELECT name || ' bit', set_bit(clip_classifier_send(c), 300, 1 - get_bit(clip_classifier_send(c), 300)) FROM classifiers
UNION ALL SELECT name || ' version', set_byte(clip_classifier_send(c), 16, 7) FROM classifiers
UNION ALL VALUES ('empty', ''::bytea);
CREATE FUNCTION pg_temp.received(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file text := current_setting('data_directory') || '/clip_pg_regression_classify.bin';
BEGIN
    EXECUTE format($copy$COPY (SELECT %L::bytea) TO %L (FORMAT binary)$copy$, bytes, file);
    RETURN pg_temp.outcome(format($copy$COPY received (c) FROM %L (FORMAT binary)$copy$, file));
END $$;
SELECT name, pg_temp.received(bytes) FROM damaged ORDER BY name COLLATE "C";

-- Out of labels: one row for each, positive probabilities that add up to 1 and rank as similarities do.
SELECT label, probability BETWEEN 0 AND 1 AS probability, similarity BETWEEN -1 AND 1 AS similarity
FROM images, clip_classify_image(file, clip_classifier('{red,blue,green}')) WHERE name = 'red' ORDER BY label;
SELECT name, count(*), round(sum(probability)::numeric, 6) AS total,
       array_agg(label ORDER BY probability) = array_agg(label ORDER BY similarity) AS same_order
FROM images, clip_classify_image(file, clip_classifier('{red,blue,green,a page of text}')) GROUP BY name ORDER BY name;

-- Image or embedding, default or named model, template or prompts of one's own: the same.
SELECT c = clip_classifier(ARRAY['red','blue']) AS typed, c = clip_classifier(labels => '{red,blue}') AS labels, c = clip_classifier('{red,blue}', NULL, 'clip-mini') AS third, c = clip_classifier('{red,blue}', model => 'clip-mini') AS named,
       c = clip_classifier('{red,blue}', '{a photo of a red,a photo of a blue}') AS prompts,
       c = clip_classifier('{red,blue}', '{a photo of a red,a photo of a blue}', 'clip-mini') AS prompts_third,
       c = clip_classifier('{red,blue}', '{red,blue}', templates => ARRAY['a photo of a {}']) AS templates,
       c = clip_classifier('{red,blue}', '{red,blue}', 'clip-mini', ARRAY['a photo of a {}']) AS templates_fourth
FROM clip_classifier('{red,blue}') c;
SELECT bool_and(a = b) AS same FROM images, clip_classifier('{red,blue}') c, clip_classify_image(file, c) a, clip_classify(clip_embed_image(file), c) b
WHERE a.label = b.label;
SELECT c::json -> 'model' ->> 'name' AS name, c::json -> 'model' ->> 'identity' = sha256 AS identity, (c::json ->> 'scale')::float8 = logit_scale AS scale, c::json ->> 'activation' AS activation
FROM (SELECT clip_classifier('{red,blue}')::text::json) s (c), clip_models WHERE built_in;
SELECT label, abs(similarity - clip_similarity(v, clip_embed_text(label || ' and ' || label))) < 0.001 AS similarity
FROM clip_embed_text('x') v, clip_classify(v, clip_classifier('{red,blue}', templates => ARRAY['{} and {}'])) ORDER BY label;

-- Equal labels, and templates, are averaged: the mean of normalised embeddings, normalised.
SELECT label, abs(similarity - clip_similarity(v, clip_embed_text(a) + clip_embed_text(b))) < 0.001 AS similarity
FROM clip_embed_text('x') v, clip_classify(v, clip_classifier('{red,blue,red,blue}', '{scarlet,navy,ruby,azure}')),
     (VALUES ('red', 'scarlet', 'ruby'), ('blue', 'navy', 'azure')) p (name, a, b) WHERE name = label ORDER BY label;
SELECT label, abs(similarity - clip_similarity(v, clip_embed_text('a ' || label) + clip_embed_text('the ' || label))) < 0.001 AS similarity
FROM clip_embed_text('x') v, clip_classify(v, clip_classifier('{cat,dog}', templates => ARRAY['a {}','the {}'])) ORDER BY label;

-- Softmax on the model's logit scale.
SELECT bool_and(abs(probability - exp(logit_scale * similarity) / total) < 1e-6) AS softmax
FROM (SELECT *, sum(exp(logit_scale * similarity)) OVER () AS total
      FROM clip_embed_text('a kitten') v, clip_classify(v, clip_classifier('{cat,dog,car}')), clip_models WHERE clip_models.built_in) s;

-- The sigmoid of each label for a model that is made for it; one label is enough there.
SET clip_pg.model_directory = 'clip_pg_regression_classify';
SELECT clip_register_model('sigmoid', directory, '{"activation": "sigmoid", "logit_bias": -4.5}') FROM clip_models WHERE built_in;
SELECT count(*), bool_and(abs(probability - 1 / (1 + exp(-logit_scale * similarity - logit_bias))) < 1e-6) AS sigmoid
FROM clip_embed_text('a kitten') v, clip_classify(v, clip_classifier('{cat,dog,car}', model => 'sigmoid')), clip_models WHERE name = 'sigmoid';
SELECT count(*) FROM clip_embed_text('a kitten') v, clip_classify(v, clip_classifier('{cat}', NULL, 'sigmoid'));
CREATE TEMP TABLE of_sigmoid AS SELECT clip_classifier('{cat}', NULL, 'sigmoid') AS c;
SELECT clip_unregister_model('sigmoid');
SELECT split_part(pg_temp.outcome($$SELECT * FROM images, of_sigmoid, clip_classify_image(file, c)$$), E'\n', 1);
RESET clip_pg.model_directory;
SELECT pg_temp.outcome($$SELECT * FROM images, (SELECT replace(clip_classifier('{red,blue}')::text, sha256, repeat('0123', 16))::clip_classifier FROM clip_models WHERE built_in) s (c),
    clip_classify_image(file, c)$$) ~ '^55000: the classifier is for another model "clip-mini" than the one of this server\nDETAIL:  ?It is for the model with the SHA-256 01230123' AS other_model;

-- A pair of prompts each: the softmax over x and not x.
SELECT label, abs(probability - 1 / (1 + exp(logit_scale * (clip_similarity(v, clip_embed_text(minus)) - clip_similarity(v, clip_embed_text(plus)))))) < 0.02 AS pair
FROM clip_embed_text('a torn page') v, clip_models,
     (VALUES ('torn', 'a torn page', 'an intact page'), ('stained', 'a stained page', 'a clean page')) p (name, plus, minus),
     clip_classify(v, clip_classifier('{torn,stained}', '{a torn page,a stained page}', minus_prompts => '{an intact page,a clean page}'))
WHERE p.name = label AND built_in ORDER BY label;
SELECT clip_labels(clip_embed_text('a torn page'), clip_classifier('{torn}', '{a torn page}', minus_prompts => '{an intact page}'));

-- Distractors.
SELECT clip_label(clip_embed_text('a photo of a dog'), c), clip_label(clip_embed_text('a printed page'), c)
FROM clip_classifier('{cat,dog}', '{a photo of a cat,a photo of a dog}', distractors => '{a printed page,a blank page}') c;
SELECT clip_label(clip_embed_text('a photo of a cat'), clip_classifier('{cat}', distractors => '{car}'));

-- The likeliest label of each picture; in a plan that runs in parallel, and in functions that run for each row.
SELECT name, clip_label(clip_embed_image(file), (SELECT clip_classifier('{red,blue}', templates => ARRAY['a {} picture']))) FROM images ORDER BY name;
CREATE TABLE regress_classify AS SELECT n, ARRAY[sin(n), cos(n)]::clip_vector AS v FROM generate_series(1, 10000) n;
CREATE TABLE regress_classifiers AS SELECT * FROM classifiers;
ALTER TABLE regress_classify SET (parallel_workers = 2);
CREATE TEMP TABLE alone AS SELECT n, clip_label(v, (SELECT c FROM classifiers WHERE name = 'softmax')) AS label FROM regress_classify;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT label, count(*) FROM (SELECT clip_label(v, (SELECT c FROM regress_classifiers WHERE name = 'softmax')) AS label FROM regress_classify OFFSET 0) s GROUP BY label ORDER BY label;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT label, count(*) FROM alone GROUP BY label ORDER BY label;
-- Another classifier for each row.
SELECT count(DISTINCT label) AS labels, count(*) FILTER (WHERE name = 'softmax' AND label = (SELECT a.label FROM alone a WHERE a.n = s.n)) AS same
FROM (SELECT n, name, clip_label(v, c) AS label FROM regress_classify, classifiers WHERE n <= 100) s;
DROP TABLE regress_classify, regress_classifiers;

-- Parameters whose types are left to the server.
PREPARE ask AS SELECT label, probability > 0 AS likely FROM clip_classify($1, $2);
EXECUTE ask('[1,0]', '{"version": 1, "activation": "softmax", "scale": 1, "classes": [{"label": "a", "vector": [0, 1]}, {"label": "b", "vector": [1, 0]}]}');
PREPARE of_image AS SELECT count(*) FROM clip_classify_image($1, $2, $3);
EXECUTE of_image('\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b', clip_classifier('{red,blue}'), 1);
PREPARE made AS SELECT clip_label(clip_embed_text('x'), clip_classifier($1, $2, $3)) IS NULL;
EXECUTE made('{red,blue}', NULL, 'clip-mini');
PREPARE of_labels AS SELECT count(*) FROM clip_classify(clip_embed_text('x'), clip_classifier($1::text[]));
EXECUTE of_labels('{red,blue}');

-- Labels in any script; NULL in, nothing out.
SELECT array_agg(label ORDER BY label COLLATE "C") FROM clip_classify(clip_embed_text('x'), clip_classifier('{карта,肖像,خريطة,"a, b"}'));
SELECT clip_classifier(NULL), clip_classifier('{a,b}', NULL, NULL::text);
SELECT count(*) FROM clip_classify_image(NULL, clip_classifier('{a,b}'));
SELECT count(*) FROM clip_classify(NULL, clip_classifier('{a,b}'));
SELECT count(*) FROM clip_classify(clip_embed_text('x'), NULL);
SELECT clip_label(NULL, NULL), clip_labels(clip_embed_text('x'), NULL), clip_uncertainty(NULL, NULL);

-- Calibration: what is right seven times in ten gets 0.7; biases take from a class what is not its share.
CREATE TEMP TABLE labelled AS SELECT n, CASE WHEN n % 10 < 7 THEN 'map' ELSE 'портрет' END AS truth, '[1,0.9]'::clip_vector AS v FROM generate_series(1, 1000) n;
SELECT round(probability::numeric, 3) AS probability, label, round((c::text::json ->> 'scale')::numeric, 2) AS scale
FROM (SELECT clip_calibrate(truth, v, c) FROM labelled, classifiers WHERE name = 'softmax') s (c), clip_classify('[1,0.9]', c, 1);
SELECT round(probability::numeric, 3) AS probability, label
FROM (SELECT clip_calibrate(truth, v, c, true) FROM labelled, classifiers WHERE name = 'softmax') s (c), clip_classify('[1,0.9]', c, 2);
SELECT (SELECT clip_calibrate(truth, v, c, false) FROM labelled, classifiers WHERE name = 'softmax') = (SELECT clip_calibrate(truth, v, c) FROM labelled, classifiers WHERE name = 'softmax') AS temperature_only;
SELECT round(probability::numeric, 3) AS probability, label
FROM (SELECT clip_calibrate(truth, v, c, true) FROM (VALUES ('torn', '[1,0]'::clip_vector), ('stained', '[1,0]')) l (truth, v), classifiers WHERE name = 'sigmoid') s (c), clip_classify('[1,0]', c);
SELECT label, round(probability::numeric, 3) AS probability
FROM (SELECT clip_debias(v, c) FROM labelled, classifiers WHERE name = 'softmax') s (c), clip_classify('[1,0.9]', c) ORDER BY label;
SELECT label, round(probability::numeric, 3) AS probability
FROM (SELECT clip_debias(v, c, '{0.2,0.7,0.1}') FROM labelled, classifiers WHERE name = 'softmax') s (c), clip_classify('[1,0.9]', c) ORDER BY label;
-- Per group; without rows; rows that say nothing.
SELECT n, clip_label('[1,0.9]', clip_debias(v, c, CASE n WHEN 1 THEN '{0.5,0.4,0.1}'::float8[] ELSE '{0.4,0.5,0.1}' END))
FROM (SELECT n % 2 AS n, v FROM labelled) l, classifiers WHERE name = 'softmax' GROUP BY n ORDER BY n;
SELECT clip_calibrate(truth, v, c), clip_debias(v, c) FROM labelled, classifiers WHERE false;
SELECT clip_calibrate(NULL, v, c), clip_debias(NULL, c) FROM labelled, classifiers;
SELECT clip_calibrate('map', '[0,0]', c) = min(c::text)::clip_classifier AS unchanged FROM classifiers WHERE name = 'softmax';
SELECT clip_label('[1,0]', clip_calibrate('map', '[1,0]', c, true)) FROM classifiers WHERE name = 'softmax';

-- Errors: labels and prompts,
SELECT pg_temp.outcome($$SELECT clip_classifier('{}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('map')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,""}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', '{x}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', '{x,NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', templates => '{a photo of a cat}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', templates => ARRAY['a {}', ''])$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', templates => '{NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', templates => '{}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier(ARRAY['a', repeat('x', 60000)], templates => ARRAY[repeat('{}', 30000)])$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', minus_prompts => '{x}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', minus_prompts => '{x,y}', distractors => '{z}')$$);
SELECT pg_temp.outcome($$SELECT clip_classifier('{a,b}', distractors => '{NULL}')$$);
SELECT split_part(pg_temp.outcome($$SELECT clip_classifier('{a,b}', NULL, 'no-such-model')$$), E'\n', 1);
-- embeddings of another model, images that are none,
SELECT pg_temp.outcome($$SELECT * FROM clip_classify('[1,2,3]', clip_classifier('{a,b}'))$$);
SELECT pg_temp.outcome($$SELECT clip_label('[1,2,3]', c) FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT * FROM clip_classify_image('no image', clip_classifier('{a,b}'))$$);
SELECT pg_temp.outcome($$SELECT * FROM classifiers, clip_classify_image('no image', c)$$);
-- numbers out of range,
SELECT pg_temp.outcome($$SELECT * FROM classifiers, clip_classify('[1,2]', c, 0)$$);
SELECT pg_temp.outcome($$SELECT * FROM classifiers, clip_classify('[1,2]', c, threshold => 'NaN')$$);
SELECT pg_temp.outcome($$SELECT * FROM classifiers, clip_classify(NULL, c, margin => -0.1)$$);
SELECT pg_temp.outcome($$SELECT clip_label('[1,2]', c, 1.5) FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_labels('[1,2]', c, -1) FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_labels('[1,2]', c, threshold => 'Infinity') FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_with_thresholds(c, '{map}', '{-1}') FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_with_thresholds(c, '{map}', '{NaN}') FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_with_thresholds(c, '{map}', '{0.1,0.2}') FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_with_thresholds(c, '{Map}', '{0.1}') FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_with_thresholds(c, '{NULL}', '{0.1}') FROM classifiers$$);
-- text that is no classifier,
SELECT pg_temp.outcome($$SELECT ''::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 2, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": [1]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "pair", "scale": 1, "classes": [{"label": "a", "vector": [1]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "softmax", "scale": 1, "classes": [{"label": "a", "vector": [1]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": [1]}, {"label": "a", "vector": [1]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": [1]}, {"label": "b", "vector": [1,2]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "sigmoid", "scale": 0, "classes": [{"label": "a", "vector": [1]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": [1e10]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": []}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a\u0000", "vector": [1]}]}'::clip_classifier$$);
SELECT pg_temp.outcome($$SELECT '{"version": 1, "model": {"name": "m", "identity": "x"}, "activation": "sigmoid", "scale": 1, "classes": [{"label": "a", "vector": [1]}]}'::clip_classifier$$);
-- and rows that an aggregate cannot go by.
SELECT pg_temp.outcome($$SELECT clip_calibrate('globe', '[1,0]', c) FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_calibrate('map', '[1,0,0]', c) FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c) FROM classifiers$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, '{0.5,0.5}') FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, '{0.5,0.5,0.5}') FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, '{1,0,0}') FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, '{0.5,0.5,NULL}') FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, NULL) FROM classifiers WHERE name = 'softmax'$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, CASE n WHEN 1 THEN '{0.5,0.4,0.1}'::float8[] ELSE '{0.4,0.5,0.1}' END) FROM classifiers, generate_series(1, 2) n WHERE name = 'softmax'$$);
-- Biases of very many classes are not fitted, all else takes them.
CREATE TEMP TABLE many AS SELECT clip_centroids('l' || n, '[1,0]') AS c FROM generate_series(1, 1001) n;
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c) FROM many$$);
SELECT pg_temp.outcome($$SELECT clip_debias('[1,0]', c, array_fill(0.001::float8, '{1001}')) FROM many$$);
SELECT pg_temp.outcome($$SELECT clip_calibrate('l7', '[1,0]', c, true) FROM many$$);
SELECT clip_calibrate('l7', '[1,0]', c) IS NOT NULL AS temperature FROM many;

-- How the functions are declared.
SELECT oid::regprocedure, provolatile, proisstrict, proparallel, procost, prorows, prosupport
FROM pg_proc WHERE proname ~ '^clip_(class|label|uncertainty|with_thr|calibrate|debias)' AND prokind = 'f' ORDER BY oid::regprocedure::text COLLATE "C";
