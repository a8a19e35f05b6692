-- What image files say besides their picture, and by what they are read.
\pset format unaligned
\pset null '-'

SELECT clip_image_metadata('\xffd8ffe100484578696600004d4d002a00000008000187690004000000010000001a00000000000190030002000000140000002c00000000313939383a30373a31322032313a30303a303500ffd9');
SELECT clip_image_metadata('\xffd8ffd9'), clip_image_metadata(NULL);
SELECT clip_image_metadata('no image');

-- HEIC is read where a superuser names the library.
SHOW clip_pg.libheif_library;
SELECT library, version, available FROM clip_pg_formats() WHERE format = 'heic';
SET clip_pg.libheif_library = '/nowhere/libheif.so.1';
SELECT library, version, available FROM clip_pg_formats() WHERE format = 'heic';
CREATE ROLE clip_pg_heif_reader;
SET ROLE clip_pg_heif_reader;
SET clip_pg.libheif_library = 'libheif.so.1';
RESET ROLE;
DROP ROLE clip_pg_heif_reader;

SELECT clip_thumbnail('', 10, quality => 0);
SELECT clip_thumbnail('', 10, quality => 101);
