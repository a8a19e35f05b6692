-- clip_gallery: the rows of a query as a page of HTML.
\pset null '-'
\pset format unaligned
\pset tuples_only on

CREATE TEMP TABLE pictures (id integer PRIMARY KEY, image bytea, title text, score float8, url text);
INSERT INTO pictures VALUES
    (1, '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b', E'Red & <b>"blue"</b>\nParis, été 1900', 0.25, 'https://example.org/1?a=1&b=2'),
    (2, '\xffd8ffe0', 'It''s a jpeg', 0.5, 'javascript:alert(1)'),
    (3, '\x49492a0008000000', 'A TIFF', 12, 'files/3.tif'),
    (4, NULL, NULL, NULL, NULL);

-- A picture of each kind, in the order asked for; what is dangerous is text, or no link.
SELECT clip_gallery(image, title, score, url ORDER BY id) FROM pictures \gset page_
SELECT substring(:'page_clip_gallery' FROM '<header>.*');
SELECT strpos(:'page_clip_gallery', '<!doctype html>') AS doctype, :'page_clip_gallery' ~ 'style-src ''sha256-[A-Za-z0-9+/]{43}=''' AS policy,
       :'page_clip_gallery' ~ '<script|javascript:| style=' AS unsafe, :'page_clip_gallery' ~ '[^\x01-\x7f]' AS not_ascii;
SELECT array_agg(m[1]) FROM regexp_matches(
    (SELECT clip_gallery(image, title, score, url ORDER BY score DESC NULLS FIRST) FROM pictures), '(?:alt=|img" aria-label=)"([^"]*)"', 'g') m;

-- A title, the first that is not NULL, and sections, which begin where the argument changes.
SELECT substring(page FROM '<title>.*?</title>'), substring(page FROM '<header>.*?</header>')
FROM (SELECT clip_gallery(image, title, score, url, CASE WHEN id > 2 THEN E'Title ' || id || E'\nAnd what it <is>' END ORDER BY id) FROM pictures) s (page);
SELECT m[1] FROM regexp_matches((
    SELECT clip_gallery(NULL, title, NULL, NULL, 'T', section ORDER BY n)
    FROM (VALUES (1, 'a', NULL), (2, 'b', NULL), (3, 'c', E'Words\nSELECT 1 < 2;\n'), (4, 'd', E'Words\nSELECT 1 < 2;\n'), (5, 'e', ''), (6, 'f', 'Words'), (7, 'g', NULL)) v (n, title, section)),
    '(<section[^>]*>|<h2[^>]*>[^<]*|<code>[^<]*|<b>[^<]*|</section>)', 'g') m;

-- No rows, and numbers that are none.
SELECT substring(clip_gallery(image, title, score, url) FROM '<header>.*') FROM pictures WHERE false;
SELECT m[1] FROM regexp_matches((SELECT clip_gallery(NULL, NULL, score, NULL ORDER BY n)
    FROM unnest('{NaN,Infinity,-Infinity,0,1,-0.25,1e-9,1e300}'::float8[]) WITH ORDINALITY u (score, n)), 'Score </span>(.*?)</p>', 'g') m;

-- In groups, in windows, and with many rows.
SELECT id % 2 AS odd, length(clip_gallery(image, title, score, url)) > 1000 AS page FROM pictures GROUP BY 1 ORDER BY 1;
SELECT id, array_length(regexp_split_to_array(clip_gallery(image, title, score, url) OVER (ORDER BY id), '<figure>'), 1) - 1 AS pictures
FROM pictures ORDER BY id;
SELECT array_length(regexp_split_to_array(clip_gallery(NULL, n::text, NULL, NULL, 'T', 's' || n / 100 ORDER BY n), '<figure>'), 1) - 1 AS pictures,
       array_length(regexp_split_to_array(clip_gallery(NULL, n::text, NULL, NULL, 'T', 's' || n / 100 ORDER BY n), '<section'), 1) - 1 AS sections
FROM generate_series(1, 1000) n;

-- A text that is longer than anybody reads.
\i outcome.sql
SELECT pg_temp.outcome($$SELECT clip_gallery(NULL, repeat('<', 1048577), NULL, NULL)$$);

-- How they are declared.
SELECT oid::regprocedure, prokind, provolatile, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described
FROM pg_proc WHERE proname LIKE 'clip\_gallery%' ORDER BY oid::regprocedure::text COLLATE "C";
