-- Embedding what is pending: what src/ingest/pending.rs and src/ingest/progress.rs are for in SQL.
--
-- A call is a state that goes step by step. A step looks for pending rows of a table, or embeds a batch of those that it
-- found, and who drives it commits after each: the procedures here, and the worker in src/ingest/worker.rs.

CREATE FUNCTION clip_pg.check_commits(procedure text) RETURNS void
    AS 'MODULE_PATHNAME', 'check_commits_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.check_commits(text) IS
'raises an error where the procedure that calls it cannot commit';

CREATE FUNCTION clip_pg.find_pending(relation oid, source text, target text, after text, size integer) RETURNS text[]
    AS 'MODULE_PATHNAME', 'find_pending_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.find_pending(oid, text, text, text, integer) IS
'places of rows that have a source and no target and come after another place, as the table''s owner';

CREATE FUNCTION clip_pg.embed_rows(relation oid, source text, target text, model text, sha256 text, places text[],
                                   OUT embedded bigint, OUT failed bigint) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'embed_rows_wrapper' LANGUAGE C VOLATILE STRICT ROWS 1 COST 1000000;
COMMENT ON FUNCTION clip_pg.embed_rows(oid, text, text, text, text, text[]) IS
'embeds the rows at some places, as the table''s owner';

CREATE FUNCTION clip_pg.pass_over(relation oid, since timestamptz) RETURNS void
    AS 'MODULE_PATHNAME', 'pass_over_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.pass_over(oid, timestamptz) IS
'in a queue worker: has workers pass a table over for ten times as long as it has held this one up';

CREATE FUNCTION clip_pg.is_passed_over(relation oid) RETURNS boolean
    AS 'MODULE_PATHNAME', 'is_passed_over_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.is_passed_over(oid) IS 'in a queue worker: whether a table is passed over now';

CREATE FUNCTION clip_pg.last_place(relation oid, target text) RETURNS text
    AS 'MODULE_PATHNAME', 'last_place_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.last_place(oid, text) IS
'place after which this process is to look for pending rows of a table';

CREATE FUNCTION clip_pg.keep_place(relation oid, target text, after text, from_start boolean) RETURNS void
    AS 'MODULE_PATHNAME', 'keep_place_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.keep_place(oid, text, text, boolean) IS
'in a queue worker: goes on from a place of a table next time';

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
    owner oid,
    relation oid,
    source name,
    target name,
    model text,
    sha256 text,
    after text,
    embedded bigint
);
COMMENT ON COLUMN clip_pg.job.owner IS 'owner of part';
COMMENT ON COLUMN clip_pg.job.relation IS 'table that was given to clip_auto_embed; part is it, or a partition';
COMMENT ON COLUMN clip_pg.job.after IS 'place up to which rows were visited before others had their turn';
COMMENT ON COLUMN clip_pg.job.embedded IS 'rows embedded until then';

-- Not by pg_partition_tree, which waits for locks: whoever locks a partitioned table would stop all.
CREATE VIEW clip_pg.auto_embed_part AS
WITH RECURSIVE part AS (
    SELECT a.relation::pg_catalog.oid AS part, a.relation::pg_catalog.oid AS relation, a.source, a.target, a.model, a.mode, a.sha256
    FROM clip_pg.auto_embed a
    UNION ALL
    SELECT i.inhrelid, p.relation, p.source, p.target, p.model, p.mode, p.sha256
    FROM part p
    JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) p.part AND NOT i.inhdetachpending
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid AND c.relispartition
)
SELECT p.part, c.relkind AS kind, c.relowner AS owner, p.relation, p.source, p.target, p.model, p.mode, p.sha256
FROM part p
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.part
WHERE c.relkind OPERATOR(pg_catalog.<>) 'p' AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace);
GRANT SELECT ON clip_pg.auto_embed_part TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed_part IS
'tables with rows of their own in which clip_auto_embed keeps columns current, partitions one by one';

