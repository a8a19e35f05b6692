-- A query's rows by the index and without it: the ten nearest in the order of the index, and all of them in one that leaves
-- nothing out. What the index checks is among its conditions.
CREATE FUNCTION pg_temp.both(condition text, OUT in_index boolean, OUT agree boolean, OUT count bigint) LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT id FROM photos WHERE %s ORDER BY embedding <=> pg_temp.embedding(5)', condition);
    line text;
    nearest integer[];
    every integer[];
    exact integer[];
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true);
    in_index := true;
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        in_index := in_index AND line !~ 'Filter:|Seq Scan|Sort';
    END LOOP;
    EXECUTE format('SELECT array_agg(id) FROM (%s LIMIT 10) q', query) INTO nearest;
    PERFORM set_config('clip_pg.iterative_order', 'relaxed', true);
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) q', query) INTO every;
    PERFORM set_config('clip_pg.iterative_order', 'strict', true);
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'off', true);
    EXECUTE format('SELECT array_agg(id) FROM (%s) q', query) INTO exact;
    PERFORM set_config('enable_indexscan', 'on', true);
    agree := nearest IS NOT DISTINCT FROM exact[:10] AND every IS NOT DISTINCT FROM (SELECT array_agg(id ORDER BY id) FROM unnest(exact) id);
    count := coalesce(cardinality(exact), 0);
END $$;
