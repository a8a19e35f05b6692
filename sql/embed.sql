-- Comments of the embedding functions, which are declared in src/embed/.

COMMENT ON FUNCTION clip_embed_text(text) IS
'embedding of a text by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_text(text, text) IS
'embedding of a text by the named model';
COMMENT ON FUNCTION clip_embed_texts(text[]) IS
'embeddings of texts by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_texts(text[], text) IS
'embeddings of texts by the named model';
COMMENT ON FUNCTION clip_embed_image(bytea) IS
'embedding of an image file by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_image(bytea, text, text) IS
'embedding of an image file, or of a region of it (IIIF: full, square, x,y,w,h, pct:x,y,w,h), by the named model';
COMMENT ON FUNCTION clip_embed_image(bytea, text, integer, text) IS
'embedding of a page of an image file, from 1, or of a region of it, by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[]) IS
'embeddings of image files by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_images(bytea[], text) IS
'embeddings of image files by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[], text, text[]) IS
'embeddings of a region of each image file by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[], text, integer[], text[]) IS
'embeddings of a page of each image file, from 1, or of a region of it, by the named model';
COMMENT ON FUNCTION clip_embed_support(internal) IS
'planner support function: charges a model that runs once as start-up cost';
COMMENT ON FUNCTION clip_query(text[], bytea[], text[], bytea[], clip_vector[], clip_vector[], double precision[], text, text) IS
'unit vector in the direction of the weighted mean of texts, images and vectors, less others; one weight for each, in the order of the arguments';
COMMENT ON FUNCTION clip_image_info(bytea) IS
'format, size, EXIF orientation and number of frames from the header of an image file, and whether its variant of the format is one that is read, given the libraries that clip_pg_formats lists';
COMMENT ON FUNCTION clip_image_info(bytea, integer) IS
'the same of a page of an image file, from 1';
ALTER FUNCTION clip_image_pages(bytea) ROWS 10;
COMMENT ON FUNCTION clip_image_pages(bytea) IS
'pages of a TIFF, frames of an animation: number, size as stored, kind (full, reduced, mask, preview), title, and whether the page can be embedded here';
COMMENT ON FUNCTION clip_image_metadata(bytea) IS
'what an image file says of its picture: title, description, keywords, creator, rights, taken, and the fields of EXIF, IPTC and XMP';
COMMENT ON FUNCTION clip_thumbnail(bytea, integer, text, integer) IS
'JPEG in sRGB of an image or a region of it, upright, its longer side at most max_side pixels; quality is between 1 and 100';
COMMENT ON FUNCTION clip_thumbnail(bytea, integer, integer, text, integer) IS
'the same of a page of an image file, from 1';
