-- Embedding what is pending: what src/ingest/pending.rs and src/ingest/progress.rs are for in SQL.
--
-- A call is a state that goes step by step. A step looks for pending rows of a table, or embeds a batch of those that it
-- found, and who drives it commits after each: the procedures here, and the worker in src/ingest/worker.rs.

CREATE FUNCTION clip_pg.find_pending(relation oid, source text, target text, after text, size integer) RETURNS text[]
    AS 'MODULE_PATHNAME', 'find_pending_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.find_pending(oid, text, text, text, integer) IS
'places of rows that have a source and no target and come after another place, as the table''s owner';

CREATE FUNCTION clip_pg.embed_rows(relation oid, source text, target text, model text, sha256 text, places text[],
                                   OUT embedded bigint, OUT failed bigint) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'embed_rows_wrapper' LANGUAGE C VOLATILE STRICT ROWS 1 COST 1000000;
COMMENT ON FUNCTION clip_pg.embed_rows(oid, text, text, text, text, text[]) IS
'embeds the rows at some places, as the table''s owner';

CREATE FUNCTION clip_pg.list_error(relation oid, source text, target text, place text, sqlstate text, message text)
RETURNS void AS 'MODULE_PATHNAME', 'list_error_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.list_error(oid, text, text, text, text, text) IS
'lists the row at a place in clip_embed_errors';

CREATE FUNCTION clip_pg.prune_errors(relation oid, source text, target text) RETURNS void
    AS 'MODULE_PATHNAME', 'prune_errors_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.prune_errors(oid, text, text) IS
'takes rows that are no longer pending off clip_embed_errors';

CREATE FUNCTION clip_pg.report_progress(relation oid, total bigint, embedded bigint, failed bigint, began timestamptz)
RETURNS void AS 'MODULE_PATHNAME', 'report_progress_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.report_progress(oid, bigint, bigint, bigint, timestamptz) IS
'shows in clip_backfill_progress how far this session has come';

CREATE FUNCTION clip_pg.end_progress() RETURNS void
    AS 'MODULE_PATHNAME', 'end_progress_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.end_progress() IS 'takes this session out of clip_backfill_progress';

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

-- A table that has its own rows, and what is to be done there.
CREATE TYPE clip_pg.job AS (
    part oid,
    relation oid,
    source name,
    target name,
    model text,
    sha256 text
);
COMMENT ON COLUMN clip_pg.job.relation IS 'table that was given to clip_auto_embed; part is it, or a partition';

