-- Names beyond ASCII in databases of other encodings: all statements are made of them.
SELECT current_database() AS here \gset
CREATE DATABASE regress_clip_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_clip_euc_jp TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C';

\c regress_clip_latin1
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION clip_pg;
CREATE SCHEMA "Würfel";
CREATE TABLE "Würfel"."größe" ("schlüssel" integer PRIMARY KEY, "straße" text, "vektör" clip_vector(512));
INSERT INTO "Würfel"."größe" VALUES (1, 'a cafe'), (2, 'un café'), (3, repeat('é', 40000));
SELECT clip_auto_embed('"Würfel"."größe"', 'straße', 'vektör');
INSERT INTO "Würfel"."größe" VALUES (4, 'a red bus');
CALL clip_backfill('"Würfel"."größe"');
SELECT "schlüssel", "vektör" = clip_embed_text("straße") AS current FROM "Würfel"."größe" WHERE "schlüssel" <> 3 ORDER BY 1;
SELECT relation, target, key, sqlstate, message FROM clip_embed_errors;
SELECT relation, source, target, embedded, pending, failed FROM clip_embed_status;
SELECT clip_auto_embed_remove('"Würfel"."größe"', 'vektör');
SELECT clip_auto_embed('"Würfel"."größe"', 'straße', 'vektör', mode => 'queue');
UPDATE "Würfel"."größe" SET "straße" = 'été';
ALTER TABLE "Würfel"."größe" ADD CONSTRAINT "höchstens" CHECK ("schlüssel" < 4) NOT VALID;
CALL clip_work_queue();
SELECT "schlüssel", "vektör" = clip_embed_text("straße") AS current FROM "Würfel"."größe" ORDER BY 1;
SELECT key, sqlstate, message FROM clip_embed_errors;
ALTER TABLE "Würfel"."größe" DROP CONSTRAINT "höchstens";
CREATE FUNCTION "weigert"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'größer als % geht es nicht', 3; END $$;
CREATE TRIGGER "zögert" BEFORE UPDATE ON "Würfel"."größe" FOR EACH ROW WHEN (NEW."vektör" IS NOT NULL) EXECUTE FUNCTION "weigert"();
INSERT INTO "Würfel"."größe" VALUES (5, 'été');
CALL clip_work_queue();
SELECT key, sqlstate, message FROM clip_embed_errors ORDER BY key;

-- Warnings are in the database's encoding.
CREATE TABLE "Blätter" ("größe" clip_vector(3));
CREATE INDEX "Größen" ON "Blätter" USING clip_hnsw ("größe");
INSERT INTO "Blätter" SELECT ARRAY[1, n, n % 7]::clip_vector FROM generate_series(1, 2000) n;
SET clip_pg.exact_fallback = off;
SET clip_pg.max_scan_tuples = 100;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT FROM "Blätter" WHERE "größe" + "größe" = '[0,0,0]' ORDER BY "größe" <=> '[1,1,1]' LIMIT 5) n;
SELECT c, clip_confusion_table(c) FROM (SELECT clip_confusion('Würfel', 'größe') AS c) s;
-- Nor is a classifier taken that could not be shown.
SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "\u00e9t\u00e9", "vector": [1]}]}'::clip_classifier;
SELECT '{"version": 1, "activation": "sigmoid", "scale": 1, "classes": [{"label": "\u043b", "vector": [1]}]}'::clip_classifier;
SET clip_pg.query_template = 'café, {}';
SELECT clip_query(texts => '{été}') = clip_query(texts => '{"café, été"}', template => '') AS by_template;

\c regress_clip_euc_jp
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION clip_pg;
CREATE TABLE "絵画" ("番号" integer PRIMARY KEY, "題名" text, "ベクトル" clip_vector(512));
SELECT clip_auto_embed('"絵画"', '題名', 'ベクトル', mode => 'queue');
INSERT INTO "絵画" VALUES (1, '富士山'), (2, repeat('x', 100000));
CALL clip_backfill('"絵画"');
SELECT "番号", "ベクトル" = clip_embed_text('富士山') AS current FROM "絵画" ORDER BY 1;
SELECT relation, key, sqlstate, message FROM clip_embed_errors;
SELECT relation, source, target, embedded, pending, failed FROM clip_embed_status;
SELECT c, clip_confusion_table(c) FROM (SELECT clip_confusion('絵画', '番号') AS c) s;

\c :here
DROP DATABASE regress_clip_latin1;
DROP DATABASE regress_clip_euc_jp;
