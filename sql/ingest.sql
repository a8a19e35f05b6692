-- Keeping embeddings current: what src/ingest/ is for in SQL.
--
-- A trigger is the configuration, see src/ingest/mod.rs. Nothing is kept elsewhere.

CREATE FUNCTION clip_pg.auto_embed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'auto_embed_wrapper' LANGUAGE C;
COMMENT ON FUNCTION clip_pg.auto_embed() IS
'trigger of clip_auto_embed; its arguments are the model, the mode and the model''s SHA-256, its condition names the columns';

CREATE FUNCTION clip_pg.tell_at_commit() RETURNS void
    AS 'MODULE_PATHNAME', 'tell_at_commit_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.tell_at_commit() IS
'has the queues of this database looked at when the transaction commits';

CREATE VIEW clip_pg.auto_embed_trigger AS
SELECT trigger.tgrelid::pg_catalog.regclass AS relation,
       uses.source,
       uses.target,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), E'\\000', 1) AS model,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), E'\\000', 2) AS mode,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), E'\\000', 3) AS sha256,
       trigger.tgname AS trigger,
       uses.page,
       uses.region
FROM pg_catalog.pg_trigger trigger
-- The trigger's condition makes it depend on its columns; the types tell them apart. Texts are the source where there is no
-- image, else regions.
CROSS JOIN LATERAL (
    SELECT coalesce(k.image, k.text)::pg_catalog.name AS source, k.target::pg_catalog.name, k.page::pg_catalog.name,
           CASE WHEN k.image IS NOT NULL THEN k.text END::pg_catalog.name AS region
    FROM (
        SELECT pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) 'clip_vector'::pg_catalog.regtype) AS target,
               pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) ANY ('{bytea,oid}'::pg_catalog.regtype[])) AS image,
               pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) ANY ('{text,varchar}'::pg_catalog.regtype[])) AS text,
               pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) 'integer'::pg_catalog.regtype) AS page
        FROM (
            SELECT a.attname::pg_catalog.text AS name, clip_pg.base_type(a.atttypid)::pg_catalog.oid AS type
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_attribute a
              ON a.attrelid OPERATOR(pg_catalog.=) d.refobjid AND a.attnum OPERATOR(pg_catalog.=) d.refobjsubid
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass
              AND d.objid OPERATOR(pg_catalog.=) trigger.oid
              AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass) u) k) uses
WHERE trigger.tgfoid OPERATOR(pg_catalog.=) 'clip_pg.auto_embed()'::pg_catalog.regprocedure
  AND trigger.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
  AND uses.source IS NOT NULL AND uses.target IS NOT NULL;
GRANT SELECT ON clip_pg.auto_embed_trigger TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed_trigger IS 'triggers that clip_auto_embed made; those of partitions count as their table''s';

CREATE VIEW clip_pg.auto_embed AS
SELECT relation, source, target, model, mode, sha256, trigger, page, region
FROM clip_pg.auto_embed_trigger own
JOIN pg_catalog.pg_class class ON class.oid OPERATOR(pg_catalog.=) own.relation
WHERE NOT (class.relispartition AND EXISTS (
    SELECT FROM pg_catalog.pg_partition_ancestors(own.relation) above, clip_pg.auto_embed_trigger its
    WHERE above.relid OPERATOR(pg_catalog.<>) own.relation
      AND its.relation OPERATOR(pg_catalog.=) above.relid
      AND its.target OPERATOR(pg_catalog.=) own.target));
GRANT SELECT ON clip_pg.auto_embed TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed IS
'columns that clip_auto_embed keeps current; partitions count as their table, also those that were attached with a trigger of their own';

CREATE FUNCTION clip_pg.keeper(relation oid, target name) RETURNS clip_pg.auto_embed
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT a FROM clip_pg.auto_embed a
    WHERE a.target = keeper.target
      AND (a.relation = keeper.relation OR a.relation IN (SELECT p.relid FROM pg_partition_ancestors(keeper.relation) p))