CREATE FUNCTION clip_pg.jobs(relation regclass, target name) RETURNS clip_pg.job[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    parts clip_pg.auto_embed_part[];
    part clip_pg.auto_embed_part;
    draw CONSTANT bigint := 2 ^ 62 * random();
BEGIN
    parts := ARRAY(
        SELECT p FROM clip_pg.auto_embed_part p
        WHERE CASE WHEN jobs.relation IS NULL THEN p.mode = 'queue' AND pg_has_role(p.owner, 'USAGE')
                        AND NOT clip_pg.is_passed_over(p.part)
                   ELSE (p.relation = jobs.relation
                         OR p.relation IN (SELECT a.relid FROM pg_partition_ancestors(jobs.relation) a))
                        AND (p.part = jobs.relation
                             OR jobs.relation IN (SELECT a.relid FROM pg_partition_ancestors(p.part) a))
              END
          AND (jobs.target IS NULL OR p.target = jobs.target)
        -- Owners come in another order each time, so that none is behind the same one for ever.
        ORDER BY hashoidextended(p.owner, draw), p.part::regclass::text, p.target);
    IF jobs.relation IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = jobs.relation) THEN
            RAISE undefined_table USING MESSAGE = format('relation with OID %s does not exist', jobs.relation::oid);
        END IF;
        IF cardinality(parts) = 0 AND jobs.target IS NULL THEN
            RAISE undefined_object USING
                MESSAGE = format('no column of table %s is kept current', jobs.relation),
                HINT = 'Call clip_auto_embed() first.';
        END IF;
        IF cardinality(parts) = 0 THEN
            IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = jobs.relation AND a.attname = jobs.target
                                                        AND a.attnum > 0 AND NOT a.attisdropped) THEN
                RAISE undefined_column USING
                    MESSAGE = format('column "%s" of table %s does not exist', jobs.target, jobs.relation);
            END IF;
            RAISE undefined_object USING
                MESSAGE = format('column "%s" of table %s is not kept current', jobs.target, jobs.relation),
                HINT = 'The view clip_pg.auto_embed lists the columns that are.';
        END IF;
        FOREACH part IN ARRAY parts LOOP
            IF part.kind = 'f' THEN
                RAISE WARNING USING ERRCODE = 'feature_not_supported',
                    MESSAGE = format('rows of foreign table %s are passed over', part.part::regclass),
                    HINT = 'Have them embedded by the server that holds them.';
            END IF;
        END LOOP;
    END IF;
    RETURN ARRAY(
        SELECT (p.part, p.owner, p.relation, p.source, p.target, p.model, p.sha256,
                CASE WHEN jobs.relation IS NULL THEN clip_pg.last_place(p.part, p.target) ELSE '(0,0)' END, 0)::clip_pg.job
        FROM unnest(parts) WITH ORDINALITY p (part, kind, owner, relation, source, target, model, mode, sha256, n)
        WHERE p.kind = 'r'
        ORDER BY p.n);
END $$;
COMMENT ON FUNCTION clip_pg.jobs(regclass, name) IS
'what there is to do for a table or a partition, or for all of the current user''s tables in mode queue';

CREATE TYPE clip_pg.backfill AS (
    jobs clip_pg.job[],
    queue boolean,
    prune boolean,
    worker boolean,
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
    turn timestamptz,
    ended boolean
);
COMMENT ON COLUMN clip_pg.backfill.jobs IS 'what is left to do; the first is at hand';
COMMENT ON COLUMN clip_pg.backfill.queue IS
'whether an error ends a job rather than the call, the end of the table ends it in any case, and owners take turns';
COMMENT ON COLUMN clip_pg.backfill.prune IS 'whether rows that are no longer pending are taken off the list of errors';
COMMENT ON COLUMN clip_pg.backfill.worker IS 'whether this is a worker, whose statements nobody cancels for its own sake';
COMMENT ON COLUMN clip_pg.backfill.after IS 'place up to which rows were visited';
COMMENT ON COLUMN clip_pg.backfill.places IS 'places that were found and are still to be visited';
COMMENT ON COLUMN clip_pg.backfill.at_end IS 'whether these are the last ones of the table';
COMMENT ON COLUMN clip_pg.backfill.pass IS 'rows embedded since the table was last begun from its start';
COMMENT ON COLUMN clip_pg.backfill.job IS 'rows embedded for the job at hand';
COMMENT ON COLUMN clip_pg.backfill.total IS 'rows that were pending, null if they were not counted';
COMMENT ON COLUMN clip_pg.backfill.turn IS 'when the turn of the owner at hand began';

