-- What becomes of embeddings as clients write whole rows back, rows move between partitions, and sources are read by others.
\pset null '-'
\i outcome.sql

-- A row, the vector it has: of its title, of another title, set by hand, or none.
CREATE TABLE posts (id integer PRIMARY KEY, title text, author text, embedding clip_vector(512),
    length integer GENERATED ALWAYS AS (length(title)) STORED);
CREATE FUNCTION pg_temp.vector_of(title text, embedding clip_vector) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN embedding IS NULL THEN 'none' WHEN clip_similarity(embedding, clip_embed_text(title, 'clip-mini')) > 0.999 THEN 'its own'
        WHEN clip_similarity(embedding, clip_embed_text('by hand', 'clip-mini')) > 0.999 THEN 'by hand' ELSE 'another' END
$$;
CREATE TEMP VIEW state AS SELECT id, title, author, pg_temp.vector_of(title, embedding) AS vector FROM posts;
SELECT clip_embed_text('by hand', 'clip-mini') AS by_hand, clip_embed_text('an old title', 'clip-mini') AS stale \gset

-- With the source unchanged, NULL and a stale vector that come with other columns change nothing, in either mode.
SELECT clip_auto_embed('posts', 'title', 'embedding', 'clip-mini');
INSERT INTO posts VALUES (1, 'a red bus', 'a');
UPDATE posts SET title = 'a red bus', author = 'b', embedding = NULL WHERE id = 1;
SELECT * FROM state;
UPDATE posts SET embedding = NULL;
SELECT * FROM state;
UPDATE posts SET author = 'c', embedding = :'stale' WHERE id = 1;
SELECT * FROM state;
UPDATE posts SET title = 'a red ' || 'bus', author = 'd', embedding = (SELECT embedding FROM posts WHERE id = 1) WHERE id = 1;
SELECT * FROM state;
-- A warning for each statement, not for each row.
INSERT INTO posts VALUES (2, 'a blue bus'), (3, 'a green bus');
UPDATE posts SET author = 'e', embedding = :'stale';
SELECT * FROM state ORDER BY id;

-- A changed source is embedded, whatever comes with it.
UPDATE posts SET title = 'snow', embedding = :'stale' WHERE id = 1;
UPDATE posts SET title = 'rain', embedding = NULL WHERE id = 2;
UPDATE posts SET title = 'fog', embedding = embedding WHERE id = 3;
SELECT * FROM state ORDER BY id;

-- Set alone, a vector is set, and stays in other updates, until the source changes.
UPDATE posts SET embedding = :'by_hand' WHERE id = 1;
UPDATE posts SET title = title, author = 'f', embedding = NULL WHERE id = 1;
SELECT * FROM state WHERE id = 1;
UPDATE posts SET author = 'f', embedding = embedding WHERE id = 1;
SELECT * FROM state WHERE id = 1;
UPDATE posts SET title = 'hail' WHERE id = 1;
SELECT * FROM state WHERE id = 1;
-- Also by another trigger.
CREATE FUNCTION set_by_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.embedding := clip_embed_text('by hand', 'clip-mini');
    RETURN NEW;
END $$;
CREATE TRIGGER set_by_trigger BEFORE UPDATE ON posts FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION set_by_trigger();
UPDATE posts SET author = 'g' WHERE id = 2;
SELECT * FROM state WHERE id = 2;
DROP TRIGGER set_by_trigger ON posts;

-- Upserts: the row in conflict has been embedded, but for its own title.
INSERT INTO posts VALUES (3, 'a meadow', 'h') ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding;
INSERT INTO posts VALUES (2, 'a pond', 'h') ON CONFLICT (id) DO UPDATE SET author = excluded.author, embedding = excluded.embedding;
INSERT INTO posts VALUES (1, 'a pond', 'h') ON CONFLICT (id) DO UPDATE SET title = excluded.title, embedding = excluded.embedding;
SELECT * FROM state ORDER BY id;
INSERT INTO posts VALUES (3, 'a meadow', 'h') ON CONFLICT (id) DO UPDATE SET embedding = :'by_hand';
SELECT * FROM state WHERE id = 3;

