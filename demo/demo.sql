-- What a person would type, and what comes back. :'query' is the path of the picture to search by.
\pset footer off
\pset null '-'
\set ECHO queries

\echo
\echo '### The table: one picture a row; its embedding is computed as the row is written'
\d photos
SELECT count(*) AS pictures, pg_size_pretty(sum(length(image))) AS images,
       min(vector_dims(embedding)) AS dimensions, pg_size_pretty(sum(pg_column_size(embedding))) AS embeddings
FROM photos;

\echo '### The model that ran'
SELECT name, dimensions, image_size, context_length, built_in FROM clip_models;

\echo '### Text queries'
SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM clip_embed_text('a photo of a cat') q,
     LATERAL (SELECT * FROM photos ORDER BY embedding <=> q LIMIT 4) s;

SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM clip_embed_text('a man taking a photograph') q,
     LATERAL (SELECT * FROM photos ORDER BY embedding <=> q LIMIT 4) s;

SELECT path FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a page of printed text')) LIMIT 4;

\echo '### By picture: which others look like it'
SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM (SELECT embedding FROM photos WHERE path = :'query') p(q),
     LATERAL (SELECT * FROM photos WHERE path <> :'query' ORDER BY embedding <=> q LIMIT 4) s;

\echo '### A picture, plus words, minus words: the best cat, as a motorcycle'
SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM (SELECT clip_query(images => ARRAY[image], texts => '{a motorcycle}', minus_texts => '{a cat}', weights => '{2,1,1}')
      FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a photo of a cat')) LIMIT 1) p(q),
     LATERAL (SELECT * FROM photos ORDER BY embedding <=> q LIMIT 4) s;

\echo '### Zero-shot classification: the likeliest label of each picture'
SELECT path, label, round(probability::numeric, 3) AS probability
FROM photos, clip_classify(embedding, (SELECT clip_classifier('{cat,man,astronaut,motorcycle,rocket,printed page,grass,brick wall}')), top_k => 1)
ORDER BY probability DESC LIMIT 10;
