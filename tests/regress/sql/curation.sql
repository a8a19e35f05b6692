-- Labels, clusters and feedback: what is learned from embeddings.
\pset null '-'
\i outcome.sql
\i plan.sql

-- Three kinds of pictures around a common direction, 40 each, in 8 dimensions.
CREATE TABLE pictures (id int PRIMARY KEY, kind text, embedding clip_vector(8));
INSERT INTO pictures
SELECT i, kinds[1 + i % 3], array_agg(2 + CASE WHEN j = i % 3 THEN 3 ELSE 0 END + ((i * 7919 + j * 104729 + i * j * 31) % 101 - 50) / 40.0 ORDER BY j)::clip_vector
FROM generate_series(1, 120) i, generate_series(0, 7) j, (VALUES ('{map,photo,text}'::text[])) k (kinds) GROUP BY i, kinds;

-- A linear probe and centroids, taught by half and asked about the other half; the two find all.
CREATE TABLE classifiers AS
SELECT clip_train(kind, embedding) AS probe, clip_centroids(kind, embedding) AS centroids FROM pictures WHERE id <= 60;
SELECT count(*), count(*) FILTER (WHERE clip_label(embedding, probe) = kind) AS probe,
       count(*) FILTER (WHERE clip_label(embedding, centroids) = kind) AS centroids
FROM pictures, classifiers WHERE id > 60;

-- Labels are in order, whatever that of the rows was, and so is all the rest.
SELECT label, round(probability::numeric, 1) AS probability
FROM classifiers, clip_classify((SELECT embedding FROM pictures WHERE id = 61), probe) ORDER BY label;
SELECT label, round(similarity::numeric, 2) AS similarity
FROM classifiers, clip_classify((SELECT embedding FROM pictures WHERE id = 61), centroids) ORDER BY label;
SELECT clip_train(kind, embedding ORDER BY id)::text = clip_train(kind, embedding ORDER BY id DESC)::text AS train,
       clip_kmeans(embedding, 3 ORDER BY id) = clip_kmeans(embedding, 3 ORDER BY id DESC) AS kmeans FROM pictures;
-- A centroid is the normalised average of normalised vectors.
SELECT s.label, abs(s.similarity - clip_similarity(x.embedding, c.v)) < 1e-3 AS same
FROM (SELECT embedding FROM pictures WHERE id = 7) x, classifiers, clip_classify(x.embedding, centroids) s
JOIN (SELECT kind, avg(l2_normalize(embedding)) AS v FROM pictures WHERE id <= 60 GROUP BY kind) c ON c.kind = s.label ORDER BY s.label;

-- A stronger penalty makes less of differences.
SELECT bool_and(strong.probability < weak.probability) AS flatter
FROM (SELECT clip_train(kind, embedding, 10) AS strong, clip_train(kind, embedding, 0.01) AS weak FROM pictures) c,
     LATERAL (SELECT max(probability) AS probability FROM clip_classify((SELECT embedding FROM pictures WHERE id = 1), c.strong)) strong,
     LATERAL (SELECT max(probability) AS probability FROM clip_classify((SELECT embedding FROM pictures WHERE id = 1), c.weak)) weak;
-- Where one label has most of the rows, another gains by having all count the same.
SELECT b.probability > a.probability AS gains
FROM (SELECT clip_train(kind, embedding, 10, false) AS a, clip_train(kind, embedding, 10, true) AS b FROM pictures WHERE kind = 'map' OR id < 12) c,
     LATERAL clip_classify((SELECT embedding FROM pictures WHERE id = 61), c.a) a,
     LATERAL clip_classify((SELECT embedding FROM pictures WHERE id = 61), c.b) b
WHERE a.label = 'photo' AND b.label = 'photo';

-- Which model the embeddings are by can be said, and then the classifier knows.
SELECT c.classifier::text::json -> 'model' ->> 'name' AS train, c.centroids::text::json -> 'model' ->> 'name' AS centroids
FROM (SELECT clip_train(label, v, NULL, NULL, 'clip-mini') AS classifier, clip_centroids(label, v, 'clip-mini') AS centroids
      FROM (VALUES ('a', clip_embed_text('a dog', 'clip-mini')), ('b', clip_embed_text('a ship', 'clip-mini'))) t (label, v)) c;

-- Rows without a label, an embedding or a direction do not count; of none, nothing is made.
SELECT clip_train(label, v)::text = clip_train(label, v) FILTER (WHERE n < 3)::text AS train,
       clip_centroids(label, v)::text = clip_centroids(label, v) FILTER (WHERE n < 3)::text AS centroids,
       clip_kmeans(v, 2) FILTER (WHERE n <> 3) AS kmeans
FROM (VALUES (1, 'a', '[1,0]'::clip_vector), (2, 'b', '[0,1]'), (3, NULL, '[1,1]'), (4, 'a', NULL), (5, 'c', '[0,0]')) t (n, label, v);
SELECT clip_train(kind, embedding) AS train, clip_centroids(kind, embedding) AS centroids, clip_kmeans(embedding, 3) AS kmeans
FROM pictures WHERE id < 0;
SELECT clip_train(kind, NULL) AS train, clip_centroids(NULL, embedding) AS centroids, clip_kmeans('[0,0]', 3) AS kmeans FROM pictures;

