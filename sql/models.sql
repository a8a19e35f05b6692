-- The registry's view, rights and comments. The functions are declared in src/registration.rs.

CREATE VIEW clip_models AS
SELECT name, dimensions, image_size, context_length, logit_scale, logit_bias, logit_source, activation, tokenization,
       preprocessing, text_tower, image_tower, caveats, options, sha256, directory, loaded, built_in
FROM clip_models();

GRANT SELECT ON clip_models TO PUBLIC;

REVOKE EXECUTE ON FUNCTION clip_register_model(text, text, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION clip_unregister_model(text) FROM PUBLIC;

COMMENT ON FUNCTION clip_register_model(text, text, jsonb) IS
'registers the model in a directory of the server under a name; options override what its files say; not undone by ROLLBACK';
COMMENT ON FUNCTION clip_unregister_model(text) IS
'takes a model out of use; its name stays bound to it; not undone by ROLLBACK';
COMMENT ON FUNCTION clip_models() IS
'registered models; use the view of the same name';

COMMENT ON VIEW clip_models IS 'registered models of this server';
COMMENT ON COLUMN clip_models.name IS 'name the model is registered under';
COMMENT ON COLUMN clip_models.dimensions IS 'length of an embedding';
COMMENT ON COLUMN clip_models.image_size IS 'height and width of the pixels that the model takes';
COMMENT ON COLUMN clip_models.context_length IS 'tokens of a text that the model reads at most';
COMMENT ON COLUMN clip_models.logit_scale IS 'factor from cosine similarity to logit';
COMMENT ON COLUMN clip_models.logit_bias IS 'added to the scaled similarity';
COMMENT ON COLUMN clip_models.logit_source IS
'where the factor comes from: options, the graph, the configuration, or what models of the family have';
COMMENT ON COLUMN clip_models.activation IS 'softmax over all labels, or sigmoid of each';
COMMENT ON COLUMN clip_models.tokenization IS 'how a text becomes token ids: cleaning, length, padding and special tokens';
COMMENT ON COLUMN clip_models.preprocessing IS 'how an image becomes pixels';
COMMENT ON COLUMN clip_models.text_tower IS
'files, inputs and output of the graph for texts, and whether it embeds several at once';
COMMENT ON COLUMN clip_models.image_tower IS
'files, inputs and output of the graph for images, and whether it embeds several at once';
COMMENT ON COLUMN clip_models.caveats IS 'what was assumed at registration, and what does not hold for the model';
COMMENT ON COLUMN clip_models.options IS 'options given at registration';
COMMENT ON COLUMN clip_models.sha256 IS 'identity: hash of the model''s files and of how they are used';
COMMENT ON COLUMN clip_models.directory IS 'where the files are; null without privileges of pg_read_server_files';
COMMENT ON COLUMN clip_models.loaded IS 'where the model is in memory: worker, backend, or null';
COMMENT ON COLUMN clip_models.built_in IS 'whether the model was installed with the extension';
