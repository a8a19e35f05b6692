-- Importing image files that lie on the server: what src/ingest/files.rs is for in SQL.

COMMENT ON FUNCTION clip_image_taken(bytea) IS
'when a picture was taken by the camera''s clock, as its EXIF block says';

CREATE FUNCTION clip_pg.image_files(directory text, size integer, OUT paths text[], OUT sizes bigint[])
RETURNS SETOF record AS 'MODULE_PATHNAME', 'image_files_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.image_files(text, integer) IS
'image files in a directory of the server and below, several in a row; takes membership of pg_read_server_files';

CREATE FUNCTION clip_pg.is_of_row(sqlstate text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'is_of_row_wrapper' LANGUAGE C IMMUTABLE STRICT;
COMMENT ON FUNCTION clip_pg.is_of_row(text) IS
'whether an error is that of a row, or of a constraint or a trigger that refuses it, rather than the server''s';

CREATE FUNCTION clip_pg.read_file(path text) RETURNS bytea
    AS 'MODULE_PATHNAME', 'read_file_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.read_file(text) IS
'contents of a file of the server; takes membership of pg_read_server_files';

CREATE FUNCTION clip_pg.image_format(image bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    RETURN (SELECT i.format FROM clip_image_info(image) i);
COMMENT ON FUNCTION clip_pg.image_format(bytea) IS 'format of an image; an error where it is none';

CREATE FUNCTION clip_pg.image_taken(image bytea) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
    RETURN clip_image_taken(image);
COMMENT ON FUNCTION clip_pg.image_taken(bytea) IS 'clip_image_taken, for functions';

-- Columns of a table that files are imported into; null where something is not kept.
CREATE TYPE clip_pg.import_columns AS (
    image name,
    path name,
    size name,
    sha256 name,
    taken name
);

CREATE FUNCTION clip_pg.import_check(relation regclass, columns clip_pg.import_columns) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
    actual oid;
BEGIN
    IF relation IS NULL OR columns.image IS NULL OR columns.path IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation, image and path must not be null';
    END IF;
    FOR wanted IN
        SELECT * FROM (VALUES (columns.image, 'bytea'::regtype), (columns.path, 'text'), (columns.size, 'bigint'),
                              (columns.sha256, 'bytea'), (columns.taken, 'timestamp')) c (name, type)
        WHERE name IS NOT NULL
    LOOP
        SELECT a.atttypid INTO actual FROM pg_attribute a
        WHERE a.attrelid = relation AND a.attname = wanted.name AND a.attnum > 0 AND NOT a.attisdropped;
        IF NOT FOUND THEN
            RAISE undefined_column USING
                MESSAGE = format('column "%s" of table %s does not exist', wanted.name, relation),
                HINT = format('Add it as %s, or name another column; what is not to be kept is given as null.', wanted.type);
        END IF;
        IF actual <> wanted.type THEN
            RAISE datatype_mismatch USING
                MESSAGE = format('column "%s" of table %s is of type %s', wanted.name, relation, actual::regtype),
                HINT = format('It should be %s.', wanted.type);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_pg.import_check(regclass, clip_pg.import_columns) IS
'raises an error where a table lacks a column that an import is to fill, or has it of another type';

CREATE FUNCTION clip_pg.import_files(relation regclass, columns clip_pg.import_columns, paths text[], sizes bigint[],
                                     OUT imported bigint, OUT updated bigint, OUT skipped bigint, OUT failed bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    file record;
    contents bytea;
    there boolean;
    copies text[] := '{}';
    -- Of the values, which are the parameters of the statements, those that are kept.
    names text[] := ARRAY[columns.image, columns.path, columns.size, columns.sha256, columns.taken];
    kept text := (SELECT string_agg(quote_ident(name), ', ' ORDER BY n)
                  FROM unnest(names) WITH ORDINALITY c (name, n) WHERE name IS NOT NULL);
    given text := (SELECT string_agg('$' || n, ', ' ORDER BY n)
                   FROM unnest(names) WITH ORDINALITY c (name, n) WHERE name IS NOT NULL);
    find CONSTANT text := 'SELECT EXISTS (SELECT FROM ' || relation || ' WHERE ' || quote_ident(columns.sha256) || ' = $1)';
    insert CONSTANT text := format('INSERT INTO %s (%s) VALUES (%s)', relation, kept, given);
    update CONSTANT text := format('UPDATE %s SET (%s) = ROW (%s) WHERE %I = $2', relation, kept, given, columns.path);
BEGIN
    imported := 0;
    updated := 0;
    skipped := 0;
    failed := 0;
    FOR file IN EXECUTE format('SELECT f.path, t.path IS NOT NULL AS known, t.size = f.size AS same
            FROM ROWS FROM (unnest($1, $2)) WITH ORDINALITY f (path, size, n)
            LEFT JOIN (SELECT DISTINCT ON (1) %1$I AS path, octet_length(%2$I) AS size FROM %3$s WHERE %1$I = ANY ($1)) t USING (path)
            ORDER BY f.n',
            columns.path, columns.image, relation) USING paths, sizes
    LOOP
        IF file.same THEN
            skipped := skipped + 1;
            CONTINUE;
        END IF;
        BEGIN
            contents := clip_pg.read_file(file.path);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM;
            failed := failed + 1;
            CONTINUE;
        END;
        IF NOT file.known AND columns.sha256 IS NOT NULL THEN
            EXECUTE find INTO there USING sha256(contents);
            IF there THEN
                skipped := skipped + 1;
                copies := copies || file.path;
                CONTINUE;
            END IF;
        END IF;
        BEGIN
            -- Raises an error where it is no image.
            PERFORM clip_pg.image_format(contents);
            EXECUTE CASE WHEN file.known THEN update ELSE insert END
            USING contents, file.path, octet_length(contents)::bigint, sha256(contents), clip_pg.image_taken(contents);
            IF file.known THEN
                updated := updated + 1;
            ELSE
                imported := imported + 1;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF NOT clip_pg.is_of_row(SQLSTATE) THEN
                RAISE;
            END IF;
            RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('could not import "%s": %s', file.path, SQLERRM);
            failed := failed + 1;
        END;
    END LOOP;
    IF cardinality(copies) > 0 THEN
        RAISE NOTICE USING MESSAGE = format('%s file(s) skipped whose contents are there under another path', cardinality(copies)),
            DETAIL = array_to_string(copies[:10], ', ') || CASE WHEN cardinality(copies) > 10 THEN ', and others' ELSE '' END;
    END IF;
END $$;
COMMENT ON FUNCTION clip_pg.import_files(regclass, clip_pg.import_columns, text[], bigint[]) IS
'imports files; one is there if a row has its path and size, or the hash of its contents';

-- Sets no search path, because a procedure that does cannot commit: what needs one is in functions.
CREATE PROCEDURE clip_import(directory text, relation regclass, image name DEFAULT 'image', path name DEFAULT 'path',
                             size name DEFAULT 'size', sha256 name DEFAULT 'sha256', taken name DEFAULT 'taken',
                             batch_size integer DEFAULT 100, INOUT imported bigint DEFAULT NULL,
                             INOUT updated bigint DEFAULT NULL, INOUT skipped bigint DEFAULT NULL,
                             INOUT failed bigint DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    columns clip_pg.import_columns;
    files record;
    batch record;
    told pg_catalog.timestamptz := pg_catalog.clock_timestamp();
BEGIN
    PERFORM clip_pg.check_commits('CALL clip_import');
    IF batch_size IS NULL OR batch_size OPERATOR(pg_catalog.<) 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = pg_catalog.format('batch size must be positive, not %s',
            COALESCE(batch_size::pg_catalog.text, 'null'));
    END IF;
    columns := ROW (image, path, size, sha256, taken);
    PERFORM clip_pg.import_check(relation, columns);
    imported := 0;
    updated := 0;
    skipped := 0;
    failed := 0;
    FOR files IN SELECT f.paths, f.sizes FROM clip_pg.image_files(directory, batch_size) f LOOP
        SELECT b.imported, b.updated, b.skipped, b.failed INTO batch
        FROM clip_pg.import_files(relation, columns, files.paths, files.sizes) b;
        COMMIT;
        imported := imported OPERATOR(pg_catalog.+) batch.imported;
        updated := updated OPERATOR(pg_catalog.+) batch.updated;
        skipped := skipped OPERATOR(pg_catalog.+) batch.skipped;
        failed := failed OPERATOR(pg_catalog.+) batch.failed;
        IF pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) told OPERATOR(pg_catalog.>) '10 s'::pg_catalog.interval THEN
            RAISE NOTICE '% file(s) imported, % updated, % skipped so far; % could not be imported',
                imported, updated, skipped, failed;
            told := pg_catalog.clock_timestamp();
        END IF;
    END LOOP;
END $$;
COMMENT ON PROCEDURE clip_import(text, regclass, name, name, name, name, name, integer, bigint, bigint, bigint, bigint) IS
'imports the image files in a directory of the server and below that a table does not hold yet, with path, size, hash and EXIF date; takes membership of pg_read_server_files';