$$;
COMMENT ON FUNCTION clip_pg.keeper(oid, name) IS
'how a column of a table or a partition is kept current; null where it is not';

CREATE FUNCTION clip_column_model(relation regclass, target name) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (clip_pg.keeper(relation, target)).model
$$;
COMMENT ON FUNCTION clip_column_model(regclass, name) IS
'name of the model by which clip_auto_embed keeps a column current; null where it does not';

CREATE FUNCTION clip_pg.sample(relation oid, source text, target text, page_column text, region_column text, OUT image bytea,
                               OUT text text, OUT page integer, OUT region text, OUT vector clip_vector)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'sample_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.sample(oid, text, text, text, text) IS
'source and target of a row that has both, and which part of the source is meant, as the table''s owner';

CREATE FUNCTION clip_pg.fitting_name(prefix text, stem text, suffix text) RETURNS name
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    room CONSTANT integer := 63 - octet_length(prefix) - octet_length(suffix);
    digest CONSTANT text := '_' || left(encode(sha256(convert_to(stem, getdatabaseencoding())), 'hex'), 8);
BEGIN
    IF octet_length(stem) > room THEN
        WHILE octet_length(stem) > room - octet_length(digest) LOOP
            stem := left(stem, -1);
        END LOOP;
        stem := stem || digest;
    END IF;
    RETURN prefix || stem || suffix;
END $$;
COMMENT ON FUNCTION clip_pg.fitting_name(text, text, text) IS
'a name of up to 63 bytes; what does not fit of the stem is stood for by a hash of it';

CREATE FUNCTION clip_pg.pending_indexes(relation oid, source text, target text) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.indexrelid FROM pg_index i
    WHERE i.indrelid = relation
      AND pg_get_expr(i.indpred, i.indrelid) = format('((%I IS NOT NULL) AND (%I IS NULL))', source, target)
      AND pg_get_indexdef(i.indexrelid, 1, true) = format('(%I IS NULL)', target)
$$;
COMMENT ON FUNCTION clip_pg.pending_indexes(oid, text, text) IS 'indexes that hold the pending rows of a table, as clip_auto_embed makes them';

CREATE FUNCTION clip_pg.index_pending(relation regclass, source name, target name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
    index name;
BEGIN
    -- Partitions first: the index of a table takes those of its partitions in, which would else get names that people
    -- expect of other indexes.
    FOR part IN
        SELECT c.oid::regclass AS name, c.relname, c.relnamespace
        FROM pg_class c
        WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
          AND NOT EXISTS (SELECT FROM clip_pg.pending_indexes(c.oid, source, target))
        ORDER BY (SELECT count(*) FROM pg_partition_ancestors(c.oid)) DESC, c.oid::regclass::text
    LOOP
        SELECT n.name INTO index
        FROM generate_series(0, 2000) i,
             LATERAL (SELECT clip_pg.fitting_name('', part.relname || '_' || target,
                                                  '_pending' || CASE i WHEN 0 THEN '' ELSE i::text END) AS name) n
        WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = n.name AND c.relnamespace = part.relnamespace)
        ORDER BY i LIMIT 1;
        -- The key is the same for all, and of a type whose equal keys the server keeps once a page.
        EXECUTE format('CREATE INDEX %I ON %s ((%I IS NULL)) WHERE %I IS NOT NULL AND %I IS NULL', index, part.name, target, source, target);
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_pg.index_pending(regclass, name, name) IS
'makes an index by which what is left to do is found without reading the table';

