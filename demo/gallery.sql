-- Writes the page: one row of pictures for each search, the classification, then everything in the table.
-- Thumbnails are data: URLs, so that the page needs nothing beside it. :'query' is the path of the picture to search by.
CREATE FUNCTION pg_temp.html(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN
    replace(replace(replace(replace($1, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;');

CREATE TEMP VIEW card AS
SELECT id, path, embedding,
       'data:image/jpeg;base64,' || translate(encode(clip_thumbnail(image, 320), 'base64'), E'\n', '') AS thumbnail
FROM photos;

CREATE TEMP TABLE searches AS
SELECT * FROM (VALUES
    (1, 'Words',   'a photo of a cat', clip_embed_text('a photo of a cat'),
        'ORDER BY embedding <=> (SELECT clip_embed_text(''a photo of a cat''))'),
    (2, 'Words',   'a man taking a photograph',  clip_embed_text('a man taking a photograph'),
        'ORDER BY embedding <=> (SELECT clip_embed_text(''a man taking a photograph''))'),
    (3, 'Words',   'a page of printed text',  clip_embed_text('a page of printed text'),
        'ORDER BY embedding <=> (SELECT clip_embed_text(''a page of printed text''))'),
    (4, 'Picture', 'like ' || :'query',           (SELECT embedding FROM photos WHERE path = :'query'),
        format('ORDER BY embedding <=> (SELECT embedding FROM photos WHERE path = %L)', :'query')),
    (5, 'Picture and words', 'the best cat + a motorcycle − a cat',
        (SELECT clip_query(images => ARRAY[image], texts => '{a motorcycle}', minus_texts => '{a cat}', weights => '{2,1,1}')
         FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a photo of a cat')) LIMIT 1),
        'ORDER BY embedding <=> clip_query(images => ARRAY[image], texts => ''{a motorcycle}'', minus_texts => ''{a cat}'', weights => ''{2,1,1}'')')
) s(n, kind, title, q, sql);

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
section { margin: 44px 0 } h2 { font-size: 21px; margin: 0 0 12px; letter-spacing: -.01em }
.kind { color: var(--accent); font-size: 12.5px; font-weight: 600; text-transform: uppercase; letter-spacing: .08em }
code { display: block; overflow-x: auto; background: var(--tint); border-radius: 6px; padding: 8px 12px; margin: 8px 0 16px; font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 16px }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden }
figure img { display: block; width: 100%; height: 168px; object-fit: contain; background: var(--tint) }
figcaption { padding: 8px 12px 10px; font-size: 13.5px; overflow-wrap: anywhere } figcaption b { font-weight: 600 }
.score { display: flex; align-items: center; gap: 8px; color: var(--soft); font-variant-numeric: tabular-nums; font-size: 12.5px }
.bar { flex: 1; height: 5px; border-radius: 3px; background: var(--line); overflow: hidden } .bar i { display: block; height: 100%; background: var(--accent) }
footer { color: var(--soft); font-size: 13.5px; padding-bottom: 48px; border-top: 1px solid var(--line); padding-top: 16px }
</style></head><body>
<header><h1>A collection, searched in SQL</h1>
<p>$html$ || count(*) || ' pictures in the table <b>photos</b>, embedded by ' || pg_temp.html(current_setting('clip_pg.model'))
   || ' inside PostgreSQL ' || current_setting('server_version') || '. Scores are cosine similarities.</p></header><main>'
FROM photos;

SELECT '<section><span class="kind">' || kind || '</span><h2>' || pg_temp.html(title) || '</h2><code>SELECT … FROM photos '
       || pg_temp.html(sql) || ' LIMIT 5</code><div class="row">' || string_agg(format(
           '<figure><img alt="%1$s" src="%2$s"><figcaption><b>%1$s</b><div class="score"><span class="bar"><i style="width:%3$s%%"></i></span>%4$s</div></figcaption></figure>',
           pg_temp.html(path), thumbnail, greatest(0, round(similarity * 100)), to_char(similarity, 'FM0.000')), '' ORDER BY similarity DESC)
       || '</div></section>'
FROM searches, LATERAL (SELECT path, thumbnail, clip_similarity(embedding, q)::numeric AS similarity
                        FROM card ORDER BY embedding <=> q LIMIT 5) s
GROUP BY n, kind, title, sql ORDER BY n;

SELECT '<section><span class="kind">Zero-shot classification</span><h2>The likeliest of eight labels</h2>'
       || '<code>SELECT * FROM clip_classify(embedding, ''{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}'')</code><div class="row">'
       || string_agg(format(
           '<figure><img alt="%1$s" src="%2$s"><figcaption><b>%3$s</b> %1$s<div class="score"><span class="bar"><i style="width:%4$s%%"></i></span>%4$s %%</div></figcaption></figure>',
           pg_temp.html(path), thumbnail, pg_temp.html(label), round(probability::numeric * 100)), '' ORDER BY probability DESC)
       || '</div></section>'
FROM (SELECT * FROM card, LATERAL (SELECT * FROM clip_classify(embedding, '{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}')
                                   ORDER BY probability DESC LIMIT 1) c
      ORDER BY probability DESC LIMIT 10) s;

SELECT '<section><span class="kind">Everything</span><h2>The first ' || count(*) || ' pictures of the table</h2><div class="row">'
       || string_agg(format('<figure><img alt="%1$s" src="%2$s"><figcaption>%1$s</figcaption></figure>', pg_temp.html(path), thumbnail), '' ORDER BY id)
       || '</div></section></main><footer>Made by clip_pg ' || (SELECT extversion FROM pg_extension WHERE extname = 'clip_pg')
       || '. clip-mini is a small model for trying out; register a CLIP checkpoint of your own for real work.</footer></body></html>'
FROM (SELECT * FROM card ORDER BY id LIMIT 40) s;