CREATE FUNCTION clip_pg.backfill_begin(relation regclass, target name, batch_size integer, prune boolean, worker boolean)
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
    state.worker := worker;
    state.batch_size := batch_size;
    state.embedded := 0;
    state.failed := 0;
    IF NOT state.queue THEN
        SELECT sum(clip_pg.count_pending(j.part, j.source, j.target)) INTO state.total FROM unnest(state.jobs) j;
    END IF;
    state.began := clock_timestamp();
    state.told := state.began;
    state.turn := state.began;
    RETURN clip_pg.backfill_job(state);
END $$;
COMMENT ON FUNCTION clip_pg.backfill_begin(regclass, name, integer, boolean, boolean) IS
'the state of a backfill that begins';

CREATE FUNCTION clip_pg.backfill_job(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    state.after := (state.jobs[1]).after;
    state.places := '{}';
    state.at_end := false;
    state.pass := 0;
    state.job := (state.jobs[1]).embedded;
    state.ended := cardinality(state.jobs) = 0;
    RETURN state;
END $$;
COMMENT ON FUNCTION clip_pg.backfill_job(clip_pg.backfill) IS
'begins with the first of the jobs that are left';

CREATE FUNCTION clip_pg.backfill_leave(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    left_over CONSTANT clip_pg.job := state.jobs[1];
BEGIN
    state.jobs := state.jobs[2:];
    IF (state.jobs[1]).owner <> left_over.owner THEN
        state.turn := clock_timestamp();
    END IF;
    RETURN clip_pg.backfill_job(state);
END $$;
COMMENT ON FUNCTION clip_pg.backfill_leave(clip_pg.backfill) IS
'ends the job at hand';

CREATE FUNCTION clip_pg.backfill_turn(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at_hand CONSTANT clip_pg.job := state.jobs[1];
BEGIN
    IF NOT state.queue OR clock_timestamp() < state.turn + interval '10 s'
       OR NOT EXISTS (SELECT FROM unnest(state.jobs) j WHERE j.owner <> at_hand.owner) THEN
        RETURN state;
    END IF;
    state.jobs[1].after := state.after;
    state.jobs[1].embedded := state.job;
    state.jobs := ARRAY(SELECT state.jobs[n] FROM generate_subscripts(state.jobs, 1) n
                        ORDER BY (state.jobs[n]).owner = at_hand.owner, n);
    state.turn := clock_timestamp();
    RETURN clip_pg.backfill_job(state);
END $$;
COMMENT ON FUNCTION clip_pg.backfill_turn(clip_pg.backfill) IS
'goes on with another owner''s jobs when the one at hand has had ten seconds';

CREATE FUNCTION clip_pg.backfill_work(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    job CONSTANT clip_pg.job := state.jobs[1];
    -- Entries of rows that were dealt with stay in the index of pending rows for as long as a snapshot is older. They are
    -- passed at each look.
    found_at_once CONSTANT integer := 16384;
    here text[];
    batch record;
BEGIN
    IF cardinality(state.places) > 0 THEN
        here := state.places[:state.batch_size];
        state.places := state.places[cardinality(here) + 1:];
        state.after := here[cardinality(here)];
        SELECT r.embedded, r.failed INTO batch
        FROM clip_pg.embed_rows(job.part, job.source, job.target, job.model, job.sha256, here) r;
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
    ELSIF state.at_end AND job.after <> '(0,0)' AND state.job = job.embedded THEN
        -- Nothing came after the place that this went on from. Before it, rows may be in space that others have left.
        state.jobs[1].after := '(0,0)';
        state.after := '(0,0)';
    ELSIF state.at_end THEN
        PERFORM clip_pg.keep_place(job.part, job.target, state.after, job.after = '(0,0)') WHERE state.worker;
        PERFORM clip_pg.prune_errors(job.part, job.source, job.target) WHERE state.prune;
        PERFORM pg_notify('clip_pg', job.relation::regclass::text) WHERE state.job > 0;
        RETURN clip_pg.backfill_leave(state);
    END IF;
    state.places := clip_pg.find_pending(job.part, job.source, job.target, state.after, found_at_once);
    state.at_end := cardinality(state.places) < found_at_once;
    RETURN state;
END $$;
COMMENT ON FUNCTION clip_pg.backfill_work(clip_pg.backfill) IS
'looks for rows, embeds a batch, or goes on to the next table';

CREATE FUNCTION clip_pg.backfill_step(state clip_pg.backfill) RETURNS clip_pg.backfill
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A table that is locked is passed over where others wait.
    PERFORM set_config('lock_timeout', '1s', true)
    WHERE state.queue AND current_setting('lock_timeout')::interval NOT BETWEEN interval '1 ms' AND interval '1 s';
    state := clip_pg.backfill_turn(clip_pg.backfill_work(state));
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
EXCEPTION WHEN query_canceled OR OTHERS THEN
    IF NOT state.queue OR SQLSTATE = '57014' AND NOT state.worker THEN
        RAISE;
    END IF;
    PERFORM clip_pg.pass_over((state.jobs[1]).part, now()) WHERE SQLSTATE IN ('55P03', '57014');
    -- The table may have been dropped meanwhile.
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = (state.jobs[1]).part) THEN
        RAISE WARNING USING ERRCODE = SQLSTATE,
            MESSAGE = format('could not embed what is pending in table %s: %s', (state.jobs[1]).part::regclass, SQLERRM);
    END IF;
    RETURN clip_pg.backfill_turn(clip_pg.backfill_leave(state));
END $$;
COMMENT ON FUNCTION clip_pg.backfill_step(clip_pg.backfill) IS
'one step of a backfill, and its progress';

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
    state := clip_pg.backfill_begin(relation, target, batch_size, true, false);
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
    -- Sleeping takes a negative one for none. NaN is the greatest.
    IF pause IS NULL OR pause OPERATOR(pg_catalog.<) 0::double precision
       OR pause OPERATOR(pg_catalog.>=) 'Infinity'::double precision THEN
        RAISE invalid_parameter_value USING
            MESSAGE = pg_catalog.format('pause must be a number of seconds, not %s', coalesce(pause::pg_catalog.text, 'null'));
    END IF;
    PERFORM clip_pg.check_commits('CALL clip_backfill');
    CALL clip_pg.backfill_run(relation, target, batch_size, pause);
END $$;
COMMENT ON PROCEDURE clip_backfill(regclass, name, integer, double precision) IS
'embeds the rows of a table that have a source and no embedding, in batches with commits of their own and a pause of seconds between; several sessions may share the work';

CREATE PROCEDURE clip_work_queue(batch_size integer DEFAULT 32)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.check_commits('CALL clip_work_queue');
    CALL clip_pg.backfill_run(NULL, NULL, batch_size, 0);
END $$;
COMMENT ON PROCEDURE clip_work_queue(integer) IS
'embeds what is pending in all of the current user''s tables that clip_auto_embed has put in mode queue';

-- The end of what a database needs for queues: they are looked at from now on.
SELECT clip_pg.tell_at_commit();