-- MERGE, where there is one, and what does the same elsewhere.
CREATE TABLE staged AS SELECT id, title, 'i' AS author, clip_embed_text('an old title', 'clip-mini') AS embedding FROM posts;
UPDATE staged SET title = 'a hill' WHERE id = 3;
SELECT pg_temp.outcome(CASE WHEN current_setting('server_version_num')::integer >= 150000
    THEN 'MERGE INTO posts p USING staged s ON s.id = p.id WHEN MATCHED THEN UPDATE SET' ELSE 'UPDATE posts p SET' END
    || ' title = s.title, author = s.author, embedding = s.embedding'
    || CASE WHEN current_setting('server_version_num')::integer >= 150000 THEN '' ELSE ' FROM staged s WHERE s.id = p.id' END);
SELECT * FROM state ORDER BY id;

-- COPY is made of INSERTs.
CREATE TABLE copied (title text, embedding clip_vector);
SELECT clip_auto_embed('copied', 'title', 'embedding', 'clip-mini');
COPY copied FROM stdin;
a red bus	[1,2,3]
a blue bus	\N
\.
SELECT pg_temp.vector_of(title, embedding) FROM copied;
DROP TABLE copied;

-- The same in mode queue.
SELECT clip_auto_embed_remove('posts', 'embedding');
UPDATE posts SET embedding = clip_embed_text(title, 'clip-mini');
SELECT clip_auto_embed('posts', 'title', 'embedding', 'clip-mini', 'queue');
UPDATE posts SET title = title, author = 'j', embedding = NULL;
UPDATE posts SET embedding = NULL WHERE id = 1;
SELECT * FROM state ORDER BY id;
UPDATE posts SET author = 'k', embedding = :'stale' WHERE id = 1;
UPDATE posts SET embedding = :'by_hand' WHERE id = 2;
INSERT INTO posts VALUES (3, 'a meadow', 'k') ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding;
SELECT * FROM state ORDER BY id;
UPDATE posts SET title = 'a lake', author = 'l', embedding = embedding WHERE id = 1;
-- What is pending stays so.
UPDATE posts SET author = 'm', embedding = :'stale' WHERE id = 1;
SELECT * FROM state ORDER BY id;
CALL clip_work_queue();
SELECT * FROM state ORDER BY id;

-- To be embedded again, by who may update the rows.
CREATE ROLE regress_clip_writer;
CREATE ROLE regress_clip_owner;
GRANT SELECT, UPDATE ON posts TO regress_clip_writer;
ALTER TABLE posts OWNER TO regress_clip_owner;
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON posts USING (id > 1);
SET ROLE regress_clip_writer;
SELECT clip_mark_pending('posts', 'embedding');
SELECT pg_temp.outcome($$SELECT clip_mark_pending('posts', 'title')$$);
RESET ROLE;
SELECT * FROM state ORDER BY id;
CALL clip_work_queue();
SELECT * FROM state ORDER BY id;
SELECT clip_mark_pending('posts', 'embedding', 'id = 1 -- the first');
SELECT pg_temp.outcome($$SELECT clip_mark_pending('posts', 'embedding', 'id = 1/0')$$);
SELECT pg_temp.outcome(format($$SELECT clip_mark_pending('posts', 'embedding', %L)$$, condition))
FROM unnest('{true); COMMIT; SELECT (1,true); DELETE FROM posts WHERE (true,true) --,id =}'::text[]) condition;
UPDATE posts SET embedding = NULL WHERE id = 2;
SELECT * FROM state ORDER BY id;
REVOKE UPDATE ON posts FROM regress_clip_writer;
SET ROLE regress_clip_writer;
SELECT pg_temp.outcome($$SELECT clip_mark_pending('posts', 'embedding')$$);
RESET ROLE;
SELECT clip_auto_embed_remove('posts', 'embedding');
SELECT clip_auto_embed('posts', 'title', 'embedding', 'clip-mini');
SELECT clip_mark_pending('posts', 'embedding', 'id < 3');
SELECT * FROM state ORDER BY id;
CALL clip_backfill('posts');
SELECT * FROM state ORDER BY id;
-- Without a source there is nothing to mark.
UPDATE posts SET title = NULL WHERE id = 1;
SELECT clip_mark_pending('posts', 'embedding');
SELECT * FROM state WHERE id = 1;
DROP VIEW state;
DROP TABLE posts, staged;
DROP FUNCTION set_by_trigger;

