-- What registration and unregistration refuse.
SET clip_pg.model_directory = 'clip_pg_regression';
SELECT setting || '/extension/clip_pg/models/clip-mini' AS directory FROM pg_config WHERE name = 'SHAREDIR' \gset

-- Paths of this machine and hashes are taken out.
CREATE FUNCTION pg_temp.attempt(command text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    state := '00000';
EXCEPTION WHEN query_canceled OR OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    message := replace(message, current_setting('data_directory'), 'DATA');
    message := replace(message, (SELECT setting FROM pg_config WHERE name = 'SHAREDIR'), 'SHARE');
    detail := regexp_replace(detail, '[0-9a-f]{64}', '<hash>', 'g');
END $$;
CREATE FUNCTION pg_temp.register(name text, directory text, options jsonb DEFAULT '{}',
                                 OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE sql AS $$
    SELECT * FROM pg_temp.attempt(format('SELECT clip_register_model(%L, %L, %L)', name, directory, options))
$$;
\x on

-- Names.
SELECT * FROM pg_temp.register('', :'directory');
SELECT * FROM pg_temp.register('../clip-mini', :'directory');
SELECT * FROM pg_temp.register('.hidden', :'directory');
SELECT * FROM pg_temp.register('Xenova/clip-vit-base-patch32', :'directory');
SELECT * FROM pg_temp.register(repeat('x', 64), :'directory');
SELECT * FROM pg_temp.register('clip mini', :'directory');
SELECT * FROM pg_temp.register('clip-mini', :'directory');
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''clip-mini'')');
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''missing'')');
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''../../x'')');

-- Directories.
SELECT * FROM pg_temp.register('mini', 'models/clip-mini');
SELECT * FROM pg_temp.register('mini', '/nonexistent');
SELECT * FROM pg_temp.register('mini', current_setting('data_directory') || '/PG_VERSION');
SELECT * FROM pg_temp.register('mini', current_setting('data_directory') || '/global');

-- Options.
SELECT * FROM pg_temp.register('mini', :'directory', '[]');
SELECT * FROM pg_temp.register('mini', :'directory', '{"logit_scal": 1}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"logit_scale": "high"}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"logit_scale": -1}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"logit_scale": 1e400}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"activation": "tanh"}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"text_file": "../text_model.onnx"}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"text_file": "onnx/text.onnx"}');
SELECT * FROM pg_temp.register('mini', :'directory', '{"text_file": "tokenizer.json"}');

-- A name belongs to one model.
SELECT state FROM pg_temp.register('mini', :'directory');
SELECT * FROM pg_temp.register('mini', :'directory', '{"alpha": "white"}');
SELECT state FROM pg_temp.attempt('SELECT clip_unregister_model(''mini'')');
SELECT state FROM pg_temp.register('mini', :'directory', '{"alpha": "white"}');
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''mini'')');

-- A file that is no description.
COPY (SELECT 'registered') TO PROGRAM 'cat >clip_pg_regression/broken.json';
SELECT name FROM clip_models ORDER BY name;
SELECT * FROM pg_temp.register('broken', :'directory');
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''broken'')');

-- A registry that is no directory.
SET clip_pg.model_directory = 'PG_VERSION';
SELECT * FROM pg_temp.attempt('TABLE clip_models');
SELECT * FROM pg_temp.register('mini', :'directory');
SET clip_pg.model_directory = 'clip_pg_regression';

-- Models that are not registered, wherever they are named.
SELECT * FROM pg_temp.attempt('SELECT clip_embed_text(''a cat'', ''missing'')');
SELECT * FROM pg_temp.attempt('SELECT clip_embed_text(''a cat'', ''../models/clip-mini'')');
SELECT * FROM pg_temp.attempt('SELECT clip_embed_text(''a cat'', ''mini'')');
SET clip_pg.model = 'missing';
SELECT * FROM pg_temp.attempt('SELECT clip_embed_text(''a cat'')');
RESET clip_pg.model;

-- Registration can be canceled.
SET statement_timeout = 20;
SELECT state, message FROM pg_temp.register('slow', :'directory');
RESET statement_timeout;
SELECT name FROM clip_models ORDER BY name;

COPY (SELECT WHERE false) TO PROGRAM 'rm -r clip_pg_regression';
