-- Importing image files that lie on the server: what src/ingest/import/ is for in SQL.

COMMENT ON FUNCTION clip_image_taken(bytea) IS
'when a picture was taken by the camera''s clock, as its EXIF block says';

CREATE FUNCTION clip_pg.import_begin(directory text, relation regclass, image text, path text, size text, sha256 text,
                                     taken text, batch_size integer) RETURNS void
    AS 'MODULE_PATHNAME', 'import_begin_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.import_begin(text, regclass, text, text, text, text, text, integer) IS
'begins to import files into a table, in place of the import that this session is at; takes membership of pg_read_server_files';

CREATE FUNCTION clip_pg.import_step() RETURNS boolean
    AS 'MODULE_PATHNAME', 'import_step_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.import_step() IS
'imports a batch of files, to be committed; false where none is left';

CREATE FUNCTION clip_pg.import_end(OUT imported bigint, OUT updated bigint, OUT skipped bigint, OUT failed bigint)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'import_end_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.import_end() IS 'ends the import that this session is at; returns how many files it was';

CREATE FUNCTION clip_import_files(directory text, OUT path text, OUT size bigint, OUT format text, OUT passed_over text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'import_files_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_import_files(text) IS
'every file in a directory of the server and below: the format of a picture by its first bytes, or why clip_import would pass it over; takes membership of pg_read_server_files';

-- Sets no search path, because a procedure that does cannot commit.
CREATE PROCEDURE clip_import(directory text, relation regclass, image name DEFAULT 'image', path name DEFAULT 'path',
                             size name DEFAULT 'size', sha256 name DEFAULT 'sha256', taken name DEFAULT 'taken',
                             batch_size integer DEFAULT 100, INOUT imported bigint DEFAULT NULL,
                             INOUT updated bigint DEFAULT NULL, INOUT skipped bigint DEFAULT NULL,
                             INOUT failed bigint DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.import_begin(directory, relation, image, path, size, sha256, taken, batch_size);
    WHILE clip_pg.import_step() LOOP
        COMMIT;
    END LOOP;
    SELECT i.imported, i.updated, i.skipped, i.failed INTO imported, updated, skipped, failed FROM clip_pg.import_end() i;
END $$;
COMMENT ON PROCEDURE clip_import(text, regclass, name, name, name, name, name, integer, bigint, bigint, bigint, bigint) IS
'imports the image files in a directory of the server and below that a table does not hold yet, with path, size, hash and EXIF date; takes membership of pg_read_server_files';
