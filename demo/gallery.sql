-- Writes the page: one row of pictures for each search, the classification, then everything in the table.
-- Thumbnails are data: URLs, so that the page needs nothing beside it. :'query' is the path of the picture to search by.
CREATE FUNCTION pg_temp.html(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN
    replace(replace(replace(replace($1, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;');

CREATE TEMP VIEW card AS
SELECT id, path, embedding,
       'data:image/jpeg;base64,' || translate(encode(clip_thumbnail(image, 320), 'base64'), E'\n', '') AS thumbnail
FROM photos;

SELECT path AS cat FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a photo of a cat')) LIMIT 1 \gset

-- What is shown is what is run: a condition and the expression of the vector that is searched for.
CREATE TEMP TABLE searches AS
SELECT *, format(E'SELECT path FROM photos%s\nORDER BY embedding <=> (%s) LIMIT 4', ' ' || condition, query) AS sql
FROM (VALUES
    (1, 'Words', NULL, 'a photo of a cat', NULL,
        $$SELECT clip_embed_text('a photo of a cat')$$),
    (2, 'Words', NULL, 'a man taking a photograph', NULL,
        $$SELECT clip_embed_text('a man taking a photograph')$$),
    (3, 'Words', NULL, 'a page of printed text', NULL,
        $$SELECT clip_embed_text('a page of printed text')$$),
    (4, 'Picture', :'query', 'like ' || :'query', format('WHERE path <> %L', :'query'),
        format('SELECT embedding FROM photos WHERE path = %L', :'query')),
    (5, 'Picture and words', :'cat', :'cat' || ' + a motorcycle − a cat', NULL,
        format($$SELECT clip_query(
    images => ARRAY[image], texts => '{a motorcycle}', minus_texts => '{a cat}', weights => '{2,1,1}')
    FROM photos WHERE path = %L$$, :'cat'))
) s(n, kind, picture, title, condition, query);

CREATE FUNCTION pg_temp.found(condition text, query text) RETURNS TABLE (path text, similarity numeric) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT path, clip_similarity(embedding, q)::numeric FROM (%s) v(q), LATERAL (SELECT * FROM photos %s ORDER BY embedding <=> q LIMIT 4) s',
        query, condition);
END $$;

SELECT $html$<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>clip_pg: a collection searched in SQL</title>
<style>
:root { color-scheme: light dark; --ink: #1d2430; --soft: #697386; --line: #dfe3ea; --paper: #fbfbfa; --card: #fff; --accent: #2a6f97; --tint: #eaf2f7 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --soft: #9aa4b4; --line: #333a46; --paper: #14171c; --card: #1c2129; --accent: #7db9dd; --tint: #20303b } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px }
header { padding-top: 56px } header h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 8px } header p { color: var(--soft); margin: 0; max-width: 46em }
section { margin: 44px 0 } h2 { display: flex; align-items: center; gap: 10px; font-size: 21px; margin: 4px 0 12px; letter-spacing: -.01em; overflow-wrap: anywhere }
h2 img { width: 44px; height: 44px; object-fit: cover; border-radius: 8px }
.kind { color: var(--accent); font-size: 12.5px; font-weight: 600; text-transform: uppercase; letter-spacing: .08em }
code { display: block; overflow-x: auto; background: var(--tint); border-radius: 6px; padding: 8px 12px; margin: 8px 0 16px; font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap }
.row { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 16px } .small { grid-template-columns: repeat(7, minmax(0, 1fr)); gap: 12px }
@media (max-width: 760px) { .row { grid-template-columns: repeat(2, minmax(0, 1fr)) } .small { grid-template-columns: repeat(3, minmax(0, 1fr)) } }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden }
figure img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: contain; background: var(--tint) } .small img { aspect-ratio: 1 }
figcaption { padding: 8px 12px 10px; font-size: 13.5px; overflow-wrap: anywhere } figcaption > * { display: block } figcaption b { font-weight: 600 } .small figcaption { padding: 6px 8px; font-size: 12px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
figcaption .score { display: flex; align-items: center; gap: 8px; color: var(--soft); font-variant-numeric: tabular-nums; font-size: 12.5px }
.bar { flex: 1; height: 5px; border-radius: 3px; background: var(--line); overflow: hidden } .bar i { display: block; height: 100%; background: var(--accent) }
footer { color: var(--soft); font-size: 13.5px; padding-bottom: 48px; border-top: 1px solid var(--line); padding-top: 16px }
</style></head><body>
<header><h1>A collection, searched in SQL</h1>
<p>$html$ || count(*) || ' pictures in the table <b>photos</b>, embedded by ' || pg_temp.html(current_setting('clip_pg.model'))
   || ' inside PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) || '. Scores are cosine similarities.</p></header><main>'
FROM photos;

SELECT '<section><span class="kind">' || kind || '</span><h2>'
       || coalesce('<img alt="" src="' || (SELECT thumbnail FROM card WHERE path = picture) || '">', '') || pg_temp.html(title)
       || '</h2><code>' || pg_temp.html(sql) || '</code><div class="row">' || string_agg(format(
           '<figure><img alt="" src="%2$s"><figcaption><b>%1$s</b><div class="score"><span class="bar"><i style="width:%3$s%%"></i></span>%4$s</div></figcaption></figure>',
           pg_temp.html(path), thumbnail, greatest(0, round(similarity * 100)), to_char(similarity, 'FM0.000')), '' ORDER BY similarity DESC)
       || '</div></section>'
FROM searches, pg_temp.found(condition, query) JOIN card USING (path)
GROUP BY n, kind, picture, title, sql ORDER BY n;

SELECT '<section><span class="kind">Zero-shot classification</span><h2>The likeliest of eight labels</h2>'
       || '<code>SELECT path, label, probability FROM photos, LATERAL (
    SELECT * FROM clip_classify_embedding(embedding, ''{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}'')
    ORDER BY probability DESC LIMIT 1) c ORDER BY probability DESC LIMIT 8</code><div class="row">'
       || string_agg(format(
           '<figure><img alt="" src="%2$s"><figcaption><b>%3$s</b><span>%1$s</span><div class="score"><span class="bar"><i style="width:%4$s%%"></i></span>%4$s %%</div></figcaption></figure>',
           pg_temp.html(path), thumbnail, pg_temp.html(label), round(probability::numeric * 100)), '' ORDER BY probability DESC)
       || '</div></section>'
FROM (SELECT * FROM card, LATERAL (SELECT * FROM clip_classify_embedding(embedding, '{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}')
                                   ORDER BY probability DESC LIMIT 1) c
      ORDER BY probability DESC LIMIT 8) s;

SELECT '<section><span class="kind">Everything</span><h2>' || CASE WHEN count(*) = total THEN 'All ' || total ELSE format('The first %s of %s', count(*), total) END
       || ' pictures</h2><div class="row small">'
       || string_agg(format('<figure><img alt="" src="%2$s"><figcaption title="%1$s">%1$s</figcaption></figure>', pg_temp.html(path), thumbnail), '' ORDER BY id)
       || '</div></section></main><footer>Made by clip_pg ' || (SELECT extversion FROM pg_extension WHERE extname = 'clip_pg')
       || '. clip-mini is a small model for trying out; register a CLIP checkpoint of your own for real work.</footer></body></html>'
FROM (SELECT * FROM card ORDER BY id LIMIT 42) s, (SELECT count(*) AS total FROM photos) t
GROUP BY total;
