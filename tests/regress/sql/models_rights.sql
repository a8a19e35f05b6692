-- Who may register models, and who sees where things are on the server.
SET clip_pg.model_directory = 'clip_pg_regression';
SELECT setting || '/extension/clip_pg/models/clip-mini' AS directory FROM pg_config WHERE name = 'SHAREDIR' \gset
CREATE ROLE regress_clip_user;
CREATE ROLE regress_clip_registrar IN ROLE pg_read_server_files;
CREATE FUNCTION pg_temp.attempt(command text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    state := '00000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
\x on

-- By default only superusers register.
SET ROLE regress_clip_registrar;
SELECT * FROM pg_temp.attempt(format('SELECT clip_register_model(%L, %L)', 'mini', :'directory'));
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''mini'')');
RESET ROLE;
GRANT EXECUTE ON FUNCTION clip_register_model, clip_unregister_model TO regress_clip_user, regress_clip_registrar;

-- Who may read server files may be let.
SET ROLE regress_clip_registrar;
SELECT * FROM pg_temp.attempt(format('SELECT clip_register_model(%L, %L)', 'mini', :'directory'));
SELECT name, directory = :'directory' AS directory FROM clip_models ORDER BY name;

-- Others may not even then, and cannot find out what files there are.
SET ROLE regress_clip_user;
SELECT * FROM pg_temp.attempt(format('SELECT clip_register_model(%L, %L)', 'mini', :'directory'));
SELECT * FROM pg_temp.attempt('SELECT clip_register_model(''x'', ''/nonexistent'')');
SELECT * FROM pg_temp.attempt('SELECT clip_unregister_model(''mini'')');
SELECT name, directory FROM clip_models ORDER BY name;

-- Settings that name paths, or that cost the server memory or processors.
SELECT state FROM pg_temp.attempt('SHOW clip_pg.model_directory');
SELECT state FROM pg_temp.attempt('SHOW clip_pg.onnxruntime_library');
SELECT * FROM pg_temp.attempt('SET clip_pg.model_directory = ''/tmp''');
SELECT * FROM pg_temp.attempt('SET clip_pg.onnxruntime_library = ''/tmp/x.so''');
SELECT * FROM pg_temp.attempt('SET clip_pg.threads = 2');
SELECT * FROM pg_temp.attempt('SET clip_pg.max_image_pixels = 1000000000');
SELECT * FROM pg_temp.attempt('SET clip_pg.batch_size = 4');
SELECT * FROM pg_temp.attempt('SET clip_pg.model = ''mini''');
RESET ROLE;

REVOKE EXECUTE ON FUNCTION clip_register_model, clip_unregister_model FROM regress_clip_user, regress_clip_registrar;
DROP ROLE regress_clip_user, regress_clip_registrar;
COPY (SELECT WHERE false) TO PROGRAM 'rm -r clip_pg_regression';
