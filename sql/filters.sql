-- Filter columns of clip_hnsw indexes: operator classes by which conditions on them are checked in the index.

CREATE FUNCTION clip_pg.clip_filter_integer() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_integer_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_integer() IS 'kind of filter columns: integers, and of what is counted in them';
CREATE FUNCTION clip_pg.clip_filter_float() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_float_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_float() IS 'kind of filter columns: numbers in floating point';
CREATE FUNCTION clip_pg.clip_filter_numeric() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_numeric_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_numeric() IS 'kind of filter columns: numbers rounded to floating point';
CREATE FUNCTION clip_pg.clip_filter_text() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_text_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_text() IS 'kind of filter columns: texts';
CREATE FUNCTION clip_pg.clip_filter_padded() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_padded_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_padded() IS 'kind of filter columns: texts padded with blanks';
CREATE FUNCTION clip_pg.clip_filter_uuid() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_uuid_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_uuid() IS 'kind of filter columns: uuids';
CREATE FUNCTION clip_pg.clip_filter_array() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_array_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_array() IS 'kind of filter columns: arrays, as sets';

CREATE OPERATOR FAMILY clip_integer_ops USING clip_hnsw;
CREATE OPERATOR CLASS clip_int2_ops DEFAULT FOR TYPE smallint USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_int4_ops DEFAULT FOR TYPE integer USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_int8_ops DEFAULT FOR TYPE bigint USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
ALTER OPERATOR FAMILY clip_integer_ops USING clip_hnsw ADD
    OPERATOR 1 < (smallint, integer), OPERATOR 2 <= (smallint, integer), OPERATOR 3 = (smallint, integer), OPERATOR 4 >= (smallint, integer), OPERATOR 5 > (smallint, integer),
    OPERATOR 1 < (smallint, bigint), OPERATOR 2 <= (smallint, bigint), OPERATOR 3 = (smallint, bigint), OPERATOR 4 >= (smallint, bigint), OPERATOR 5 > (smallint, bigint),
    OPERATOR 1 < (integer, smallint), OPERATOR 2 <= (integer, smallint), OPERATOR 3 = (integer, smallint), OPERATOR 4 >= (integer, smallint), OPERATOR 5 > (integer, smallint),
    OPERATOR 1 < (integer, bigint), OPERATOR 2 <= (integer, bigint), OPERATOR 3 = (integer, bigint), OPERATOR 4 >= (integer, bigint), OPERATOR 5 > (integer, bigint),
    OPERATOR 1 < (bigint, smallint), OPERATOR 2 <= (bigint, smallint), OPERATOR 3 = (bigint, smallint), OPERATOR 4 >= (bigint, smallint), OPERATOR 5 > (bigint, smallint),
    OPERATOR 1 < (bigint, integer), OPERATOR 2 <= (bigint, integer), OPERATOR 3 = (bigint, integer), OPERATOR 4 >= (bigint, integer), OPERATOR 5 > (bigint, integer);

CREATE OPERATOR FAMILY clip_float_ops USING clip_hnsw;
CREATE OPERATOR CLASS clip_float4_ops DEFAULT FOR TYPE real USING clip_hnsw FAMILY clip_float_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_float();
CREATE OPERATOR CLASS clip_float8_ops DEFAULT FOR TYPE double precision USING clip_hnsw FAMILY clip_float_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_float();
ALTER OPERATOR FAMILY clip_float_ops USING clip_hnsw ADD
    OPERATOR 1 < (real, double precision), OPERATOR 2 <= (real, double precision), OPERATOR 3 = (real, double precision), OPERATOR 4 >= (real, double precision), OPERATOR 5 > (real, double precision),
    OPERATOR 1 < (double precision, real), OPERATOR 2 <= (double precision, real), OPERATOR 3 = (double precision, real), OPERATOR 4 >= (double precision, real), OPERATOR 5 > (double precision, real);

CREATE OPERATOR CLASS clip_numeric_ops DEFAULT FOR TYPE numeric USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_numeric();
CREATE OPERATOR CLASS clip_bool_ops DEFAULT FOR TYPE boolean USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_date_ops DEFAULT FOR TYPE date USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_time_ops DEFAULT FOR TYPE time USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_timestamp_ops DEFAULT FOR TYPE timestamp USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_timestamptz_ops DEFAULT FOR TYPE timestamptz USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_uuid_ops DEFAULT FOR TYPE uuid USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_uuid();
CREATE OPERATOR CLASS clip_text_ops DEFAULT FOR TYPE text USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_text();

-- Blanks at the end count in an order and not for equality; what the labels of an enum are in order may change.
CREATE OPERATOR CLASS clip_bpchar_ops DEFAULT FOR TYPE character USING clip_hnsw AS
    OPERATOR 3 =, FUNCTION 2 clip_pg.clip_filter_padded();
CREATE OPERATOR CLASS clip_enum_ops DEFAULT FOR TYPE anyenum USING clip_hnsw AS
    OPERATOR 3 =, FUNCTION 2 clip_pg.clip_filter_integer();

CREATE OPERATOR CLASS clip_array_ops DEFAULT FOR TYPE anyarray USING clip_hnsw AS
    OPERATOR 3 =, OPERATOR 6 &&, OPERATOR 7 @>, OPERATOR 8 <@, FUNCTION 2 clip_pg.clip_filter_array();
