-- Which of the nearest images are answers, and similarities as dots.
\pset null '-'
\i outcome.sql

-- By hand: the image is similar to the background by .6 and 0, so that mean and standard deviation are .3, and to the query
-- by .8. That is 5/3 standard deviations above the mean; the largest of 1000 normal numbers is about 3.12.
\set background '\'{"[0.6,0.8,0]","[0,0,1]"}\''
SELECT round(clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, :background)::numeric, 2) AS standout,
       round((5 / 3.0 / 3.12)::numeric, 2) AS by_hand;
-- The distance is .2; the lead, similarity less mean of the background, .5, of which an image keeps a share.
SELECT share, round(clip_cutoff('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, 0.5, share, :background)::numeric, 2) AS radius
FROM (VALUES (0), (0.4), (1)) s (share);
SELECT margin, clip_cutoff('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, margin, background => :background) IS NOT NULL AS answered
FROM (VALUES ('-Infinity'::float8), (0.5), (0.6), (1.28), ('Infinity')) m (margin);
SELECT clip_cutoff('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, NULL, NULL, :background) AS defaults;
-- The three best margins count; NULLs and zero vectors do not; nor does the length of a vector.
SELECT abs(clip_standout('[0.8,0.6,0]', '{"[1,0,0]","[1,0,0]","[1,0,0]","[0,0.6,0.8]"}', 1000, :background)
           - clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, :background)) < 1e-9 AS three,
       clip_standout('[0.8,0.6,0]', '{NULL,"[1,0,0]","[0,0,0]",NULL}', 1000, :background)
           = clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, :background) AS null_and_zero,
       round(clip_standout('[8,6,0]', '{"[3,0,0]"}', 1000, '{"[6,8,0]","[0,0,5]"}')::numeric, 2) AS length;
-- The more images were searched, the better the best has to be; as many as are given were, whatever is said.
SELECT clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', 1e6, :background)
           < clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', 1000, :background) AS among_more,
       clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', -1, :background)
           = clip_standout('[0.8,0.6,0]', '{"[1,0,0]"}', 1, :background) AS never_analyzed;
-- Nothing to tell from: nothing is found.
SELECT clip_cutoff(NULL, '{"[1,0,0]"}', 10) AS no_query, clip_cutoff('[1,0,0]', NULL, 10) AS nearest_null,
       clip_cutoff('[1,0,0]', '{}', 10) AS no_images, clip_cutoff('[1,0,0]', '{NULL}', 10) AS null_image,
       clip_standout('[0,0,0]', '{"[1,0,0]"}', 10, :background) AS zero_query,
       clip_standout('[1,0,0]', '{"[0,0,0]"}', 10, :background) AS zero_image,
       clip_standout('[1,0,0]', '{"[1,0,0]"}', 10, '{"[1,0,0]","[2,0,0]"}') AS background_all_alike;

-- Against everyday things, by the model that is set or named.
SELECT clip_standout(q, ARRAY[clip_embed_text('a dog in the snow')], 100) > 1.28 AS answered,
       clip_cutoff(q, ARRAY[clip_embed_text('a plate of sushi')], 100) AS nothing,
       clip_standout(q, ARRAY[q], 100) = clip_standout(q, ARRAY[q], 100, model => 'clip-mini') AS model_named,
       clip_cutoff(q, ARRAY[q], 100, share => 1) AS radius_of_itself
FROM clip_embed_text('dogs in the snow') q;

-- Errors.
SELECT pg_temp.outcome($$SELECT clip_cutoff('[1,0]', '{"[1,0]"}', NULL, background => '{"[1,0]","[0,1]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 'NaN', '{"[1,0]","[0,1]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 'Infinity', '{"[1,0]","[0,1]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 10, '{}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 10, '{"[1,0]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 10, '{"[1,0]",NULL}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]","[1,0,0]"}', 10, '{"[1,0]","[0,1]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 10, '{"[1,0]","[0,1,0]"}')$$);
SELECT pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 10)$$);
SELECT split_part(pg_temp.outcome($$SELECT clip_standout('[1,0]', '{"[1,0]"}', 10, model => 'no-such-model')$$), E'\n', 1);
SELECT pg_temp.outcome($$SELECT clip_cutoff('[1,0]', '{}', 10, margin => 'NaN')$$);
SELECT pg_temp.outcome($$SELECT clip_cutoff('[1,0]', '{}', 10, share => 1.5)$$);
SELECT pg_temp.outcome($$SELECT clip_cutoff('[1,0]', '{}', 10, share => 'NaN')$$);

-- Dots.
SELECT similarity, clip_dots(similarity, 0.2, 0.3) AS dots, clip_dots(similarity, 0.2, 0.3, 10) AS of_ten
FROM (VALUES (-1::float8), (0.2), (0.209), (0.211), (0.26), (0.289), (0.291), (0.3), (1), ('Infinity'), ('-Infinity'), ('NaN'), (NULL)) s (similarity);
SELECT clip_dots(0.5, NULL, 1) AS low_null, clip_dots(0.5, 0, 1, NULL) AS dots_null, repeat('●', clip_dots(0.27, 0.2, 0.3)) AS shown,
       clip_dots(clip_similarity('[0,0]', '[1,0]'), 0, 1) AS zero_vector, clip_dots(0, -1e308, 1e308) AS wide, clip_dots(0.5, 0, 5e-324) AS narrow;
SELECT pg_temp.outcome($$SELECT clip_dots(0.5, 0.3, 0.2)$$);
SELECT pg_temp.outcome($$SELECT clip_dots(0.5, 0.3, 0.3)$$);
SELECT pg_temp.outcome($$SELECT clip_dots(0.5, 'NaN', 1)$$);
SELECT pg_temp.outcome($$SELECT clip_dots(0.5, 0, 'Infinity')$$);
SELECT pg_temp.outcome($$SELECT clip_dots(0.5, 0, 1, 0)$$);
SELECT pg_temp.outcome($$SELECT clip_dots('NaN', 0, 1, -2)$$);
