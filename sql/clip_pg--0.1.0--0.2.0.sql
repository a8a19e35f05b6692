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

-- Pages of images, and rows that are pages and places on them.

CREATE FUNCTION "clip_embed_image"(
    "image" bytea,
    "model" text,
    "page" INT,
    "region" text DEFAULT 'full'
) RETURNS clip_vector
IMMUTABLE STRICT PARALLEL RESTRICTED SUPPORT "clip_embed_support"  COST 200000
LANGUAGE c
AS 'MODULE_PATHNAME', 'embed_page_wrapper';
CREATE FUNCTION "clip_embed_images"(
    "images" bytea[],
    "model" text,
    "regions" text[]
) RETURNS clip_vector[]
IMMUTABLE STRICT PARALLEL RESTRICTED  COST 2000000
LANGUAGE c
AS 'MODULE_PATHNAME', 'embed_image_regions_wrapper';
CREATE FUNCTION "clip_embed_images"(
    "images" bytea[],
    "model" text,
    "pages" INT[],
    "regions" text[] DEFAULT NULL
) RETURNS clip_vector[]
IMMUTABLE PARALLEL RESTRICTED  COST 2000000
LANGUAGE c
AS 'MODULE_PATHNAME', 'embed_image_pages_wrapper';
CREATE FUNCTION clip_image_info(
    image bytea, page integer,
    OUT format text, OUT width integer, OUT height integer, OUT orientation integer, OUT frames integer, OUT decodable boolean)
IMMUTABLE STRICT PARALLEL SAFE COST 100 LANGUAGE c AS 'MODULE_PATHNAME', 'page_info_wrapper';
CREATE FUNCTION "clip_image_pages"(
    "image" bytea
) RETURNS TABLE (
    "page" INT,
    "width" INT,
    "height" INT,
    "kind" TEXT,
    "title" text,
    "embeddable" bool
)
STRICT STABLE PARALLEL SAFE COST 100
LANGUAGE c
AS 'MODULE_PATHNAME', 'clip_image_pages_wrapper';
CREATE FUNCTION "clip_thumbnail"(
    "image" bytea,
    "max_side" INT,
    "page" INT,
    "region" text DEFAULT 'full',
    "quality" INT DEFAULT 90
) RETURNS bytea
IMMUTABLE STRICT PARALLEL SAFE  COST 20000
LANGUAGE c
AS 'MODULE_PATHNAME', 'page_thumbnail_wrapper';
ALTER FUNCTION clip_image_pages(bytea) ROWS 10;
COMMENT ON FUNCTION clip_embed_image(bytea, text, integer, text) IS
'embedding of a page of an image file, from 1, or of a region of it, by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[], text, text[]) IS
'embeddings of a region of each image file by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[], text, integer[], text[]) IS
'embeddings of a page of each image file, from 1, or of a region of it, by the named model';
COMMENT ON FUNCTION clip_image_info(bytea) IS
'format, size, EXIF orientation and number of frames from the header of an image file, and whether its variant of the format is one that is read, given the libraries that clip_pg_formats lists';
COMMENT ON FUNCTION clip_image_info(bytea, integer) IS
'the same of a page of an image file, from 1';
COMMENT ON FUNCTION clip_image_pages(bytea) IS
'pages of a TIFF, frames of an animation: number, size as stored, kind (full, reduced, mask, preview), title, and whether the page can be embedded here';
COMMENT ON FUNCTION clip_thumbnail(bytea, integer, integer, text, integer) IS
'the same of a page of an image file, from 1';

CREATE OR REPLACE VIEW clip_pg.auto_embed_trigger AS
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
CREATE OR REPLACE VIEW clip_pg.auto_embed AS
SELECT relation, source, target, model, mode, sha256, trigger, page, region
FROM clip_pg.auto_embed_trigger own
JOIN pg_catalog.pg_class class ON class.oid OPERATOR(pg_catalog.=) own.relation
WHERE NOT (class.relispartition AND EXISTS (
    SELECT FROM pg_catalog.pg_partition_ancestors(own.relation) above, clip_pg.auto_embed_trigger its
    WHERE above.relid OPERATOR(pg_catalog.<>) own.relation
      AND its.relation OPERATOR(pg_catalog.=) above.relid
      AND its.target OPERATOR(pg_catalog.=) own.target));
CREATE OR REPLACE VIEW clip_pg.auto_embed_part AS
WITH RECURSIVE part AS (
    SELECT a.relation::pg_catalog.oid AS part, a.relation::pg_catalog.oid AS relation, a.source, a.target, a.model, a.mode, a.sha256,
           a.page, a.region
    FROM clip_pg.auto_embed a
    UNION ALL
    SELECT i.inhrelid, p.relation, p.source, p.target, p.model, p.mode, p.sha256, p.page, p.region
    FROM part p
    JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) p.part AND NOT i.inhdetachpending
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid AND c.relispartition
)
SELECT p.part, c.relkind AS kind, c.relowner AS owner, p.relation, p.source, p.target, p.model, p.mode, p.sha256, p.page, p.region
FROM part p
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.part
WHERE c.relkind OPERATOR(pg_catalog.<>) 'p' AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace);
DROP FUNCTION clip_pg.is_of_other_model(oid, text, text, text);
DROP FUNCTION clip_pg.sample(oid, text, text);
DROP FUNCTION clip_auto_embed(regclass, name, name, text, text);
CREATE FUNCTION clip_pg.sample(relation oid, source text, target text, page_column text, region_column text, OUT image bytea,
                               OUT text text, OUT page integer, OUT region text, OUT vector clip_vector)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'sample_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.sample(oid, text, text, text, text) IS
