-- Near-duplicates.

CREATE FUNCTION clip_duplicates(
    relation regclass, embedding name, id name, max_distance double precision DEFAULT 0.06,
    max_diameter double precision DEFAULT NULL, OUT id text, OUT duplicate_group bigint, OUT distance double precision)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_duplicates_wrapper' LANGUAGE C STABLE ROWS 1000 COST 1000000;
COMMENT ON FUNCTION clip_duplicates(regclass, name, name, double precision, double precision) IS
'rows whose vectors are near-duplicates, found by a clip_hnsw index: groups that are connected by cosine distances of at most max_distance, none wider than max_diameter, which is twice that unless given; distance is that from the group''s middle';
