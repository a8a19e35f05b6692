-- Confusion matrices, what is told of them, and metrics of rankings.
\i outcome.sql
\pset null NULL
SET extra_float_digits = 0;

-- How CLIP ViT-B/32 labelled 404 pictures of a quarter of Paris, counted: 82.43 %, and the eight figures per class.
CREATE TABLE richelieu (truth text, predicted text, pictures integer);
INSERT INTO richelieu VALUES
    ('Blanc', 'Blanc', 18), ('Blanc', 'Estampe', 1), ('Blanc', 'Photo', 1),
    ('Estampe', 'Estampe', 86), ('Estampe', 'Partition', 1), ('Estampe', 'Plan', 2), ('Estampe', 'Pub', 2),
    ('Estampe', 'Recueil', 4), ('Estampe', 'Texte', 4),
    ('Partition', 'Partition', 8),
    ('Photo', 'Estampe', 1), ('Photo', 'Photo', 59),
    ('Plan', 'Partition', 1), ('Plan', 'Plan', 59),
    ('Pub', 'Estampe', 3), ('Pub', 'Partition', 1), ('Pub', 'Pub', 28), ('Pub', 'Recueil', 6), ('Pub', 'Texte', 2),
    ('Recueil', 'Estampe', 13), ('Recueil', 'Photo', 16), ('Recueil', 'Plan', 5), ('Recueil', 'Recueil', 66),
    ('Texte', 'Partition', 1), ('Texte', 'Recueil', 7), ('Texte', 'Texte', 9);
CREATE TABLE labelled AS SELECT truth, predicted FROM richelieu, generate_series(1, pictures);
SELECT clip_confusion(truth, predicted) AS richelieu FROM labelled \gset
SELECT label, support, predicted, round(100 * precision::numeric, 2) AS precision, round(100 * recall::numeric, 2) AS recall,
       round(100 * f1::numeric, 2) AS f1
FROM clip_report(:'richelieu');
SELECT support, round(100 * micro::numeric, 2) AS micro FROM clip_accuracy(:'richelieu');
SELECT * FROM clip_accuracy(:'richelieu');
\pset format unaligned
SELECT clip_confusion_table(:'richelieu');

-- The two matrices that the BnF's slides print: 90.40 % and 33.81 %, and the recall of each class.
SELECT '{"labels": ["Chart", "Comics", "Drawing", "Engraving", "Games", "Manuscript", "Map", "Photo", "Score"],
         "counts": [[251, 0, 108, 15, 8, 12, 3, 2, 16], [0, 281, 11, 0, 0, 0, 0, 0, 0],
                    [3, 23, 1738, 15, 0, 2, 0, 31, 0], [0, 32, 51, 537, 0, 1, 0, 73, 0],
                    [0, 0, 0, 41, 198, 15, 0, 20, 2], [0, 0, 4, 1, 0, 80, 0, 2, 1],
                    [6, 0, 7, 0, 0, 0, 292, 2, 2], [11, 11, 73, 54, 1, 0, 3, 2749, 1],
                    [0, 0, 2, 0, 0, 0, 0, 0, 136]]}' AS newspapers,
       '{"labels": ["Coins", "Dos", "Etiquette_rondage", "Fleuron_decor", "Illustration", "Nerfs", "Papier_decor", "Plat"],
         "counts": [[9, 17, 0, 1, 0, 1, 1, 1], [2, 36, 0, 6, 0, 3, 0, 1], [5, 17, 11, 6, 0, 2, 0, 14],
                    [2, 18, 0, 31, 0, 7, 6, 13], [9, 2, 1, 12, 19, 1, 3, 47], [0, 46, 1, 0, 0, 26, 4, 1],
                    [3, 4, 0, 0, 0, 2, 21, 4], [7, 30, 1, 5, 0, 11, 4, 11]]}' AS conservation \gset
SELECT string_agg(label || ' ' || round(100 * recall::numeric, 2), ', ') FROM clip_report(:'newspapers');
SELECT string_agg(label || ' ' || round(100 * recall::numeric, 2), ', ') FROM clip_report(:'conservation');
SELECT support, round(100 * micro::numeric, 2) AS micro, round(macro_precision::numeric, 3) AS macro_precision,
       round(macro_recall::numeric, 4) AS macro_recall, round(macro_f1::numeric, 3) AS macro_f1,
       round(weighted_f1::numeric, 3) AS weighted_f1, round(balanced::numeric, 4) AS balanced, round(kappa::numeric, 3) AS kappa
FROM unnest(ARRAY[:'newspapers', :'conservation']::clip_confusion[]) c, clip_accuracy(c);
SELECT clip_confusion_table(:'newspapers');
SELECT clip_confusion_table(:'conservation');

-- Labels on one side only, rows without a prediction, and without a truth
CREATE TABLE sides (truth text, predicted text);
INSERT INTO sides VALUES ('a', 'a'), ('a', 'a'), ('a', 'new'), ('b', NULL), ('b', 'b'), ('gone', 'b'), (NULL, 'a'),
    (NULL, 'never'), (NULL, NULL);
