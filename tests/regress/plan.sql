-- EXPLAIN, without what PostgreSQL 18 has added to it: nodes that are disabled, and windows by their name.
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line !~ '^ *(Disabled|Window): ' THEN
            RETURN NEXT replace(line, 'OVER w1', 'OVER (?)');
        END IF;
    END LOOP;
END $$;