-- A row that moves to another partition takes its vector along, in either mode and be it none.
CREATE TABLE tickets (id integer, state text, dropped text, note text, v clip_vector(512), more text, w clip_vector(512)) PARTITION BY LIST (state);
ALTER TABLE tickets DROP dropped;
CREATE TABLE tickets_open PARTITION OF tickets FOR VALUES IN ('open');
CREATE TABLE tickets_done (w clip_vector(512), v clip_vector(512), note text, more text, state text, id integer);
ALTER TABLE tickets ATTACH PARTITION tickets_done FOR VALUES IN ('done');
CREATE TABLE tickets_old PARTITION OF tickets FOR VALUES IN ('old', 'older') PARTITION BY LIST (state);
CREATE TABLE tickets_old_1 PARTITION OF tickets_old FOR VALUES IN ('old');
CREATE TABLE tickets_old_2 PARTITION OF tickets_old FOR VALUES IN ('older');
ALTER TABLE tickets_open ALTER note SET STORAGE EXTERNAL;
SELECT clip_auto_embed('tickets', 'note', 'v', 'clip-mini', 'queue');
SELECT clip_auto_embed('tickets', 'more', 'w', 'clip-mini');
INSERT INTO tickets SELECT n, 'open', repeat('note ' || n || ' ', CASE n WHEN 2 THEN 1000 ELSE 1 END), NULL, 'more ' || n FROM generate_series(1, 6) n;
CALL clip_backfill('tickets', 'v');
INSERT INTO tickets VALUES (7, 'open', 'note 7', NULL, NULL);
UPDATE tickets SET v = :'by_hand' WHERE id = 3;
UPDATE tickets SET w = :'by_hand' WHERE id = 4;
CREATE TEMP VIEW state AS
SELECT tableoid::regclass AS partition, id, pg_temp.vector_of(note, v) AS v, pg_temp.vector_of(more, w) AS w FROM tickets;
UPDATE tickets SET state = 'done' WHERE id <= 5 OR id = 7;
SELECT * FROM state ORDER BY id;
-- Also with what whole rows bring, from level to level, and with a source that changes.
UPDATE tickets SET state = 'old', note = note || '', v = NULL, w = NULL WHERE id <= 4;
UPDATE tickets SET state = 'older', note = 'a note' WHERE id = 2;
UPDATE tickets SET state = 'older', more = 'even more', w = :'stale' WHERE id = 4;
UPDATE tickets SET state = 'older', v = :'stale' WHERE id = 1;
SELECT * FROM state ORDER BY id;
-- Other triggers may run commands on the same tables meanwhile, and write what they want.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET state = CASE state WHEN 'done' THEN 'open' ELSE 'done' END WHERE id IN (5, 6);
    INSERT INTO tickets VALUES (OLD.id + 100, 'open', OLD.note, OLD.v, OLD.more, OLD.w);
    RETURN OLD;
END $$;
CREATE TRIGGER meddle BEFORE DELETE ON tickets_old_1 FOR EACH ROW EXECUTE FUNCTION meddle();
UPDATE tickets SET state = 'open' WHERE id = 3;
SELECT * FROM state ORDER BY id;
DROP TRIGGER meddle ON tickets_old_1;
-- A vector comes with an INSERT that is part of the command, but not with the row.
WITH moved AS (UPDATE tickets SET state = 'done' WHERE id = 3 RETURNING *)
INSERT INTO tickets SELECT id + 200, 'open', note, v, more, w FROM moved;
SELECT pg_temp.outcome(CASE WHEN current_setting('server_version_num')::integer >= 150000
    THEN 'MERGE INTO tickets t USING (VALUES (3)) s (id) ON s.id = t.id WHEN MATCHED THEN UPDATE SET state = ''old'''
    ELSE 'UPDATE tickets SET state = ''old'' WHERE id = 3' END);
