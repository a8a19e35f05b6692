-- Keeping embeddings current: what src/ingest/ is for in SQL.
--
-- A trigger is the configuration, see src/ingest/mod.rs. Nothing is kept elsewhere.

CREATE SCHEMA clip_pg;
GRANT USAGE ON SCHEMA clip_pg TO PUBLIC;
COMMENT ON SCHEMA clip_pg IS 'internals of the extension clip_pg';

CREATE FUNCTION clip_pg.auto_embed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'auto_embed_wrapper' LANGUAGE C;
COMMENT ON FUNCTION clip_pg.auto_embed() IS
'trigger of clip_auto_embed; its arguments are the model and the mode, its condition names the columns';

CREATE VIEW clip_pg.auto_embed AS
SELECT trigger.tgrelid::pg_catalog.regclass AS relation,
       source.attname AS source,
       target.attname AS target,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), '\000', 1) AS model,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), '\000', 2) AS mode,
       trigger.tgname AS trigger
FROM pg_catalog.pg_trigger trigger
-- The trigger's condition makes it depend on both columns; the types tell them apart.
JOIN pg_catalog.pg_depend uses_source
  ON uses_source.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass
 AND uses_source.objid OPERATOR(pg_catalog.=) trigger.oid
JOIN pg_catalog.pg_attribute source
  ON uses_source.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
 AND source.attrelid OPERATOR(pg_catalog.=) uses_source.refobjid
 AND source.attnum OPERATOR(pg_catalog.=) uses_source.refobjsubid
 AND source.atttypid OPERATOR(pg_catalog.<>) 'clip_vector'::pg_catalog.regtype
JOIN pg_catalog.pg_depend uses_target
  ON uses_target.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass
 AND uses_target.objid OPERATOR(pg_catalog.=) trigger.oid
JOIN pg_catalog.pg_attribute target
  ON uses_target.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
 AND target.attrelid OPERATOR(pg_catalog.=) uses_target.refobjid
 AND target.attnum OPERATOR(pg_catalog.=) uses_target.refobjsubid
 AND target.atttypid OPERATOR(pg_catalog.=) 'clip_vector'::pg_catalog.regtype
WHERE trigger.tgfoid OPERATOR(pg_catalog.=) 'clip_pg.auto_embed()'::pg_catalog.regprocedure
  AND trigger.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid;
GRANT SELECT ON clip_pg.auto_embed TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed IS 'columns that clip_auto_embed keeps current; partitions count as their table';

CREATE FUNCTION clip_auto_embed(relation regclass, source name, target name, model text DEFAULT NULL,
                                mode text DEFAULT 'trigger') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    class record;
    source_type oid;
    target_type oid;
    typmod integer;
    dimensions integer;
    trigger name;
BEGIN
    IF relation IS NULL OR source IS NULL OR target IS NULL OR mode IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation, source, target and mode must not be null';
    END IF;
    SELECT c.relkind, c.relowner INTO class FROM pg_class c WHERE c.oid = relation;
    IF class.relkind NOT IN ('r', 'p') THEN
        RAISE wrong_object_type USING MESSAGE = format('%s is not a table', relation);
    END IF;
    IF NOT pg_has_role(class.relowner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', relation);
    END IF;
    IF mode NOT IN ('trigger', 'queue') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('unknown mode "%s"', mode),
            HINT = 'Modes are trigger, which embeds a row as it is written, and queue, which leaves that to clip_backfill.';
    END IF;

    SELECT coalesce(nullif(t.typbasetype, 0), t.oid) INTO source_type
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = relation AND a.attname = source AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', source, relation);
    END IF;
    IF source_type NOT IN ('bytea'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'oid'::regtype) THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('column "%s" of table %s is of type %s', source, relation, format_type(source_type, NULL)),
            HINT = 'Images are bytea or the OID of a large object, texts are text or character varying.';
    END IF;
    SELECT a.atttypid, a.atttypmod INTO target_type, typmod
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = target AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', target, relation),
            HINT = 'Add it as clip_vector(512), say, the dimensions being those of the model.';
    END IF;
    IF target_type <> '@extschema@.clip_vector'::regtype THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('column "%s" of table %s is of type %s', target, relation, format_type(target_type, NULL)),
            HINT = 'An embedding is kept in a column of type clip_vector.';
    END IF;

    model := coalesce(model, current_setting('clip_pg.model'));
    -- Raises the registry's own error.
    PERFORM @extschema@.clip_embed_texts('{}', model);
    SELECT m.dimensions INTO dimensions FROM @extschema@.clip_models m WHERE m.name = model;
    IF typmod <> -1 AND typmod <> dimensions THEN
        RAISE data_exception USING MESSAGE = format('column "%s" of table %s is of type %s, model "%s" has %s dimensions',
            target, relation, format_type(target_type, typmod), model, dimensions);
    END IF;
    IF EXISTS (SELECT FROM clip_pg.auto_embed a WHERE a.relation = relation AND a.target = target) THEN
        RAISE duplicate_object USING MESSAGE = format('column "%s" of table %s is kept current already', target, relation),
            HINT = 'End that with clip_auto_embed_remove() first.';
    END IF;

    -- Triggers fire in the order of their names: what others make of the source is what is embedded.
    SELECT format('zzz_clip_auto_embed_%s', n) INTO trigger
    FROM generate_series(1, 2000) n
    WHERE NOT EXISTS (SELECT FROM pg_trigger t
                      WHERE t.tgrelid = relation AND t.tgname = format('zzz_clip_auto_embed_%s', n))
    ORDER BY n LIMIT 1;
    EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %s FOR EACH ROW '
        'WHEN (NEW.%I IS NOT NULL OR NEW.%I IS NOT NULL) EXECUTE FUNCTION clip_pg.auto_embed(%L, %L)',
        trigger, relation, source, target, model, mode);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation, trigger);
END $$;
COMMENT ON FUNCTION clip_auto_embed(regclass, name, name, text, text) IS
'keeps the embeddings in column target current with the images or texts in column source';

CREATE FUNCTION clip_auto_embed_remove(relation regclass, target name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    trigger name;
BEGIN
    SELECT a.trigger INTO trigger FROM clip_pg.auto_embed a WHERE a.relation = relation AND a.target = target;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('column "%s" of table %s is not kept current', target, relation),
            HINT = 'The view clip_pg.auto_embed lists the columns that are.';
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %s', trigger, relation);
END $$;
COMMENT ON FUNCTION clip_auto_embed_remove(regclass, name) IS
'ends what clip_auto_embed began; the embeddings stay';