CREATE FUNCTION clip_pg.jobs(relation regclass, target name) RETURNS clip_pg.job[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found clip_pg.job[];
    part regclass;
    is_kept boolean := false;
BEGIN
    found := ARRAY(
        SELECT (c.oid, a.relation, a.source, a.target, a.model, a.sha256)::clip_pg.job
        FROM clip_pg.auto_embed a
        CROSS JOIN LATERAL (SELECT p.relid FROM pg_partition_tree(a.relation) p WHERE p.isleaf
                            UNION SELECT a.relation) p
        JOIN pg_class c ON c.oid = p.relid AND c.relkind = 'r' AND NOT pg_is_other_temp_schema(c.relnamespace)
        WHERE CASE WHEN jobs.relation IS NULL THEN a.mode = 'queue' AND pg_has_role(c.relowner, 'USAGE')
                   ELSE a.relation = jobs.relation
                        OR jobs.relation IN (SELECT t.relid FROM pg_partition_tree(a.relation) t)
                           AND c.oid IN (SELECT t.relid FROM pg_partition_tree(jobs.relation) t)
              END
          AND (jobs.target IS NULL OR a.target = jobs.target)
        ORDER BY c.oid::regclass::text, a.target);
    IF jobs.relation IS NULL THEN
        RETURN found;
    END IF;
    FOR part IN
        SELECT c.oid::regclass
        FROM clip_pg.auto_embed a
        CROSS JOIN LATERAL pg_partition_tree(a.relation) p
        JOIN pg_class c ON c.oid = p.relid AND c.relkind = 'f'
        WHERE c.oid IN (SELECT t.relid FROM pg_partition_tree(jobs.relation) t)
          AND (jobs.target IS NULL OR a.target = jobs.target)
        ORDER BY c.oid::regclass::text
    LOOP
        is_kept := true;
        RAISE WARNING USING ERRCODE = 'feature_not_supported',
            MESSAGE = format('rows of foreign table %s are passed over', part),
            HINT = 'Have them embedded by the server that holds them.';
    END LOOP;
    IF cardinality(found) = 0 AND NOT is_kept THEN
        RAISE undefined_object USING
            MESSAGE = format('no column of table %s is kept current', jobs.relation),
            HINT = 'Call clip_auto_embed() first.';
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION clip_pg.jobs(regclass, name) IS
'what there is to do for a table or a partition, or for all of the current user''s tables in mode queue';

CREATE TYPE clip_pg.backfill AS (
    jobs clip_pg.job[],
    queue boolean,
    prune boolean,
    batch_size integer,
    after text,
    places text[],
    at_end boolean,
    pass bigint,
    job bigint,
    embedded bigint,
    failed bigint,
    total bigint,
    began timestamptz,
    told timestamptz,
    ended boolean
);
COMMENT ON COLUMN clip_pg.backfill.jobs IS 'what is left to do; the first is at hand';
COMMENT ON COLUMN clip_pg.backfill.queue IS 'whether an error ends a job rather than the call, and the end of the table ends it in any case';
COMMENT ON COLUMN clip_pg.backfill.prune IS 'whether rows that are no longer pending are taken off the list of errors';
COMMENT ON COLUMN clip_pg.backfill.after IS 'place from which on to look for pending rows';
COMMENT ON COLUMN clip_pg.backfill.places IS 'places that were found and are still to be visited';
COMMENT ON COLUMN clip_pg.backfill.at_end IS 'whether these are the last ones of the table';
COMMENT ON COLUMN clip_pg.backfill.pass IS 'rows embedded since the table was last begun from its start';
COMMENT ON COLUMN clip_pg.backfill.job IS 'rows embedded for the job at hand';
COMMENT ON COLUMN clip_pg.backfill.total IS 'rows that were pending, null if they were not counted';

CREATE FUNCTION clip_pg.backfill_begin(relation regclass, target name, batch_size integer, prune boolean)
RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    state clip_pg.backfill;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE read_only_sql_transaction USING MESSAGE = 'cannot embed what is pending during recovery';
    END IF;
    IF batch_size IS NULL OR batch_size < 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('batch size must be positive, not %s', coalesce(batch_size::text, 'null'));
    END IF;
    state.jobs := clip_pg.jobs(relation, target);
    state.queue := relation IS NULL;
    state.prune := prune;
    state.batch_size := batch_size;
    state.embedded := 0;
    state.failed := 0;
    IF NOT state.queue THEN
        SELECT sum(clip_pg.count_pending(j.part, j.source, j.target)) INTO state.total FROM unnest(state.jobs) j;
    END IF;
    state.began := clock_timestamp();
    state.told := state.began;
    RETURN clip_pg.backfill_job(state);
END $$;
COMMENT ON FUNCTION clip_pg.backfill_begin(regclass, name, integer, boolean) IS
'the state of a backfill that begins';

CREATE FUNCTION clip_pg.backfill_job(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    state.after := '(0,0)';
    state.places := '{}';
    state.at_end := false;
    state.pass := 0;
    state.job := 0;
    state.ended := cardinality(state.jobs) = 0;
    RETURN state;
END $$;
COMMENT ON FUNCTION clip_pg.backfill_job(clip_pg.backfill) IS
'begins with the first of the jobs that are left';

CREATE FUNCTION clip_pg.backfill_work(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    job clip_pg.job := state.jobs[1];
    found_at_once CONSTANT integer := 1024;
    batch record;
BEGIN
    IF cardinality(state.places) > 0 THEN
        SELECT * INTO batch FROM clip_pg.embed_batch(job, state.places[:state.batch_size]);
        state.places := state.places[state.batch_size + 1:];
        state.pass := state.pass + batch.embedded;
        state.job := state.job + batch.embedded;
        state.embedded := state.embedded + batch.embedded;
        state.failed := state.failed + batch.failed;
        RETURN state;
    END IF;
    IF state.at_end AND state.pass > 0 AND NOT state.queue THEN
        -- Once more, for what others wrote or let go behind our back. In a queue that could be for ever, while other
        -- tables wait.
        state.after := '(0,0)';
        state.pass := 0;
    ELSIF state.at_end THEN
        PERFORM clip_pg.prune_errors(job.part, job.source, job.target) WHERE state.prune;
        PERFORM pg_notify('clip_pg', job.relation::regclass::text) WHERE state.job > 0;
        state.jobs := state.jobs[2:];
        RETURN clip_pg.backfill_job(state);
    END IF;
    state.places := clip_pg.find_pending(job.part, job.source, job.target, state.after, found_at_once);
    state.at_end := cardinality(state.places) < found_at_once;
    state.after := coalesce(state.places[cardinality(state.places)], state.after);
    RETURN state;
END $$;
COMMENT ON FUNCTION clip_pg.backfill_work(clip_pg.backfill) IS
'looks for rows, embeds a batch, or goes on to the next table';

CREATE FUNCTION clip_pg.backfill_step(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    state := clip_pg.backfill_work(state);
    IF state.total IS NOT NULL AND NOT state.ended THEN
        PERFORM clip_pg.report_progress((state.jobs[1]).relation, state.total, state.embedded, state.failed, state.began);
    END IF;
    IF clock_timestamp() > state.told + interval '10 s' THEN
        RAISE NOTICE 'embedded % row(s)% so far, % per second; % could not be embedded', state.embedded,
            coalesce(' of ' || state.total, ''),
            round(state.embedded / extract(epoch FROM clock_timestamp() - state.began), 1), state.failed;
        state.told := clock_timestamp();
    END IF;
    RETURN state;
EXCEPTION WHEN OTHERS THEN
    IF NOT state.queue THEN
        RAISE;
    END IF;
    -- The table may have been dropped meanwhile.
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = (state.jobs[1]).part) THEN
        RAISE WARNING USING ERRCODE = SQLSTATE,
            MESSAGE = format('could not embed what is pending in table %s: %s', (state.jobs[1]).part::regclass, SQLERRM);
    END IF;
    state.jobs := state.jobs[2:];
    RETURN clip_pg.backfill_job(state);
END $$;
COMMENT ON FUNCTION clip_pg.backfill_step(clip_pg.backfill) IS
'one step of a backfill, and its progress';

CREATE FUNCTION clip_pg.embed_batch(job clip_pg.job, places text[], OUT embedded bigint, OUT failed bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    middle integer := cardinality(places) / 2;
BEGIN
    SELECT r.embedded, r.failed INTO embedded, failed
    FROM clip_pg.embed_rows(job.part, job.source, job.target, job.model, job.sha256, places) r;
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR with_check_option_violation OR plpgsql_error
            OR triggered_action_exception OR feature_not_supported OR program_limit_exceeded THEN
    IF middle = 0 THEN
        PERFORM clip_pg.list_error(job.part, job.source, job.target, places[1], SQLSTATE, SQLERRM);
        embedded := 0;
        failed := 1;
        RETURN;
    END IF;
    SELECT sum(b.embedded), sum(b.failed) INTO embedded, failed
    FROM (VALUES (places[:middle]), (places[middle + 1:])) half (places), clip_pg.embed_batch(job, half.places) b;
END $$;
COMMENT ON FUNCTION clip_pg.embed_batch(clip_pg.job, text[]) IS
'embeds rows; where the server refuses one, because of a constraint or a trigger, all others';

CREATE FUNCTION clip_pg.backfill_end(state clip_pg.backfill) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM clip_pg.end_progress();
    IF state.failed > 0 THEN
        RAISE WARNING USING MESSAGE = format('%s row(s) could not be embedded', state.failed),
            HINT = 'The view clip_embed_errors lists them.';
    END IF;
    RAISE NOTICE 'embedded % row(s)', state.embedded;
    RETURN state.embedded + state.failed;
END $$;
COMMENT ON FUNCTION clip_pg.backfill_end(clip_pg.backfill) IS
'tells what was done; returns how many rows were visited';

-- Sets no search path, because a procedure that does cannot commit: what needs one is in functions.
CREATE PROCEDURE clip_pg.backfill_run(relation regclass, target name, batch_size integer, pause double precision)
LANGUAGE plpgsql AS $$
DECLARE
    state clip_pg.backfill;
BEGIN
    state := clip_pg.backfill_begin(relation, target, batch_size, true);
    WHILE NOT (state).ended LOOP
        state := clip_pg.backfill_step(state);
        COMMIT;
        PERFORM pg_catalog.pg_sleep(pause);
    END LOOP;
    PERFORM clip_pg.backfill_end(state);
END $$;
COMMENT ON PROCEDURE clip_pg.backfill_run(regclass, name, integer, double precision) IS
'a backfill, with a commit after every batch';

CREATE PROCEDURE clip_backfill(relation regclass, target name DEFAULT NULL, batch_size integer DEFAULT 32,
                               pause double precision DEFAULT 0)
LANGUAGE plpgsql AS $$
BEGIN
    IF relation IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation must not be null';
    END IF;
    CALL clip_pg.backfill_run(relation, target, batch_size, pause);
END $$;
COMMENT ON PROCEDURE clip_backfill(regclass, name, integer, double precision) IS
'embeds the rows of a table that have a source and no embedding, in batches with commits of their own and a pause of seconds between; several sessions may share the work';

CREATE PROCEDURE clip_work_queue(batch_size integer DEFAULT 32)
LANGUAGE plpgsql AS $$
BEGIN
    CALL clip_pg.backfill_run(NULL, NULL, batch_size, 0);
END $$;
COMMENT ON PROCEDURE clip_work_queue(integer) IS
'embeds what is pending in all of the current user''s tables that clip_auto_embed has put in mode queue';