SELECT * FROM state WHERE id IN (3, 203) ORDER BY id;
-- Marked rows of one partition, and of all.
SELECT clip_mark_pending('tickets_old', 'v'), clip_mark_pending('tickets', 'w', 'id = 203');
SELECT * FROM state WHERE id <= 4 OR id = 203 ORDER BY id;
DROP VIEW state;
-- Partitions that have models of their own.
CREATE TABLE letters (id integer, note text, v clip_vector(512)) PARTITION BY RANGE (id);
CREATE TABLE letters_1 PARTITION OF letters FOR VALUES FROM (0) TO (10);
CREATE TABLE letters_2 PARTITION OF letters FOR VALUES FROM (10) TO (20);
SELECT clip_auto_embed('letters_1', 'note', 'v', 'clip-mini', 'queue');
SELECT clip_auto_embed('letters_2', 'note', 'v', 'clip-mini');
INSERT INTO letters VALUES (1, 'a letter'), (2, 'another letter');
UPDATE letters SET v = :'by_hand' WHERE id = 2;
UPDATE letters SET id = id + 10;
SELECT id, pg_temp.vector_of(note, v) FROM letters ORDER BY id;
DROP TABLE tickets, letters;
DROP FUNCTION meddle;

-- A large object is read with the rights of whoever writes the row, or later with the owner's: others' rows do not wait.
SELECT lo_from_bytea(0, '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b') AS private,
    lo_from_bytea(0, '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b') AS open \gset
GRANT SELECT ON LARGE OBJECT :open TO regress_clip_writer;
ALTER LARGE OBJECT :private OWNER TO regress_clip_owner;
ALTER LARGE OBJECT :open OWNER TO regress_clip_owner;
CREATE TABLE scans (id integer PRIMARY KEY, image oid, vector clip_vector, note text);
ALTER TABLE scans OWNER TO regress_clip_owner;
GRANT INSERT, SELECT, UPDATE ON scans TO regress_clip_writer;
SELECT clip_auto_embed('scans', 'image', 'vector', 'clip-mini', 'queue');
SET ROLE regress_clip_writer;
SELECT regexp_replace(pg_temp.outcome(format('INSERT INTO scans VALUES (1, %s)', lo)), 'object \d+', 'object OID') FROM unnest(ARRAY[:private, 4000000000::oid]) lo;
INSERT INTO scans VALUES (2, :open);
SELECT regexp_replace(pg_temp.outcome('UPDATE scans SET image = ' || :private), 'object \d+', 'object OID');
UPDATE scans SET note = 'a note', vector = NULL;
SELECT clip_mark_pending('scans', 'vector');
SELECT id, vector IS NOT NULL AS embedded FROM scans ORDER BY id;
SET ROLE regress_clip_owner;
INSERT INTO scans VALUES (3, :private), (4, 4000000000);
SELECT id, vector IS NOT NULL AS embedded FROM scans ORDER BY id;
RESET ROLE;
CALL clip_work_queue();
SELECT id, vector IS NOT NULL AS embedded FROM scans ORDER BY id;
SELECT key, sqlstate, message FROM clip_embed_errors WHERE relation = 'scans'::regclass;

-- Contents that change in place are not seen, until the row is marked.
SELECT lo_put(:private, 0, lo_get(:open));
UPDATE scans SET image = image;
SELECT id, vector = clip_embed_image(lo_get(image), 'clip-mini') AS current FROM scans WHERE id = 3;
SELECT clip_mark_pending('scans', 'vector', 'id = 3');
CALL clip_work_queue();
SELECT id, vector = clip_embed_image(lo_get(image), 'clip-mini') AS current FROM scans WHERE id = 3;
SELECT lo_unlink(lo) FROM unnest(ARRAY[:private, :open]) lo;
DROP TABLE scans;
DROP ROLE regress_clip_owner, regress_clip_writer;

-- A broken image that comes from another server does not stop what comes after it.
CREATE TABLE replica (id integer PRIMARY KEY, image bytea, vector clip_vector);
SELECT clip_auto_embed('replica', 'image', 'vector', 'clip-mini');
SET session_replication_role = replica;
INSERT INTO replica VALUES (1, '\x00');
RESET session_replication_role;
SELECT id, vector FROM replica;
SELECT pg_temp.outcome($$INSERT INTO replica VALUES (2, '\x00')$$);
CALL clip_backfill('replica');
SELECT key, sqlstate FROM clip_embed_errors WHERE relation = 'replica'::regclass;
DROP TABLE replica;
