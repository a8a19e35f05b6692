-- EXPLAIN, the same in all versions: the result of an InitPlan as in 17 and 18, and without what 18 has added, nodes that are
-- disabled and windows by their name, and the names that 19 has given InitPlans.
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text;
    result text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line !~ '^ *(Disabled|Window|Params Evaluated): ' THEN
            plan := concat_ws(E'\n', plan, replace(line, 'OVER w1', 'OVER (?)'));
        END IF;
    END LOOP;
    plan := regexp_replace(plan, 'InitPlan [a-z]+_(\d+)', 'InitPlan \1', 'g');
    result := substring(plan FROM 'InitPlan 1 \(returns (\$\d+)\)');
    IF result IS NOT NULL THEN
        plan := replace(replace(plan, format(' (returns %s)', result), ''), result, '(InitPlan 1).col1');
    END IF;
    RETURN QUERY SELECT regexp_split_to_table(replace(plan, '"*VALUES*".column1', '$0'), E'\n');
END $$;
