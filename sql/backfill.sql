-- Embedding what is pending: what src/ingest/backfill/ is for in SQL.

CREATE FUNCTION clip_pg.backfill_progress(OUT pid integer, OUT relation oid, OUT total bigint, OUT embedded bigint,
                                          OUT failed bigint, OUT began timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'backfill_progress_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.backfill_progress() IS 'use the view clip_backfill_progress';

CREATE VIEW clip_backfill_progress AS
SELECT pid, relation::pg_catalog.regclass AS relation, total, embedded, failed, rate,
       pg_catalog.now() OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs =>
           (pg_catalog.max(total) OVER sessions OPERATOR(pg_catalog.-) pg_catalog.sum(done) OVER sessions)::double precision
           OPERATOR(pg_catalog./) NULLIF(pg_catalog.sum(rate) OVER sessions, 0)) AS eta
FROM clip_pg.backfill_progress(),
LATERAL (SELECT embedded OPERATOR(pg_catalog.+) failed AS done) d,
LATERAL (SELECT done::double precision OPERATOR(pg_catalog./) NULLIF(EXTRACT(epoch FROM
    pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) began)::double precision, 0) AS rate) r
-- Several sessions may share the rows of a table.
WINDOW sessions AS (PARTITION BY relation);
GRANT SELECT ON clip_backfill_progress TO PUBLIC;
COMMENT ON VIEW clip_backfill_progress IS
'calls of clip_backfill that are at work in this database, those of the current user''s roles';
COMMENT ON COLUMN clip_backfill_progress.pid IS 'process of the session';
COMMENT ON COLUMN clip_backfill_progress.total IS 'rows that were pending when the call began';
COMMENT ON COLUMN clip_backfill_progress.embedded IS 'rows that this session has embedded';
COMMENT ON COLUMN clip_backfill_progress.failed IS 'rows that this session could not embed, see clip_embed_errors';
COMMENT ON COLUMN clip_backfill_progress.rate IS 'rows per second of this session';
COMMENT ON COLUMN clip_backfill_progress.eta IS
'when all sessions at work on the table will be through with it, at their rates so far';

-- Not by pg_partition_tree, which waits for locks: whoever locks a partitioned table would stop all.
CREATE VIEW clip_pg.auto_embed_part AS
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
GRANT SELECT ON clip_pg.auto_embed_part TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed_part IS
'tables with rows of their own in which clip_auto_embed keeps columns current, partitions one by one';

CREATE FUNCTION clip_pg.find_pending(relation oid, source text, target text, after text, size integer) RETURNS text[]
    AS 'MODULE_PATHNAME', 'find_pending_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.find_pending(oid, text, text, text, integer) IS
'ctids of pending rows after another, as a backfill finds them, as the table''s owner';

CREATE FUNCTION clip_pg.backfill_begin(relation regclass, target text, batch_size integer, pause double precision) RETURNS void
    AS 'MODULE_PATHNAME', 'backfill_begin_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.backfill_begin(regclass, text, integer, double precision) IS
'begins a backfill of a table, in place of the one that this session is at';

CREATE FUNCTION clip_pg.queue_begin(batch_size integer) RETURNS void
    AS 'MODULE_PATHNAME', 'queue_begin_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.queue_begin(integer) IS
'begins a backfill of all of the current user''s tables in mode queue, in place of the one that this session is at';

CREATE FUNCTION clip_pg.backfill_step() RETURNS boolean
    AS 'MODULE_PATHNAME', 'backfill_step_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.backfill_step() IS
'one step of the backfill that this session is at, to be committed; false at the end';

-- They set no search path, because a procedure that does cannot commit.
CREATE PROCEDURE clip_backfill(relation regclass, target name DEFAULT NULL, batch_size integer DEFAULT 32,
                               pause double precision DEFAULT 0)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.backfill_begin(relation, target, batch_size, pause);
    WHILE clip_pg.backfill_step() LOOP
        COMMIT;
        PERFORM pg_catalog.pg_sleep(pause);
    END LOOP;
END $$;
COMMENT ON PROCEDURE clip_backfill(regclass, name, integer, double precision) IS
'embeds the rows of a table that have a source and no embedding, in batches with commits of their own and a pause of seconds between; several sessions may share the work';

CREATE PROCEDURE clip_work_queue(batch_size integer DEFAULT 32)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.queue_begin(batch_size);
    WHILE clip_pg.backfill_step() LOOP
        COMMIT;
    END LOOP;
END $$;
COMMENT ON PROCEDURE clip_work_queue(integer) IS
'embeds what is pending in all of the current user''s tables that clip_auto_embed has put in mode queue';

-- The end of what a database needs for queues: they are looked at from now on.
SELECT clip_pg.tell_at_commit();
