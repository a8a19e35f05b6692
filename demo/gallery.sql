-- Writes the page: one row of pictures for each search, the classification, then everything in the table.
-- Thumbnails are part of the page, so that it needs nothing beside it. :'query' is the path of the picture to search by.
SELECT path AS cat FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a photo of a cat')) LIMIT 1 \gset

-- What is shown is what is run: a condition and the expression of the vector that is searched for.
CREATE TEMP TABLE searches AS
SELECT *, format(E'SELECT path FROM photos%s\nORDER BY embedding <=> (%s) LIMIT %s', ' ' || condition, query, rows) AS sql
FROM (SELECT *, CASE WHEN picture IS NULL THEN 4 ELSE 3 END AS rows FROM (VALUES
    (1, 'Words: a photo of a cat', NULL, NULL,
        $$SELECT clip_embed_text('a photo of a cat')$$),
    (2, 'Words: a man taking a photograph', NULL, NULL,
        $$SELECT clip_embed_text('a man taking a photograph')$$),
    (3, 'Words: a page of printed text', NULL, NULL,
        $$SELECT clip_embed_text('a page of printed text')$$),
    (4, 'Picture: like ' || :'query', :'query', format('WHERE path <> %L', :'query'),
        format('SELECT embedding FROM photos WHERE path = %L', :'query')),
    (5, 'Picture and words: ' || :'cat' || ' + a motorcycle − a cat', :'cat', NULL,
        format($$SELECT clip_query(
    images => ARRAY[image], texts => '{a motorcycle}', minus_texts => '{a cat}', weights => '{2,1,1}')
    FROM photos WHERE path = %L$$, :'cat'))
) v(n, heading, picture, condition, query)) s;

CREATE FUNCTION pg_temp.found(condition text, query text, rows integer) RETURNS TABLE (path text, similarity float8) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT path, clip_similarity(embedding, q) FROM (%s) v(q), LATERAL (SELECT * FROM photos %s ORDER BY embedding <=> q LIMIT %s) s',
        query, condition, rows);
END $$;

SELECT clip_gallery(clip_thumbnail(image, 320), caption, score, NULL, title, section ORDER BY part, score DESC NULLS FIRST, id)
FROM (
    SELECT n AS part, path, concat_ws(E'\n', path, CASE WHEN similarity IS NULL THEN 'searched by' END) AS caption,
           similarity AS score, heading || E'\n' || sql AS section
    FROM searches, LATERAL (SELECT * FROM pg_temp.found(condition, query, rows)
                            UNION ALL SELECT picture, NULL WHERE picture IS NOT NULL) f
    UNION ALL
    (SELECT 6, path, label || E'\n' || path, probability,
           $$Zero-shot classification: the likeliest of eight labels
SELECT path, label, probability FROM photos, clip_classify(embedding,
    (SELECT clip_classifier('{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}')), top_k => 1) ORDER BY probability DESC LIMIT 8$$
    FROM photos, clip_classify(embedding,
        (SELECT clip_classifier('{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}')), top_k => 1) ORDER BY probability DESC LIMIT 8)
    UNION ALL
    (SELECT 7, path, path, NULL, CASE WHEN total > 42 THEN 'The first 42 of ' || total ELSE 'All ' || total END || ' pictures'
     FROM photos, (SELECT count(*) AS total FROM photos) t ORDER BY id LIMIT 42)
) s JOIN photos USING (path),
(SELECT format(E'A collection, searched in SQL\n%s pictures in the table photos, embedded by %s inside PostgreSQL %s. Scores are cosine similarities, those of labels probabilities. '
               'clip-mini is a small model for trying out; register a CLIP checkpoint of your own for real work.',
               count(*), current_setting('clip_pg.model'), split_part(current_setting('server_version'), ' ', 1)) AS title
 FROM photos) t;