-- Groups, and a moving frame.
SELECT id % 2 AS g, clip_train(kind, embedding) IS NOT NULL AS train, cardinality(clip_kmeans(embedding, 2)) AS kmeans
FROM pictures GROUP BY g ORDER BY g;
SELECT id, cardinality(clip_kmeans(embedding, 5) OVER (ORDER BY id)) AS clusters FROM pictures WHERE id < 8 ORDER BY id;

-- Overview of a collection: clusters, the largest first, with their sizes and the pictures nearest to their middles.
CREATE TABLE overview AS
SELECT n AS cluster, centre FROM (SELECT clip_kmeans(embedding, 3, 1) AS centres FROM pictures) k, unnest(centres) WITH ORDINALITY u (centre, n);
SELECT cluster, count(*), array_agg(DISTINCT kind) AS kinds,
       (SELECT array_agg(near.kind ORDER BY near.distance) FROM (
           SELECT p.kind, p.embedding <=> centre AS distance FROM pictures p ORDER BY p.embedding <=> centre LIMIT 3) near) AS nearest
FROM overview, pictures
WHERE clip_nearest(embedding, (SELECT array_agg(o.centre ORDER BY o.cluster) FROM overview o)) = cluster
GROUP BY cluster, centre ORDER BY cluster;
-- The same seed, the same clusters; centres are of unit length; never more than there are directions.
SELECT clip_kmeans(embedding, 4, 7) = clip_kmeans(embedding, 4, 7) AS same FROM pictures;
SELECT bool_and(abs(vector_norm(centre) - 1) < 1e-3) AS unit FROM overview;
SELECT clip_kmeans(v, 4) FROM unnest('{"[1,0]","[0,2]","[3,0]"}'::clip_vector[]) v;

-- The nearest of several.
SELECT clip_nearest('[1,0.1]', '{"[0,1]","[2,0]","[4,0]"}'), clip_nearest('[1,0]', '{NULL,"[0,0]","[-1,0]"}') AS last,
       clip_nearest('[1,0]', '{}') AS empty, clip_nearest('[1,0]', '{NULL,"[0,0]"}') AS none, clip_nearest('[0,0]', '{"[1,0]"}') AS zero,
       clip_nearest(NULL, '{"[1,0]"}') AS no_embedding, clip_nearest('[1,0]', NULL) AS no_centres;

-- Labels by the vote of the nearest pictures that have one, through the index.
CREATE TABLE unlabelled AS SELECT id, embedding, kind AS truth FROM pictures WHERE id > 110;
DELETE FROM pictures WHERE id > 110;
CREATE INDEX pictures_embedding ON pictures USING clip_hnsw (embedding);
SET enable_seqscan = off;
PREPARE vote AS
SELECT u.id, v.label, round(v.share::numeric, 2) AS share, v.label = u.truth AS right
FROM unlabelled u, LATERAL (
    SELECT kind AS label, sum(weight) / sum(sum(weight)) OVER () AS share
    FROM (SELECT kind, clip_similarity(embedding, u.embedding) AS weight FROM pictures
          WHERE kind IS NOT NULL ORDER BY embedding <=> u.embedding LIMIT 9) near
    GROUP BY kind ORDER BY share DESC, kind LIMIT 1) v ORDER BY u.id;
SELECT pg_temp.plan('EXECUTE vote');
EXECUTE vote;
RESET enable_seqscan;

-- What a person is to be asked next: the picture that the classifier is least sure of.
SELECT u.id, round(clip_uncertainty(embedding, probe)::numeric, 1) AS uncertainty FROM unlabelled u, classifiers
ORDER BY clip_uncertainty(embedding, probe) DESC LIMIT 1;

-- What persons say stands above what models say; of each, the latest.
CREATE TABLE labels (
    item int, label text, score float8, source text CHECK (source IN ('human', 'model')), model text, prompt_set_version int, at timestamptz
);
CREATE VIEW current_labels AS
SELECT DISTINCT ON (item) * FROM labels ORDER BY item, source = 'human' DESC, at DESC;
INSERT INTO labels
SELECT id, l.label, l.probability, 'model', 'probe', 1, '2026-01-01' FROM unlabelled, classifiers, clip_classify(embedding, probe, 1) l;
INSERT INTO labels VALUES (111, 'unclear', NULL, 'human', NULL, NULL, '2026-01-02'), (111, 'engraving', NULL, 'human', NULL, NULL, '2026-01-03');
INSERT INTO labels
SELECT id, l.label, l.probability, 'model', 'centroids', 2, '2026-01-04' FROM unlabelled, classifiers, clip_classify(embedding, centroids, 1) l;
SELECT item, label, source, model, prompt_set_version FROM current_labels ORDER BY item LIMIT 3;
-- And what they said teaches the next classifier.
SELECT clip_centroids(label, embedding) IS NOT NULL AS taught FROM current_labels JOIN unlabelled ON id = item;

