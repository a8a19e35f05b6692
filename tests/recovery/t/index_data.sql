-- Vectors in clusters, each a function of a number: a row is found again by its number.
CREATE EXTENSION IF NOT EXISTS clip_pg;
CREATE FUNCTION embedding(n integer) RETURNS clip_vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT array(SELECT sin((n % 97) * i * 1.7 + i) + 0.5 * sin(n * i * 0.613 + i * i) + 0.3
                FROM generate_series(1, 32) i)::clip_vector $$;
CREATE TABLE photos (id integer PRIMARY KEY, category integer, embedding clip_vector(32));

-- What clip_index_check finds wrong, the number of rows that it cannot find included; empty if nothing. All rows are compared
-- and all nodes reached; the search, of one row in five, is a wide one: what a narrow one misses is for tests of recall.
-- Insertions that were killed may leave some nodes unreachable.
CREATE FUNCTION verify(index text DEFAULT 'photos_embedding', search double precision DEFAULT 0.2, killed integer DEFAULT 0)
RETURNS text LANGUAGE sql SET clip_pg.ef_search = 400 AS
$$ SELECT concat_ws(E'\n',
        nullif(array_to_string(problems, E'\n'), ''),
        CASE WHEN missing > 0 THEN missing || ' rows missing' END,
        CASE WHEN unreachable > killed + 0.0001 * nodes THEN unreachable || ' of ' || nodes || ' nodes unreachable' END,
        CASE WHEN not_found > greatest(1, 0.001 * searched) THEN not_found || ' of ' || searched || ' rows not found' END)
   FROM clip_index_check(index::regclass, heap => true, search => search) $$;