SELECT clip_confusion(truth, predicted) FROM sides;
SELECT clip_confusion_table(clip_confusion(truth, predicted)) FROM sides;
SELECT r.* FROM (SELECT clip_confusion(truth, predicted) AS c FROM sides) s, clip_report(c) r;
SELECT support, micro, balanced FROM (SELECT clip_confusion(truth, predicted) AS c FROM sides) s, clip_accuracy(c);
SELECT clip_confusion('b', NULL);
-- One class only
SELECT a.* FROM (SELECT clip_confusion('a', 'a') AS c FROM generate_series(1, 3)) s, clip_accuracy(c) a;

-- Nothing to count, and NULL
SELECT clip_confusion(truth, predicted) FROM sides WHERE false;
SELECT clip_confusion(NULL, 'a');
SELECT count(*) FROM clip_report('{"labels": [], "counts": []}');
SELECT * FROM clip_accuracy('{"labels": [], "counts": []}');
SELECT * FROM clip_accuracy('{"labels": ["a"], "counts": [[0]]}');
SELECT clip_confusion_table('{"labels": [], "counts": []}');
SELECT count(*) FROM clip_report(NULL);
SELECT count(*) FROM clip_accuracy(NULL);
SELECT clip_confusion_table(NULL);

-- Labels in other scripts
SELECT clip_confusion_table(clip_confusion(truth, predicted)) FROM (VALUES ('地図', '地図'), ('版画', '版画'),
    ('版画', '地図'), (E'e\u0301tude', 'карта'), ('карта', 'карта'), ('', 'карта'), (E'two\nlines', '地図')) v (truth, predicted);

-- Kept in a table, per group, as a window
CREATE TABLE runs (model text, confusion clip_confusion NOT NULL);
INSERT INTO runs SELECT model, clip_confusion(truth, predicted)
FROM (VALUES ('x', 'a', 'a'), ('x', 'b', 'a'), ('y', 'a', 'a'), ('y', 'b', 'b')) v (model, truth, predicted) GROUP BY model;
SELECT model, micro, kappa, confusion -> 'counts' AS counts FROM runs, clip_accuracy(confusion) ORDER BY model;
SELECT n, clip_confusion('a', p) OVER (ORDER BY n) FROM (VALUES (1, 'a'), (2, 'b'), (3, 'b')) v (n, p);

-- Values that are none
SELECT value, pg_temp.outcome(format('SELECT %L::clip_confusion', value)) FROM unnest(ARRAY[
    '{}', '[["a"], [[1]], null]', '1', '{"labels": ["a"], "counts": [[-1]]}', '{"labels": ["a"], "counts": [[0.5]]}',
    '{"labels": ["a"], "counts": [["1"]]}', '{"labels": ["a"], "counts": [[1]], "rows": 1}', '{"labels": [null], "counts": [[1]]}',
    '{"labels": ["a", "b"], "counts": [[1, 2]]}', '{"labels": ["a", "b"], "counts": [[1, 2], [3]]}',
    '{"labels": ["a"], "counts": [[1]], "none": []}', '{"labels": ["a", "a"], "counts": [[1, 2], [3, 4]]}',
    '{"labels": ["a"], "counts": [[9007199254740992]], "none": [1]}', '{"labels": ["a"], "counts": [[1e400]]}']) value;
SELECT pg_temp.outcome('SELECT clip_report(''{"labels": ["a"]}''::jsonb)');
SELECT pg_temp.outcome('INSERT INTO runs VALUES (''z'', ''{"labels": [], "counts": [[]]}'')');
SELECT pg_temp.outcome('SELECT clip_confusion(n::text, n::text) FROM generate_series(1, 1001) n');
SELECT pg_temp.outcome('SELECT clip_confusion(repeat(''a'', 65537), NULL)');
SELECT jsonb_array_length(clip_confusion(n::text, (n % 7 + 1)::text) -> 'labels') FROM generate_series(1, 1000) n;

-- Rankings. The figures are those of scikit-learn 1.7.2, average_precision_score and, for the threshold,
-- precision_recall_curve.
CREATE TABLE scores (label text, truth boolean, score double precision);
INSERT INTO scores SELECT 'ties', t = 1, s FROM unnest('{1,0,1,1,0,0,1,0,1,0,0,1}'::int[],
    '{0.9,0.9,0.8,0.7,0.7,0.7,0.6,0.5,0.5,0.4,0.3,0.1}'::float8[]) v (t, s);
INSERT INTO scores VALUES ('documented', false, 0.1), ('documented', false, 0.4), ('documented', true, 0.35), ('documented', true, 0.8),
    ('all tied', true, 0.5), ('all tied', true, 0.5), ('all tied', false, 0.5), ('last', false, 0.9), ('last', true, 0.1),
    ('none true', false, 0.2), ('all true', true, -1), ('all true', true, -2), ('skipped', NULL, 0.3), ('skipped', true, NULL),
    ('infinite', true, 'inf'), ('infinite', false, 0), ('infinite', true, '-inf'), ('zeros', true, '-0'), ('zeros', false, '0');
