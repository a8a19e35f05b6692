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
SELECT name, dimensions, image_size, context_length, logit_scale, loaded FROM clip_models;

\echo '### Text queries'
SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM clip_embed_text('a cat looking at the camera') q,
     LATERAL (SELECT * FROM photos ORDER BY embedding <=> q LIMIT 4) s;

SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM clip_embed_text('a cup of coffee on a table') q,
     LATERAL (SELECT * FROM photos ORDER BY embedding <=> q LIMIT 4) s;

SELECT path FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('a rocket on its launch pad')) LIMIT 4;

\echo '### By picture: which others look like it'
SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM (SELECT embedding FROM photos WHERE path = :'query') p(q),
     LATERAL (SELECT * FROM photos WHERE path <> :'query' ORDER BY embedding <=> q LIMIT 4) s;

\echo '### A picture, plus words, minus words'
SELECT path, round(clip_similarity(embedding, q)::numeric, 3) AS similarity
FROM (SELECT clip_query(texts => '{a photo of an animal}', minus_texts => '{a motorcycle}',
                        images => ARRAY(SELECT image FROM photos WHERE path = :'query'))) p(q),
     LATERAL (SELECT * FROM photos ORDER BY embedding <=> q LIMIT 4) s;

\echo '### Zero-shot classification: the likeliest label of each picture'
SELECT path, label, round(probability::numeric, 3) AS probability
FROM photos,
     LATERAL (SELECT * FROM clip_classify(embedding, '{cat,horse,person,motorcycle,rocket,cup of coffee,page of text,night sky,wall}')
              ORDER BY probability DESC LIMIT 1) c
ORDER BY probability DESC LIMIT 12;
