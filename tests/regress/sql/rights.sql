-- Whose rights run what belongs to somebody else, and where names are looked up.
\i outcome.sql
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

-- What a table's owner has put there tells who runs it.
CREATE ROLE regress_clip_owner;
CREATE TABLE ran (what text, who name);
GRANT INSERT ON ran TO PUBLIC;
CREATE SCHEMA owned AUTHORIZATION regress_clip_owner;
SET SESSION AUTHORIZATION regress_clip_owner;
CREATE FUNCTION owned.note(what text) RETURNS void LANGUAGE sql AS 'INSERT INTO public.ran VALUES (what, current_user)';
CREATE FUNCTION owned.same(what text, v clip_vector) RETURNS clip_vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM owned.note(what);
    RETURN v;
END $$;
CREATE FUNCTION owned.yes(what text, id integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM owned.note(what);
    RETURN true;
END $$;
CREATE FUNCTION owned.written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM owned.note('trigger');
    RETURN NEW;
END $$;
CREATE TABLE owned.photos (id integer PRIMARY KEY, title text, small clip_vector(3), embedding clip_vector(512));
INSERT INTO owned.photos SELECT n, 'photo ' || n, ARRAY[1, n, 3]::clip_vector FROM generate_series(1, 20) n;
CREATE INDEX photos_small ON owned.photos USING clip_hnsw ((owned.same('expression', small)::clip_vector(3)))
WHERE owned.yes('predicate', id);
CREATE POLICY photos_policy ON owned.photos USING (owned.yes('policy', id));
CREATE TRIGGER photos_written BEFORE UPDATE ON owned.photos FOR EACH ROW EXECUTE FUNCTION owned.written();
CREATE VIEW owned.questions AS SELECT owned.same('view', small) AS v FROM owned.photos;
ALTER TABLE owned.photos ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
RESET SESSION AUTHORIZATION;
TRUNCATE ran;
SELECT nodes FROM clip_index_info('owned.photos_small');
SELECT missing, not_found, problems FROM clip_index_check('owned.photos_small', heap => true, search => 1);
SELECT clip_prewarm('owned.photos_small') > 0;
SELECT clip_recall('owned.photos_small', 3), clip_recall('owned.photos_small', 3, queries => 'owned.questions');
SELECT what, who FROM ran GROUP BY what, who ORDER BY what, who;
ALTER TABLE owned.photos NO FORCE ROW LEVEL SECURITY;
TRUNCATE ran;
SELECT clip_auto_embed('owned.photos', 'title', 'embedding', 'clip-mini', 'queue');
SELECT clip_column_model('owned.photos', 'embedding');
SELECT embedded, pending FROM clip_embed_status WHERE relation = 'owned.photos'::regclass;
CALL clip_backfill('owned.photos');
UPDATE owned.photos SET title = 'another' WHERE id = 1;
TRUNCATE ran;
CALL clip_work_queue();
SELECT embedded, pending FROM clip_embed_status WHERE relation = 'owned.photos'::regclass;
SELECT clip_auto_embed_remove('owned.photos', 'embedding');
SELECT clip_auto_embed('owned.photos', 'title', 'embedding', 'clip-mini');
SELECT clip_auto_embed_remove('owned.photos', 'embedding');
SELECT what, who FROM ran GROUP BY what, who ORDER BY what, who;

-- Queries of somebody else's: who may read them, and what only the owner sees as they are.
CREATE ROLE regress_clip_monitor IN ROLE pg_stat_scan_tables;
CREATE TABLE secret (v clip_vector(3));
CREATE TABLE shared (n integer, v clip_vector(3));
INSERT INTO shared VALUES (1, '[1,2,3]');
CREATE VIEW shown AS SELECT v FROM shared;
CREATE TABLE guarded (v clip_vector(3));
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE FOREIGN DATA WRAPPER regress_clip_wrapper;
CREATE SERVER regress_clip_server FOREIGN DATA WRAPPER regress_clip_wrapper;
CREATE FOREIGN TABLE elsewhere (v clip_vector(3)) SERVER regress_clip_server;
GRANT USAGE ON SCHEMA owned TO regress_clip_monitor;
GRANT SELECT (v) ON shared TO regress_clip_monitor;
GRANT SELECT ON shown, guarded, elsewhere TO regress_clip_monitor;
SET ROLE regress_clip_monitor;
SELECT q, pg_temp.outcome(format('SELECT clip_recall(''owned.photos_small'', queries => %L)', q))
FROM unnest('{secret,shared,shown,guarded,elsewhere}'::text[]) q;
RESET ROLE;
DROP FOREIGN DATA WRAPPER regress_clip_wrapper CASCADE;
DROP TABLE secret, shared, guarded CASCADE;

-- A monitor's search path does not decide which functions those of the owner call.
CREATE SCHEMA lure AUTHORIZATION regress_clip_monitor;
CREATE TABLE owned.plain (v clip_vector(3));
ALTER TABLE owned.plain OWNER TO regress_clip_owner;
SET SESSION AUTHORIZATION regress_clip_owner;
CREATE FUNCTION owned.turned(v clip_vector) RETURNS clip_vector LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN v; END';
CREATE FUNCTION owned.called(v clip_vector) RETURNS clip_vector LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN turned(v); END';
CREATE INDEX plain_v ON owned.plain USING clip_hnsw ((owned.called(v)::clip_vector(3)));
SET search_path = owned, public;
INSERT INTO plain VALUES ('[1,2,3]');
SET SESSION AUTHORIZATION regress_clip_monitor;
CREATE FUNCTION lure.turned(v clip_vector) RETURNS clip_vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM owned.note('lure');
    RETURN v;
END $$;
GRANT USAGE ON SCHEMA lure TO PUBLIC;
SET search_path = lure, public;
RESET SESSION AUTHORIZATION;
TRUNCATE ran;
SET ROLE regress_clip_monitor;
SELECT left(pg_temp.outcome('SELECT clip_index_check(''owned.plain_v'', heap => true)'), 5) AS index_check,
       left(pg_temp.outcome('SELECT clip_recall(''owned.plain_v'')'), 5) AS recall;
RESET ROLE;
RESET search_path;
SELECT what, who FROM ran;

-- What one owner's code leaves behind in a process does not decide which functions another owner's index calls. The server
-- itself refuses such an index since version 17.
SET client_min_messages = error;
CREATE ROLE regress_clip_other;
CREATE SCHEMA other AUTHORIZATION regress_clip_other;
GRANT USAGE ON SCHEMA other, owned TO PUBLIC;
CREATE TABLE owned.queued (id integer PRIMARY KEY, title text, embedding clip_vector(512));
ALTER TABLE owned.queued OWNER TO regress_clip_owner;
SET SESSION AUTHORIZATION regress_clip_owner;
SET search_path = owned, public;
CREATE FUNCTION inner_name(title text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT title';
CREATE FUNCTION outer_name(title text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT inner_name(title)';
SELECT clip_auto_embed('queued', 'title', 'embedding', 'clip-mini', 'queue');
DO $$ BEGIN CREATE INDEX ON queued (outer_name(title)); EXCEPTION WHEN undefined_function THEN END $$;
INSERT INTO queued VALUES (1, 'one');
SET SESSION AUTHORIZATION regress_clip_other;
SET search_path = other, public;
CREATE FUNCTION inner_name(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM owned.note('other');
    RETURN title;
END $$;
CREATE TABLE a_queue (id integer PRIMARY KEY, title text, embedding clip_vector(512));
CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'other, public', true);
    EXECUTE 'SELECT 1 FROM owned.queued LIMIT 1';
    RETURN new;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN new;
END $$;
CREATE TRIGGER leave BEFORE UPDATE ON a_queue FOR EACH ROW EXECUTE FUNCTION leave();
SELECT clip_auto_embed('a_queue', 'title', 'embedding', 'clip-mini', 'queue');
INSERT INTO a_queue VALUES (1, 'one');
RESET SESSION AUTHORIZATION;
RESET search_path;
TRUNCATE ran;
CALL clip_backfill('other.a_queue');
CALL clip_work_queue();
SELECT what, who FROM ran;
SET client_min_messages = warning;
DROP TABLE owned.queued;
DROP OWNED BY regress_clip_other;
DROP ROLE regress_clip_other;

-- Every function in SQL finds names in pg_catalog, or has them bound; but procedures that commit can have no setting, the
-- condition given to clip_mark_pending is the caller's, and
-- what these use is qualified.
CREATE TEMP VIEW by_search_path AS
SELECT p.oid::regprocedure AS function,
       regexp_replace(p.prosrc, '--[^\n]*|''[^'']*''|OPERATOR\(pg_catalog\.[^)]*\)|:=|=>|\mFOR \w+ IN\M|\m(?:MESSAGE|DETAIL|HINT|ERRCODE) =', '', 'g') AS body
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'clip_pg'
JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
JOIN pg_language l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql')
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND p.prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s = 'search_path=pg_catalog, pg_temp');
SELECT function FROM by_search_path ORDER BY function::text;
SELECT function, m FROM by_search_path, regexp_matches(body,
    '[-+*/<>=~!@#%^&|?]+|\m(?:IN|BETWEEN|CASE|LIKE|ILIKE|SIMILAR|ANY|ALL|DISTINCT|NULLIF|GREATEST|LEAST)\M', 'g') m;

-- A search path that leads elsewhere first, to a function of the name and arguments of every one in pg_catalog, and to
-- operators on many pairs of types more than that has.
CREATE SCHEMA trap;
DO $$
DECLARE
    f record;
    trapped CONSTANT text := 'LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION $e$%s is looked up$e$; END''';
BEGIN
    FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS result
             FROM pg_proc p JOIN pg_type r ON r.oid = p.prorettype AND r.typtype <> 'p'
             WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0
               AND p.proargmodes IS NULL AND p.oid < 16384
               AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type t ON t.oid = a AND t.typtype = 'p')
    LOOP
        EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s ' || trapped, f.proname, f.arguments, f.result, f.proname);
    END LOOP;
    FOR f IN SELECT DISTINCT ON (o.oprname, l, r) o.oprname, o.l, o.r
             FROM (SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r FROM pg_operator o
                   JOIN pg_type l ON l.oid = oprleft AND l.typtype <> 'p' JOIN pg_type r ON r.oid = oprright AND r.typtype <> 'p'
                   WHERE oprnamespace = 'pg_catalog'::regnamespace
                   UNION ALL
                   SELECT n, l, r FROM unnest('{=,<>,<,<=,>,>=,+,-,||}'::text[]) n,
                        unnest('{oid,int2,int4,int8,text,name,"\"char\"",regclass,regtype,xid,tid,jsonb}'::regtype[]) l,
                        unnest('{oid,int2,int4,int8,text,name,"\"char\"",regclass,regtype,xid,tid,jsonb}'::regtype[]) r) o
    LOOP
        IF to_regprocedure(format('trap.operator_of(%s, %s)', f.l, f.r)) IS NULL THEN
            EXECUTE format('CREATE FUNCTION trap.operator_of(%s, %s) RETURNS boolean ' || trapped, f.l, f.r, 'an operator');
        END IF;
        EXECUTE format('CREATE OPERATOR trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = trap.operator_of)', f.oprname, f.l, f.r);
    END LOOP;
END $$;
CREATE TABLE photos (id integer PRIMARY KEY, title text, small clip_vector(3), embedding clip_vector(512));
-- One is too long to be embedded.
INSERT INTO photos SELECT n, repeat('photo ', CASE n WHEN 1 THEN 20000 ELSE 1 END), ARRAY[1, n, 3]::clip_vector FROM generate_series(1, 3) n;
SELECT oid AS class FROM pg_opclass WHERE opcname = 'clip_cosine_ops' \gset
SET search_path = trap, pg_catalog, public;
SELECT 1 = 1::pg_catalog.oid;
SELECT lower('A');
CREATE INDEX photos_small ON photos USING clip_hnsw (small);
ANALYZE photos;
SELECT amvalidate FROM pg_catalog.amvalidate(:class);
SELECT clip_recall('photos_small', 2);
SELECT nodes FROM clip_index_info('photos_small');
SELECT missing, not_found FROM clip_index_check('photos_small', true, 1);
SELECT id FROM photos WHERE clip_within(small, '[1,1,3]', 0.01);
SELECT clip_auto_embed('photos', 'title', 'embedding', 'clip-mini', 'queue');
SELECT clip_column_model('photos', 'embedding');
SELECT clip_pg.count_pending('photos'::pg_catalog.regclass, 'title', 'embedding'), clip_pg.count_embedded('photos'::pg_catalog.regclass, 'title', 'embedding');
SELECT clip_pg.find_pending('photos'::pg_catalog.regclass, 'title', 'embedding', '(0,0)', 10);
CALL clip_backfill('photos', batch_size => 2);
SELECT message FROM clip_embed_errors;
SELECT clip_pg.find_pending('photos'::pg_catalog.regclass, 'title', 'embedding', '(0,0)', 10);
SELECT embedded, pending, failed FROM clip_embed_status;
UPDATE photos SET title = 'another', embedding = NULL;
CALL clip_work_queue();
SELECT message FROM clip_embed_errors;
SELECT embedded, pending, failed FROM clip_embed_status;
SELECT total FROM clip_backfill_progress;
SELECT name FROM clip_models;
SELECT clip_pg.is_of_other_model('photos'::pg_catalog.regclass, 'title', 'embedding', NULL, NULL, 'clip-mini');
SELECT clip_auto_embed_remove('photos', 'embedding');
RESET search_path;
SET client_min_messages = error;
DROP SCHEMA trap, owned, lure CASCADE;
DROP TABLE ran, photos;
DROP ROLE regress_clip_owner, regress_clip_monitor;
