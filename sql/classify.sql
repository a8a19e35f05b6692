-- Rows and comments of the classification functions, which are declared in src/classify/mod.rs.

ALTER FUNCTION clip_classify(bytea, text[], text, text) ROWS 10;
ALTER FUNCTION clip_classify_embedding(clip_vector, text[], text, text) ROWS 10;

COMMENT ON FUNCTION clip_classify(bytea, text[], text, text) IS
'how well each label describes an image, as the model''s probability and as cosine similarity';
COMMENT ON FUNCTION clip_classify_embedding(clip_vector, text[], text, text) IS
'how well each label describes the image with this embedding, as the model''s probability and as cosine similarity';
