-- Comments of the functions about image formats, which are declared in src/formats.rs.

COMMENT ON FUNCTION clip_pg_formats() IS
'image formats, a row for each library that reads one: what of it is read so, whether that is available, and what to install where it is not';
