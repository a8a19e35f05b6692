-- The page of a query's rows. The functions are in src/gallery.rs.

CREATE FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_gallery_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text) IS 'aggregate transition function';

CREATE FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_gallery_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text) IS 'aggregate transition function';

CREATE FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_gallery_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text, text) IS 'aggregate transition function';

CREATE FUNCTION clip_gallery_final(internal) RETURNS text
    AS 'MODULE_PATHNAME', 'clip_gallery_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_gallery_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_gallery(thumbnail bytea, caption text, score double precision, link text) (
    SFUNC = clip_gallery_accum,
    STYPE = internal,
    SSPACE = 1000000,
    FINALFUNC = clip_gallery_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_gallery(bytea, text, double precision, text) IS
'HTML page of pictures with captions, scores and links, in the order of the aggregate''s ORDER BY; all arguments may be NULL';

CREATE AGGREGATE clip_gallery(thumbnail bytea, caption text, score double precision, link text, title text) (
    SFUNC = clip_gallery_accum,
    STYPE = internal,
    SSPACE = 1000000,
    FINALFUNC = clip_gallery_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_gallery(bytea, text, double precision, text, text) IS
'the same under a title, the first that is not NULL; its first line is the heading';

CREATE AGGREGATE clip_gallery(thumbnail bytea, caption text, score double precision, link text, title text, section text) (
    SFUNC = clip_gallery_accum,
    STYPE = internal,
    SSPACE = 1000000,
    FINALFUNC = clip_gallery_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_gallery(bytea, text, double precision, text, text, text) IS
'the same in sections: a new one begins where the argument changes; its first line is the heading, the others are shown as they stand';