-- Relevance feedback.
SELECT clip_rocchio('[1,0]', '{"[0,3]"}', '{}', 1, 1) AS liked, clip_rocchio('[2,0]') AS query,
       clip_rocchio('[1,0]', NULL, '{"[0,5]"}', disliked_weight => 1) AS disliked, clip_rocchio(NULL, '{"[0,5]",NULL,"[0,0]"}') AS no_query,
       clip_rocchio(NULL, '{}', NULL) AS nothing, clip_rocchio('[0,0]', '{NULL}') AS no_direction;
SELECT clip_rocchio('[1,0]', '{"[0,1]"}') = l2_normalize('[1,0.75]') AS liked_weight, clip_rocchio('[1,0]', NULL, '{"[0,1]"}') = l2_normalize('[1,-0.15]') AS disliked_weight;
WITH feedback AS (
    SELECT array_agg(embedding) FILTER (WHERE kind = 'map') AS liked, array_agg(embedding) FILTER (WHERE kind = 'text') AS disliked FROM pictures WHERE id <= 12)
SELECT kind, count(*) FROM (
    SELECT kind FROM pictures ORDER BY embedding <=> (SELECT clip_rocchio('[1,1,1,1,1,1,1,1]', liked, disliked, 1, 1, 0.5) FROM feedback) LIMIT 20) found
GROUP BY kind ORDER BY kind;

-- Errors.
SELECT pg_temp.outcome($$SELECT clip_train('one', embedding) FROM pictures$$);
SELECT pg_temp.outcome($$SELECT clip_centroids('one', embedding) FROM pictures$$);
SELECT pg_temp.outcome($$SELECT clip_centroids('', embedding) FROM pictures$$);
SELECT pg_temp.outcome(format('SELECT %s FROM (VALUES (''a'', ''[1,2]''::clip_vector), (''b'', ''[1,2,3]'')) t (label, v)', call))
FROM unnest('{"clip_train(label, v)","clip_centroids(label, v)","clip_kmeans(v, 2)"}'::text[]) call;
SELECT pg_temp.outcome(format('SELECT clip_train(kind, embedding, %s) FROM pictures', l2)) FROM unnest('{-1,''NaN'',''infinity'',id}'::text[]) l2;
SELECT pg_temp.outcome($$SELECT clip_train(kind, embedding, 1, id > 5) FROM pictures$$);
SELECT pg_temp.outcome($$SELECT clip_train(kind, embedding, 1, false, kind) FROM pictures$$);
SELECT pg_temp.outcome($$SELECT clip_train(kind, embedding, 1, false, 'clip-mini') FROM pictures$$);
-- More labels than a classifier can have are refused before anything is learned.
SELECT pg_temp.outcome($$SELECT clip_train(n::text, embedding) FROM (SELECT array_fill(1::real, '{16000}')::clip_vector AS embedding) v, generate_series(1, 4195) n$$);
SELECT pg_temp.outcome($$SELECT clip_centroids(kind, embedding, 'clip-mini') FROM pictures$$);
SELECT pg_temp.outcome($$SELECT clip_centroids(kind, embedding, kind) FROM pictures$$);
SELECT split_part(pg_temp.outcome($$SELECT clip_centroids(kind, embedding, 'no-such-model') FROM pictures$$), E'\n', 1);
SELECT pg_temp.outcome($$SELECT clip_centroids('a', v) FROM unnest('{"[1]","[-1]"}'::clip_vector[]) v$$);
SELECT pg_temp.outcome(format('SELECT clip_kmeans(embedding, %s) FROM pictures', k)) FROM unnest('{0,-3,10001,NULL::int,id}'::text[]) k;
SELECT pg_temp.outcome(format('SELECT clip_kmeans(embedding, %s) FROM pictures', k)) FROM unnest('{"3, id"}'::text[]) k;
SELECT pg_temp.outcome($$SELECT clip_nearest('[1,2]', '{"[1,2]","[1]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_rocchio('[1,2]', '{"[1]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_rocchio('[1,2]', '{"[1,2]"}', liked_weight => -1)$$);
SELECT pg_temp.outcome($$SELECT clip_rocchio('[1,2]', query_weight => 'NaN')$$);
SELECT pg_temp.outcome($$SELECT clip_rocchio('[1,2]', query_weight => NULL)$$);
SELECT pg_temp.outcome($$SELECT clip_rocchio('[1,2]', NULL, '{"[1,2]"}', 1, 1, 1)$$);
SELECT pg_temp.outcome($$SELECT clip_rocchio('[1,2]', query_weight => 0)$$);

-- What takes minutes can be ended.
CREATE TABLE many AS SELECT i, array_agg((i::bigint * j * 7919 + j * j * 31 + i * 13) % 1009 - 504)::clip_vector AS v FROM generate_series(1, 20000) i, generate_series(1, 64) j GROUP BY i;
SET statement_timeout = '200ms';
SELECT clip_kmeans(v, 9000) FROM many;
SELECT clip_train((i % 500)::text, v, 0) FROM many;
RESET statement_timeout;

DROP VIEW current_labels;
DROP TABLE pictures, classifiers, overview, unlabelled, labels, many;
