-- The registry: registering, listing and unregistering models; and the settings.
\i outcome.sql
-- The descriptions go to a directory of this test's own, inside the data directory.
SET clip_pg.model_directory = 'clip_pg_regression';
SELECT setting || '/extension/clip_pg/models/clip-mini' AS directory FROM pg_config WHERE name = 'SHAREDIR' \gset

SELECT name, dimensions, image_size, context_length, round(logit_scale::numeric, 6) AS logit_scale, logit_bias,
       logit_source, activation, caveats, text_tower, image_tower, options, sha256 ~ '^[0-9a-f]{64}$' AS sha256,
       directory = :'directory' AS directory, built_in
FROM clip_models \gx
SELECT jsonb_pretty(preprocessing) FROM clip_models;
SELECT tokenization FROM clip_models;

-- The same files under another name are the same model. Where this fails because descriptions have changed, the one
-- in models/ is out of date: it is what mini.json holds, with the directory "clip-mini".
SELECT clip_register_model('mini', :'directory');
SELECT name, built_in FROM clip_models ORDER BY name;
SELECT count(*), count(DISTINCT (sha256, directory, preprocessing)) AS models FROM clip_models;
SELECT pg_read_file(current_setting('clip_pg.model_directory') || '/mini.json')::jsonb -> 'manifest'
     = pg_read_file(:'directory' || '.json')::jsonb -> 'manifest' AS same;

-- Options override what the files say, and make another model.
SELECT clip_register_model('mini.scaled-2', :'directory',
                           '{"logit_scale": 50, "logit_bias": -3, "activation": "sigmoid", "alpha": "white"}');
SELECT name, logit_scale, logit_bias, logit_source, activation, preprocessing ->> 'alpha' AS alpha, options
FROM clip_models WHERE name = 'mini.scaled-2' \gx
SELECT count(DISTINCT sha256) FROM clip_models;

-- Models are loaded when they are used; what is the same model is loaded once.
SELECT clip_embed_text('a cat', 'mini')::text = clip_embed_text('a cat')::text AS same;
SELECT name, loaded IS NOT NULL AS loaded FROM clip_models ORDER BY name;

-- Registering again changes nothing; nor does a rollback.
BEGIN;
SELECT clip_register_model('mini', :'directory');
SELECT clip_unregister_model('mini.scaled-2');
ROLLBACK;
SELECT name FROM clip_models ORDER BY name;

-- A name comes back, but only with the same model. What turns similarities into probabilities can be set right.
SELECT clip_unregister_model('mini');
SELECT name FROM clip_models ORDER BY name;
SELECT clip_register_model('mini', :'directory');
SELECT name FROM clip_models ORDER BY name;
\set VERBOSITY sqlstate
SELECT clip_register_model('mini', :'directory', '{"alpha": "white"}');
SELECT clip_unregister_model('mini');
SELECT clip_register_model('mini', :'directory', '{"alpha": "white"}');
\set VERBOSITY default
SELECT clip_register_model('mini', :'directory', '{"logit_scale": 50}');
SELECT name, logit_scale FROM clip_models ORDER BY name;
SELECT clip_register_model('mini', :'directory');
SELECT clip_unregister_model('mini');
SELECT name FROM clip_models ORDER BY name;

-- Nothing else is left behind than one file per name.
SELECT pg_ls_dir(current_setting('clip_pg.model_directory')) ORDER BY 1;

-- Null arguments do nothing, as for the server's own functions.
SELECT clip_register_model(NULL, :'directory') IS NULL;

-- Settings.
RESET clip_pg.model_directory;
SELECT current_setting('clip_pg.model_directory') = current_setting('data_directory') || '/clip_pg/models' AS absolute;
SELECT current_setting('clip_pg.onnxruntime_library') = setting || '/clip_pg/libonnxruntime.so' AS absolute
FROM pg_config WHERE name = 'PKGLIBDIR';
SELECT name, CASE WHEN setting NOT LIKE '/%' THEN setting END AS setting, context, vartype, min_val, max_val
FROM pg_settings WHERE name LIKE 'clip\_pg.%' ORDER BY name;
-- A misspelt name is an error from PostgreSQL 15 on.
SELECT current_setting('server_version_num')::integer < 150000
    OR pg_temp.outcome('SET clip_pg.nonsense = 1') = E'42602: invalid configuration parameter name "clip_pg.nonsense"\nDETAIL: "clip_pg" is a reserved prefix.' AS refused;
SET clip_pg.batch_size = 0;

COPY (SELECT WHERE false) TO PROGRAM 'rm -r clip_pg_regression';
