-- From clip_pg 0.1.0 to 0.2.0: afterwards the extension is what sql/clip_pg--0.2.0.sql makes. tests/recovery/t/045_update.pl
-- compares the two, and CONTRIBUTING.md tells how a change gets in here.

\echo Use "ALTER EXTENSION clip_pg UPDATE TO '0.2.0'" to load this file. \quit

-- A search of a table whose partitions are on other servers.

CREATE FUNCTION clip_shard_search(
    relation regclass, embedding name, id name, query clip_vector, k integer DEFAULT 10, condition text DEFAULT NULL,
    metric text DEFAULT 'cosine', partial boolean DEFAULT false,
    OUT shard regclass, OUT id text, OUT distance double precision)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_shard_search_wrapper' LANGUAGE C STABLE ROWS 10 COST 100000;
COMMENT ON FUNCTION clip_shard_search(regclass, name, name, clip_vector, integer, text, text, boolean) IS
'the k rows nearest to a query in all partitions of a table, each of which is asked for its k nearest, those on other servers at the same time; with partial, servers that cannot be reached are passed over with a warning';

-- What a build of an index takes.

CREATE FUNCTION clip_build_estimate(
    relation regclass, target name, m integer DEFAULT 16, filters integer DEFAULT 0,
    maintenance_work_mem text DEFAULT pg_catalog.current_setting('maintenance_work_mem'),
    OUT row_count bigint,           -- of the table, as last counted; equal vectors and NULL take less than this tells
    OUT whole_bytes bigint,         -- of memory with which the index is built in one piece
    OUT memory_bytes bigint,        -- of memory that building it takes with maintenance_work_mem as given, or as set
    OUT parts bigint,               -- that it is built in then, nearly
    OUT temporary_bytes bigint,     -- of temporary files then, at most at a time
    OUT index_bytes bigint)         -- of the index
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_build_estimate_wrapper' LANGUAGE C STABLE STRICT ROWS 1;
COMMENT ON FUNCTION clip_build_estimate(regclass, name, integer, integer, text) IS
'memory, temporary files and size of a clip_hnsw index that were built on a column of vectors';

-- What share of the nearest rows an index finds.

CREATE FUNCTION clip_index_calibrate(
    index regclass, k integer DEFAULT 10, sample integer DEFAULT 200, queries regclass DEFAULT NULL,
    OUT ef_search integer,          -- a value of clip_pg.ef_search
    OUT recall double precision)    -- share of the k nearest rows that scans find by it
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_index_calibrate_wrapper' LANGUAGE C VOLATILE ROWS 9 COST 1000000;
COMMENT ON FUNCTION clip_index_calibrate(regclass, integer, integer, regclass) IS
'measures which share of the k nearest rows a clip_hnsw index finds by values of clip_pg.ef_search, for a sample of its own vectors or of those in a table of queries, and sets its storage parameter calibration, by which clip_pg.target_recall goes';

-- Arrays as filter columns.

CREATE FUNCTION clip_pg.clip_filter_array() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_array_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_array() IS 'kind of filter columns: arrays, as sets';

CREATE OPERATOR CLASS clip_array_ops DEFAULT FOR TYPE anyarray USING clip_hnsw AS
    OPERATOR 3 =, OPERATOR 6 &&, OPERATOR 7 @>, OPERATOR 8 <@, FUNCTION 2 clip_pg.clip_filter_array();

-- What cannot be kept current is told where that is asked for.

CREATE OR REPLACE FUNCTION clip_auto_embed(relation regclass, source name, target name, model text DEFAULT NULL,
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

CREATE OR REPLACE FUNCTION clip_auto_embed_remove(relation regclass, target name) RETURNS void
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
