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
SELECT key, sqlstate FROM clip_embed_errors;
SELECT c, clip_confusion_table(c) FROM (SELECT clip_confusion('Würfel', 'größe') AS c) s;
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