'source and target of a row that has both, and which part of the source is meant, as the table''s owner';
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

-- What lies in a directory of the server.

CREATE FUNCTION clip_import_files(directory text, OUT path text, OUT size bigint, OUT format text, OUT passed_over text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'import_files_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_import_files(text) IS
'every file in a directory of the server and below: the format of a picture by its first bytes, or why clip_import would pass it over; takes membership of pg_read_server_files';

-- Filter columns of clip_hnsw indexes: operator classes by which conditions on them are checked in the index.

CREATE FUNCTION clip_pg.clip_filter_integer() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_integer_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_integer() IS 'kind of filter columns: integers, and of what is counted in them';
CREATE FUNCTION clip_pg.clip_filter_float() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_float_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_float() IS 'kind of filter columns: numbers in floating point';
CREATE FUNCTION clip_pg.clip_filter_numeric() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_numeric_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_numeric() IS 'kind of filter columns: numbers rounded to floating point';
CREATE FUNCTION clip_pg.clip_filter_text() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_text_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_text() IS 'kind of filter columns: texts';
CREATE FUNCTION clip_pg.clip_filter_padded() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_padded_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_padded() IS 'kind of filter columns: texts padded with blanks';
CREATE FUNCTION clip_pg.clip_filter_uuid() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_uuid_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_uuid() IS 'kind of filter columns: uuids';

CREATE OPERATOR FAMILY clip_integer_ops USING clip_hnsw;
CREATE OPERATOR CLASS clip_int2_ops DEFAULT FOR TYPE smallint USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_int4_ops DEFAULT FOR TYPE integer USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_int8_ops DEFAULT FOR TYPE bigint USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
ALTER OPERATOR FAMILY clip_integer_ops USING clip_hnsw ADD
    OPERATOR 1 < (smallint, integer), OPERATOR 2 <= (smallint, integer), OPERATOR 3 = (smallint, integer), OPERATOR 4 >= (smallint, integer), OPERATOR 5 > (smallint, integer),
    OPERATOR 1 < (smallint, bigint), OPERATOR 2 <= (smallint, bigint), OPERATOR 3 = (smallint, bigint), OPERATOR 4 >= (smallint, bigint), OPERATOR 5 > (smallint, bigint),
    OPERATOR 1 < (integer, smallint), OPERATOR 2 <= (integer, smallint), OPERATOR 3 = (integer, smallint), OPERATOR 4 >= (integer, smallint), OPERATOR 5 > (integer, smallint),
    OPERATOR 1 < (integer, bigint), OPERATOR 2 <= (integer, bigint), OPERATOR 3 = (integer, bigint), OPERATOR 4 >= (integer, bigint), OPERATOR 5 > (integer, bigint),
    OPERATOR 1 < (bigint, smallint), OPERATOR 2 <= (bigint, smallint), OPERATOR 3 = (bigint, smallint), OPERATOR 4 >= (bigint, smallint), OPERATOR 5 > (bigint, smallint),
    OPERATOR 1 < (bigint, integer), OPERATOR 2 <= (bigint, integer), OPERATOR 3 = (bigint, integer), OPERATOR 4 >= (bigint, integer), OPERATOR 5 > (bigint, integer);

CREATE OPERATOR FAMILY clip_float_ops USING clip_hnsw;
CREATE OPERATOR CLASS clip_float4_ops DEFAULT FOR TYPE real USING clip_hnsw FAMILY clip_float_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_float();
CREATE OPERATOR CLASS clip_float8_ops DEFAULT FOR TYPE double precision USING clip_hnsw FAMILY clip_float_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_float();
ALTER OPERATOR FAMILY clip_float_ops USING clip_hnsw ADD
    OPERATOR 1 < (real, double precision), OPERATOR 2 <= (real, double precision), OPERATOR 3 = (real, double precision), OPERATOR 4 >= (real, double precision), OPERATOR 5 > (real, double precision),
    OPERATOR 1 < (double precision, real), OPERATOR 2 <= (double precision, real), OPERATOR 3 = (double precision, real), OPERATOR 4 >= (double precision, real), OPERATOR 5 > (double precision, real);

CREATE OPERATOR CLASS clip_numeric_ops DEFAULT FOR TYPE numeric USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_numeric();
CREATE OPERATOR CLASS clip_bool_ops DEFAULT FOR TYPE boolean USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_date_ops DEFAULT FOR TYPE date USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_time_ops DEFAULT FOR TYPE time USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_timestamp_ops DEFAULT FOR TYPE timestamp USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_timestamptz_ops DEFAULT FOR TYPE timestamptz USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_uuid_ops DEFAULT FOR TYPE uuid USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_uuid();
CREATE OPERATOR CLASS clip_text_ops DEFAULT FOR TYPE text USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_text();

-- Blanks at the end count in an order and not for equality; what the labels of an enum are in order may change.
CREATE OPERATOR CLASS clip_bpchar_ops DEFAULT FOR TYPE character USING clip_hnsw AS
    OPERATOR 3 =, FUNCTION 2 clip_pg.clip_filter_padded();
CREATE OPERATOR CLASS clip_enum_ops DEFAULT FOR TYPE anyenum USING clip_hnsw AS
    OPERATOR 3 =, FUNCTION 2 clip_pg.clip_filter_integer();
