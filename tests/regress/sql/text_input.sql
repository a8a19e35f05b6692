-- Texts of every kind that reach a model.
\pset null '-'
\i outcome.sql

CREATE FUNCTION pg_temp.is_embedding(v clip_vector) RETURNS boolean LANGUAGE sql
    RETURN vector_dims(v) = 512 AND vector_norm(v) BETWEEN 0.99 AND 1.01;

SELECT kind, length(text), pg_temp.is_embedding(clip_embed_text(text))
FROM (VALUES
    (1, 'empty', ''),
    (2, 'spaces', '   '),
    (3, 'control characters', E'a\u0001\u0007\u001b[31m cat\u007f\u0085'),
    (4, 'line ends', E'a\r\n\tcat'),
    (5, 'emoji', E'\U0001F408\u200D\u2B1B \U0001F468\u200D\U0001F469\u200D\U0001F467'),
    (6, 'no break, byte order mark', E'\u00A0\uFEFFcat\u2028'),
    (7, 'right to left', 'قطة على السجادة'),
    (8, 'CJK', '一只猫坐在垫子上'),
    (9, 'combining', E'cafe\u0301 ' || repeat(E'\u0301', 50)),
    (10, 'beyond Unicode''s first plane', E'\U0010FFFD'),
    (11, '10 000 characters', repeat('cat ', 2500)),
    (12, '10 000 characters without a space', repeat('x', 10000)),
    (13, '64 kB', repeat('x', 65536)),
    (14, 'markup', '<|startoftext|>a cat<|endoftext|> and a dog')
) t (n, kind, text) ORDER BY n;

-- Truncation keeps what comes first, and the end-of-text token that the embedding is read at.
SELECT clip_embed_text(repeat('cat ', 100)) = clip_embed_text(repeat('cat ', 2500)) AS same_beginning,
       clip_embed_text('dog ' || repeat('cat ', 2500)) = clip_embed_text(repeat('cat ', 2500)) AS other_beginning,
       clip_similarity(clip_embed_text(repeat('cat ', 2500)), clip_embed_text('cat cat cat')) > 0.5 AS still_a_cat;

-- Letter case and surrounding space do not count for CLIP.
SELECT clip_embed_text('A CAT') = clip_embed_text('a cat') AS letter_case,
       clip_embed_text(E'  a \n cat ') = clip_embed_text('a cat') AS space;

-- Beyond 64 kB is an error, measured in UTF-8.
SELECT pg_temp.outcome($$SELECT clip_embed_text(repeat('x', 65537))$$);
SELECT pg_temp.outcome($$SELECT clip_embed_text(repeat('é', 32769))$$);
SELECT pg_temp.outcome($$SELECT clip_embed_texts(ARRAY['a', repeat('x', 100000)])$$);
SELECT pg_temp.outcome($$SELECT clip_embed_text(repeat('x', 100000000))$$);
SELECT pg_temp.is_embedding(clip_embed_text('and on it goes'));

-- Another encoding: the same text is the same embedding; what has no place in UTF-8 is an error.
SELECT current_database() AS dbname, clip_embed_text('un café, s''il vous plaît') AS embedding \gset
CREATE DATABASE clip_pg_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE clip_pg_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;
\c clip_pg_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION clip_pg;
SELECT getdatabaseencoding(), :'embedding' = clip_embed_text('un café, s''il vous plaît') AS same,
       :'embedding' = (clip_embed_texts('{"un café, s''il vous plaît"}'))[1] AS same_in_array;
SELECT label, octet_length(label), octet_length(convert_to(label, 'UTF8'))
FROM clip_classify(clip_embed_text('un café'), clip_classifier('{thé,café}', templates => ARRAY['une tasse de {}'])) ORDER BY label;
SELECT clip_classifier('{thé,café}')::text::clip_classifier = clip_classifier('{thé,café}') AS text_form;
\c clip_pg_ascii
CREATE EXTENSION clip_pg;
SELECT getdatabaseencoding(), vector_dims(clip_embed_text('a cup of coffee'));
\set VERBOSITY sqlstate
SELECT clip_embed_text(E'caf\351');
\c :dbname
DROP DATABASE clip_pg_latin1;
DROP DATABASE clip_pg_ascii;