CREATE VIEW ranked AS
SELECT label, round(clip_average_precision(truth, score)::numeric, 6) AS average_precision,
       round(clip_r_precision(truth, score)::numeric, 6) AS r_precision,
       round(clip_precision_at(truth, score, 2)::numeric, 6) AS precision_at_2,
       round(clip_precision_at(truth, score, 20)::numeric, 6) AS precision_at_20, clip_best_threshold(truth, score) AS threshold
FROM scores GROUP BY label ORDER BY label;
SELECT * FROM ranked;
-- A thousand rows of a linear congruential generator: .401046 and .56
WITH RECURSIVE states (n, x) AS (
    SELECT 0, 12345::bigint UNION ALL SELECT n + 1, (x * 1103515245 + 12345) % 2147483648 FROM states WHERE n < 2000
), random AS (SELECT (n - 1) / 2 AS i, n % 2 AS is_score, (x >> 16) % 100 AS r FROM states WHERE n > 0)
INSERT INTO scores SELECT 'random', c.r < s.r / 2, s.r / 100.0
FROM random s JOIN random c USING (i) WHERE s.is_score = 1 AND c.is_score = 0;
SELECT * FROM ranked WHERE label = 'random';
-- The order of the rows does not matter, nor whether the others have been looked at before.
SELECT count(DISTINCT f) FROM (
    SELECT (clip_average_precision(truth, score ORDER BY o), clip_r_precision(truth, score ORDER BY o),
            clip_precision_at(truth, score, 30 ORDER BY o), clip_best_threshold(truth, score ORDER BY o)) AS f
    FROM (SELECT truth, score, s, md5(s || ctid::text) AS o FROM scores, generate_series(1, 5) s WHERE label = 'random') v
    GROUP BY s) g;
SELECT n, clip_average_precision(truth, score) OVER (ORDER BY n), clip_best_threshold(truth, score) OVER (ORDER BY n)
FROM (VALUES (1, true, 0.5), (2, false, 0.9), (3, true, 0.7)) v (n, truth, score);
-- A multi-label set in one statement: figures per label, and their mean over the labels that have any
SELECT round(avg(average_precision), 6) AS mean_average_precision, count(average_precision) AS labels FROM ranked;
-- The threshold reaches the F1 that it was chosen for.
SELECT round(f1::numeric, 4) AS f1
FROM (SELECT clip_confusion(truth::text, (score >= 0.56)::text) AS c FROM scores WHERE label = 'random') s, clip_report(c)
WHERE label = 'true';

SELECT clip_average_precision(truth, score) FROM scores WHERE false;
SELECT clip_precision_at(truth, score, NULL) FROM scores;
SELECT statement, pg_temp.outcome(statement) FROM unnest(ARRAY[
    'SELECT clip_average_precision(true, ''NaN'')', 'SELECT clip_best_threshold(NULL, ''NaN'')',
    'SELECT clip_precision_at(true, 1, 0)', 'SELECT clip_precision_at(true, 1, -3)',
    'SELECT clip_precision_at(true, 1, k) FROM generate_series(1, 2) k']) statement;

-- In parallel, and combined from partitions
CREATE TABLE evaluated AS SELECT 'label ' || n % 3 AS label, 'label ' || n % 7 % 3 AS predicted, n % 5 = 0 AS truth,
    (n * 7919::bigint % 10007) / 100.0::float8 AS score FROM generate_series(1, 20000) n;
ANALYZE evaluated;
CREATE VIEW figures AS
SELECT clip_confusion(label, predicted), clip_average_precision(truth, score), clip_r_precision(truth, score),
       clip_precision_at(truth, score, 1000), clip_best_threshold(truth, score) FROM evaluated;
CREATE TABLE serial AS SELECT * FROM figures;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT * FROM figures;
CREATE TABLE parallel AS SELECT * FROM figures;
SELECT s::text = p::text AS same FROM serial s, parallel p;
SELECT label, clip_confusion(label, predicted) FROM evaluated GROUP BY label ORDER BY label;
SELECT clip_average_precision(truth, score), clip_confusion(label, predicted) FROM evaluated WHERE score < 0;
SELECT left(pg_temp.outcome('SELECT clip_precision_at(truth, score, 1 + (score > 50)::int) FROM evaluated'), 5);

-- A state takes 16 bytes a row at most, which the server knows of.
RESET max_parallel_workers_per_gather;
CREATE FUNCTION pg_temp.kilobytes(statement text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    SET LOCAL enable_sort = off;
    SET LOCAL max_parallel_workers_per_gather = 0;
    EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || statement INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Peak Memory Usage';
END $$;
SELECT pg_temp.kilobytes('SELECT truth, clip_average_precision(label = ''label 0'', score) FROM evaluated GROUP BY truth')
    BETWEEN 150 AND 600 AS known;

DROP VIEW ranked, figures;
DROP TABLE richelieu, labelled, sides, runs, scores, evaluated, serial, parallel;