CREATE FUNCTION clip_pg.resolve_model(INOUT model text, OUT dimensions integer, OUT sha256 text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'resolve_model_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.resolve_model(text) IS
'a registered model, the one of clip_pg.model for null; an error where it is not registered';

CREATE FUNCTION clip_pg.is_of_other_model(relation oid, source text, target text, page text, region text, model text) RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT CASE WHEN vector_dims(v.made) OPERATOR(pg_catalog.=) vector_dims(v.known)
                THEN clip_similarity(v.made, v.known) OPERATOR(pg_catalog.<) 0.98::double precision
                ELSE v.made IS NOT NULL END
    FROM (SELECT coalesce(clip_embed_image(s.image, is_of_other_model.model, s.page, coalesce(s.region, 'full')),
                          clip_embed_image(s.image, is_of_other_model.model, coalesce(s.region, 'full')),
                          clip_embed_text(s.text, is_of_other_model.model)) AS made,
                 s.vector AS known
          FROM clip_pg.sample(relation, source, target, page, region) s) v;
END;
COMMENT ON FUNCTION clip_pg.is_of_other_model(oid, text, text, text, text, text) IS
'whether a row''s target is not what a model makes of its source, as far as one row shows; null without rows';

CREATE FUNCTION clip_auto_embed(relation regclass, source name, target name, model text DEFAULT NULL,
                                mode text DEFAULT 'trigger', page name DEFAULT NULL, region name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    class record;
    source_type oid;
    target_type oid;
    typmod integer;
    dimensions integer;
    sha256 text;
    foreign_vectors boolean;
    generated boolean;
    keeper regclass;
    trigger name;
    part record;
BEGIN
    IF relation IS NULL OR source IS NULL OR target IS NULL OR mode IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation, source, target and mode must not be null';
    END IF;
    SELECT c.relkind, c.relowner, c.relname, n.nspname AS schema INTO class
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
    IF NOT FOUND THEN
        RAISE undefined_table USING MESSAGE = format('relation with OID %s does not exist', relation::oid);
    END IF;
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
    SELECT c.oid::regclass AS name INTO part
    FROM pg_partition_tree(relation) p JOIN pg_class c ON c.oid = p.relid
    WHERE mode = 'queue' AND c.relkind = 'f'
    ORDER BY c.oid::regclass::text LIMIT 1;
    IF FOUND THEN
        RAISE feature_not_supported USING
            MESSAGE = format('table %s cannot have mode queue: its partition %s is a foreign table', relation, part.name),
            DETAIL = 'What is pending is embedded where rows can be locked and be told apart by their places.',
            HINT = 'Have it embedded by the server that holds it, and call clip_auto_embed() for the other partitions; or use mode trigger.';
    END IF;
    FOR part IN
        SELECT c.oid::regclass AS name, o.rolname AS owner
        FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
        WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
          AND c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity AND NOT o.rolsuper AND NOT o.rolbypassrls
        ORDER BY c.oid::regclass::text
    LOOP
        RAISE WARNING USING
            MESSAGE = format('rows of table %s that its policies hide from role "%s" cannot be embedded later', part.name, part.owner),
            DETAIL = 'Row security is forced upon the owner, as whom what is pending is embedded and counted.',
            HINT = 'Give the owner a policy that shows all rows, or BYPASSRLS.';
    END LOOP;
    FOR part IN
        SELECT i.inhrelid::regclass AS name FROM pg_inherits i
        WHERE i.inhparent = relation AND class.relkind = 'r'
        ORDER BY i.inhrelid::regclass::text
    LOOP
        RAISE WARNING USING
            MESSAGE = format('rows of table %s, which inherits from table %s, are not kept current', part.name, relation),
            DETAIL = 'A table''s triggers are not those of tables that inherit from it.',
            HINT = 'Call clip_auto_embed() for it, too.';
    END LOOP;

    SELECT clip_pg.base_type(a.atttypid), a.attgenerated <> '' INTO source_type, generated
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = source AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', source, relation);
    END IF;
    IF generated THEN
        RAISE wrong_object_type USING
            MESSAGE = format('column "%s" of table %s is a generated column', source, relation),
            HINT = 'Triggers do not see its value before it is stored. Have the vector generated, too, instead.';
    END IF;
    IF source_type NOT IN ('bytea'::regtype, 'text'::regtype, 'varchar'::regtype, 'oid'::regtype) THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('column "%s" of table %s is of type %s', source, relation, format_type(source_type, NULL)),
            HINT = 'Images are bytea or the OID of a large object, texts are text or character varying.';
    END IF;
    FOR part IN
        SELECT p.column_name, p.wanted, a.attnum, clip_pg.base_type(a.atttypid) AS type, a.attgenerated <> '' AS generated
        FROM (VALUES (page, 'integer'::regtype), (region, 'text'::regtype)) p (column_name, wanted)
        LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attname = p.column_name AND a.attnum > 0 AND NOT a.attisdropped
        WHERE p.column_name IS NOT NULL
    LOOP
        IF part.attnum IS NULL THEN
            RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', part.column_name, relation);
        END IF;
        IF source_type NOT IN ('bytea'::regtype, 'oid'::regtype) THEN
            RAISE invalid_parameter_value USING MESSAGE = format('texts have no pages and regions, as column "%s" is to tell them', part.column_name);
        END IF;
        IF part.type <> part.wanted THEN
            RAISE datatype_mismatch USING
                MESSAGE = format('column "%s" of table %s is of type %s', part.column_name, relation, format_type(part.type, NULL)),
                HINT = 'Numbers of pages are integer, regions are text.';
        END IF;
        IF part.generated THEN
            RAISE wrong_object_type USING
                MESSAGE = format('column "%s" of table %s is a generated column', part.column_name, relation),
                HINT = 'Triggers do not see its value before it is stored.';
        END IF;
    END LOOP;
    SELECT clip_pg.base_type(a.atttypid), clip_pg.base_modifier(a.atttypid, a.atttypmod), a.attgenerated <> ''
    INTO target_type, typmod, generated
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = target AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', target, relation),
            HINT = 'Add it as clip_vector(512), say, the dimensions being those of the model.';
    END IF;
    IF target_type <> clip_pg.vector_type() THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('column "%s" of table %s is of type %s', target, relation, format_type(target_type, NULL)),
            HINT = 'An embedding is kept in a column of type clip_vector.';
    END IF;
    IF generated THEN
        RAISE wrong_object_type USING
            MESSAGE = format('column "%s" of table %s is a generated column', target, relation),
            HINT = 'The server keeps it current by itself.';
    END IF;
    SELECT a.attrelid::regclass AS name INTO part
    FROM pg_attribute a
    WHERE mode = 'queue' AND a.attname = target
      AND (a.attrelid = relation OR a.attrelid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
      AND (a.attnotnull OR EXISTS (
          WITH RECURSIVE kind AS (
              SELECT t.typbasetype, t.typnotnull FROM pg_type t WHERE t.oid = a.atttypid
              UNION ALL SELECT t.typbasetype, t.typnotnull FROM kind k JOIN pg_type t ON t.oid = k.typbasetype)
          SELECT FROM kind k WHERE k.typnotnull))
    ORDER BY a.attrelid::regclass::text LIMIT 1;
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s cannot have mode queue: column "%s" of table %s cannot be null', relation, target, part.name),
            DETAIL = 'A row is written without its embedding, which comes later.',
            HINT = 'Drop NOT NULL, or use mode trigger.';
    END IF;

    SELECT m.model, m.dimensions, m.sha256 INTO model, dimensions, sha256 FROM clip_pg.resolve_model(model) m;
    IF typmod <> -1 AND typmod <> dimensions THEN
        RAISE data_exception USING MESSAGE = format('column "%s" of table %s is of type %s, model "%s" has %s dimensions',
            target, relation, format_type(target_type, typmod), model, dimensions);
    END IF;
    -- A trigger of a partitioned table is one of its partitions, too.
    SELECT a.relation INTO keeper FROM clip_pg.auto_embed a
    WHERE a.target = target
      AND (a.relation = relation OR a.relation IN (SELECT p.relid FROM pg_partition_ancestors(relation) p)
           OR a.relation IN (SELECT p.relid FROM pg_partition_tree(relation) p))
    ORDER BY a.relation::text LIMIT 1;
    IF FOUND THEN
        RAISE duplicate_object USING MESSAGE = format('column "%s" of table %s is kept current already', target, keeper),
            HINT = 'End that with clip_auto_embed_remove() first.';
    END IF;

    -- One row shows whether what the column holds is by the model.
    BEGIN
        foreign_vectors := clip_pg.is_of_other_model(relation, source, target, page, region, model);
    EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded THEN
        -- The image is at fault.
        foreign_vectors := false;
    END;
    IF foreign_vectors THEN
        RAISE data_exception USING MESSAGE = format('column "%s" of table %s holds vectors that model "%s" does not make',
            target, relation, model),
            HINT = 'Embed into another column, and drop this one when that is full; or remove the vectors first.';
    END IF;

    -- Triggers fire in the order of their names: what others make of the source is what is embedded. The name is one that
    -- no table has that may become a partition of this one, or this of it.
    SELECT n.name INTO trigger
    FROM generate_series(0, 2000) i,
         LATERAL (SELECT clip_pg.fitting_name('zzz_clip_auto_embed_', concat_ws('_', class.schema, class.relname, target),
                                              CASE i WHEN 0 THEN '' ELSE i::text END) AS name) n
    WHERE NOT EXISTS (SELECT FROM pg_trigger t
                      WHERE (t.tgrelid = relation OR t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
                        AND t.tgname = n.name)
    ORDER BY i LIMIT 1;
    EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %s FOR EACH ROW '
        'WHEN (NEW.%I IS NOT NULL OR NEW.%I IS NOT NULL%s%s) EXECUTE FUNCTION clip_pg.auto_embed(%L, %L, %L)',
        trigger, relation, source, target, CASE WHEN page IS NOT NULL THEN format(' OR NEW.%I IS NOT NULL', page) END,
        CASE WHEN region IS NOT NULL THEN format(' OR NEW.%I IS NOT NULL', region) END,
        model, mode, sha256);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation, trigger);
    IF mode = 'queue' THEN
        PERFORM clip_pg.index_pending(relation, source, target);
        PERFORM clip_pg.tell_at_commit();
    END IF;
END $$;
COMMENT ON FUNCTION clip_auto_embed(regclass, name, name, text, text, name, name) IS
'keeps the embeddings in column target current with the images or texts in column source; columns page and region tell which part of an image is embedded';

CREATE FUNCTION clip_auto_embed_remove(relation regclass, target name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    trigger name;
    source name;
    pending regclass;
BEGIN
    IF relation IS NULL OR target IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation and target must not be null';
    END IF;
    SELECT a.trigger, a.source INTO trigger, source
    FROM clip_pg.auto_embed_trigger a WHERE a.relation = relation AND a.target = target;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('column "%s" of table %s is not kept current', target, relation),
            HINT = 'The view clip_pg.auto_embed lists the columns that are.';
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %s', trigger, relation);
    FOR pending IN
        SELECT p FROM clip_pg.pending_indexes(relation, source, target) p
        -- One that is part of an index of the table that this one is a partition of goes with that.
        WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = p)
    LOOP
        EXECUTE format('DROP INDEX %s', pending);
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_auto_embed_remove(regclass, name) IS
'ends what clip_auto_embed began; the embeddings stay';

CREATE FUNCTION clip_pg.mark(tables oid[], statement text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mark_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.mark(oid[], text) IS
'runs an UPDATE that marks rows of tables as pending by a target that is null';

CREATE FUNCTION clip_pg.marking(relation regclass, target name, condition text, OUT tables oid[], OUT statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    keeper clip_pg.auto_embed := clip_pg.keeper(relation, target);
    part regclass;
BEGIN
    IF keeper.relation IS NULL THEN
        RAISE undefined_object USING MESSAGE = format('column "%s" of table %s is not kept current', target, relation),
            HINT = 'The view clip_pg.auto_embed lists the columns that are.';
    END IF;
    SELECT c.oid INTO part FROM pg_class c
    WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p)) AND c.relkind = 'f'
    ORDER BY c.oid::regclass::text LIMIT 1;
    IF FOUND THEN
        RAISE feature_not_supported USING MESSAGE = format('rows of foreign table %s cannot be marked', part),
            DETAIL = 'They are only embedded as they are written.',
            HINT = 'Name the partitions that are not foreign, one by one.';
    END IF;
    tables := ARRAY(SELECT relation::oid UNION SELECT p.relid FROM pg_partition_tree(relation) p);
    -- The condition may end with a comment.
    SELECT format(E'UPDATE %s%s SET %I = NULL WHERE %I IS NOT NULL AND (%s\n)',
                  CASE WHEN c.relkind = 'r' THEN 'ONLY ' END, relation, target, keeper.source, condition)
    INTO statement FROM pg_class c WHERE c.oid = relation;
END $$;
COMMENT ON FUNCTION clip_pg.marking(regclass, name, text) IS 'arguments of clip_pg.mark()';

-- Sets no search path: the condition is the caller's.
CREATE FUNCTION clip_mark_pending(relation regclass, target name, condition text DEFAULT 'true') RETURNS bigint
LANGUAGE sql STRICT AS $$
    SELECT clip_pg.mark(m.tables, m.statement) FROM clip_pg.marking($1, $2, $3) m
$$;
COMMENT ON FUNCTION clip_mark_pending(regclass, name, text) IS
'marks the rows of a table that satisfy a condition to be embedded again; returns how many';

-- Rows that could not be embedded. Not dumped: they are tried again after a restore. pg_upgrade keeps the table and what
-- it refers to.
CREATE TABLE clip_pg.embed_error (
    relation regclass,
    target name,
    hash bytea,
    owner oid NOT NULL,
    key jsonb NOT NULL,
    version text NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL,
    at timestamptz NOT NULL,
    retry_at timestamptz,
    PRIMARY KEY (relation, target, hash)
);
COMMENT ON TABLE clip_pg.embed_error IS 'see the view clip_embed_errors';
COMMENT ON COLUMN clip_pg.embed_error.hash IS 'clip_pg.key_hash of the key, which may be too long for an index';
COMMENT ON COLUMN clip_pg.embed_error.owner IS
'owner of the table then: once it changes, the row is tried again; the number of a table that is gone may become that of another owner''s';
COMMENT ON COLUMN clip_pg.embed_error.version IS 'transaction that wrote the row: once it changes, the row is tried again';

CREATE FUNCTION clip_pg.key_hash(key text) RETURNS bytea LANGUAGE sql STABLE STRICT AS $$
    SELECT pg_catalog.sha256(pg_catalog.convert_to(key, pg_catalog.getdatabaseencoding()))
$$;
COMMENT ON FUNCTION clip_pg.key_hash(text) IS 'what stands for the key of a row in the index of clip_pg.embed_error';

CREATE VIEW clip_embed_errors WITH (security_barrier) AS
SELECT e.relation, e.target, e.key, e.sqlstate, e.message, e.attempts, e.at, e.retry_at
FROM clip_pg.embed_error e
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) e.relation AND c.relowner OPERATOR(pg_catalog.=) e.owner
WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE');
GRANT SELECT ON clip_embed_errors TO PUBLIC;
COMMENT ON VIEW clip_embed_errors IS 'rows of the current user''s tables that clip_backfill could not embed';
COMMENT ON COLUMN clip_embed_errors.key IS 'primary key of the row, or where it is in a table without';
COMMENT ON COLUMN clip_embed_errors.retry_at IS 'when it is tried again unless it changes before; null: not before it changes';

CREATE VIEW clip_pg.listed_errors AS SELECT relation, target FROM clip_embed_errors;
GRANT SELECT ON clip_pg.listed_errors TO PUBLIC;
COMMENT ON VIEW clip_pg.listed_errors IS 'what clip_embed_errors lists, for functions';

CREATE FUNCTION clip_pg.count_embedded(relation oid, source text, target text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'count_embedded_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.count_embedded(oid, text, text) IS
'rows that have a target, as the table''s owner';

CREATE FUNCTION clip_pg.count_pending(relation oid, source text, target text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'count_pending_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.count_pending(oid, text, text) IS
'rows that have a source and no target, as the table''s owner';

CREATE FUNCTION clip_pg.embed_status(OUT relation regclass, OUT source name, OUT target name, OUT model text, OUT mode text,
                                     OUT embedded bigint, OUT pending bigint, OUT failed bigint, OUT fires text)
RETURNS SETOF record LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    trigger name;
BEGIN
    FOR relation, source, target, model, mode, trigger IN
        SELECT a.relation, a.source, a.target, a.model, a.mode, a.trigger
        FROM clip_pg.auto_embed a JOIN pg_class c ON c.oid = a.relation
        WHERE pg_has_role(c.relowner, 'USAGE') AND NOT pg_is_other_temp_schema(c.relnamespace)
        ORDER BY a.relation::text, a.target
    LOOP
        failed := NULL;
        fires := NULL;
        BEGIN
            SELECT count(*) INTO failed FROM clip_pg.listed_errors e
            WHERE e.target = embed_status.target
              AND (e.relation = embed_status.relation
                   OR e.relation IN (SELECT p.relid FROM pg_partition_tree(embed_status.relation) p));
            -- The least of what partitions have.
            SELECT k.fires INTO fires
            FROM pg_trigger t
            JOIN (VALUES ('D', 1, 'never'), ('R', 2, 'replica'), ('O', 3, 'origin'), ('A', 4, 'always')) k (enabled, n, fires)
              ON k.enabled = t.tgenabled::text
            WHERE t.tgname = trigger AND t.tgfoid = 'clip_pg.auto_embed()'::regprocedure
              AND (t.tgrelid = embed_status.relation
                   OR t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(embed_status.relation) p))
            ORDER BY k.n LIMIT 1;
            SELECT coalesce(sum(clip_pg.count_embedded(c.oid, source, target)), 0),
                   coalesce(sum(clip_pg.count_pending(c.oid, source, target)), 0)
            INTO embedded, pending
            FROM pg_class c
            WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
              AND c.relkind IN ('r', 'f') AND pg_has_role(c.relowner, 'USAGE');
        EXCEPTION WHEN OTHERS THEN
            -- A policy of the table's, say, or somebody holds it locked. Others have their turn.
            RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('could not count rows of table %s: %s', relation, SQLERRM);
            embedded := NULL;
            pending := NULL;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_pg.embed_status() IS 'use the view clip_embed_status';

CREATE VIEW clip_embed_status AS
SELECT relation, source, target, model, mode, embedded, pending, failed, fires FROM clip_pg.embed_status();
GRANT SELECT ON clip_embed_status TO PUBLIC;
COMMENT ON VIEW clip_embed_status IS
'columns that clip_auto_embed keeps current, in the current user''s tables; reads these tables to count';
COMMENT ON COLUMN clip_embed_status.pending IS
'rows with a source and no embedding that the table''s owner sees, those that failed among them; null: see the warning';
COMMENT ON COLUMN clip_embed_status.failed IS 'rows listed in clip_embed_errors';
COMMENT ON COLUMN clip_embed_status.fires IS
'when the trigger fires: always, as clip_auto_embed has it; otherwise as ALTER TABLE has left it, in a partition at least: origin, not for rows of replication; replica, for them alone; never';
