-- What registration takes from a model's configuration files, what it refuses there, and what it assumes without them.
SET clip_pg.model_directory = 'clip_pg_regression';
SELECT setting || '/extension/clip_pg/models/clip-mini' AS built_in FROM pg_config WHERE name = 'SHAREDIR' \gset
SELECT current_setting('data_directory') || '/clip_pg_regression_model' AS directory \gset
-- The towers of clip-mini, without anything that says how they are used.
SELECT format($$COPY (SELECT WHERE false) TO PROGRAM 'mkdir %1$s %1$s/onnx; ln -s %2$s/tokenizer.json %1$s/; ln -s %2$s/onnx/*.onnx %1$s/onnx/'$$,
              :'directory', :'built_in') AS command \gset
:command;
CREATE FUNCTION pg_temp.write(file text, contents text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', contents, 'cat >clip_pg_regression_model/' || file);
END $$;
CREATE FUNCTION pg_temp.attempt(name text, options jsonb DEFAULT '{}',
                                OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_register_model(name, current_setting('data_directory') || '/clip_pg_regression_model', options);
    state := '00000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
-- With these contents in a file.
CREATE FUNCTION pg_temp.attempt_with(file text, contents text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE sql AS $$
SELECT pg_temp.write(file, contents);
SELECT * FROM pg_temp.attempt('x');
$$;

-- Nothing is said: CLIP's ways.
SELECT clip_register_model('bare', :'directory');
SELECT logit_scale, logit_source, caveats, text_tower, image_tower FROM clip_models WHERE name = 'bare' \gx
SELECT jsonb_pretty(tokenization) FROM clip_models WHERE name = 'bare';

-- Version 5 of transformers writes all settings of a processor into one file.
SELECT pg_temp.write('processor_config.json', '{"processor_class": "CLIPProcessor", "image_processor": {'
    '"image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}, "resample": 2, '
    '"image_mean": 0.5, "image_std": [0.5, 0.5, 0.5]}}');
SELECT clip_register_model('processor', :'directory');
SELECT preprocessing -> 'resize' AS resize, preprocessing -> 'filter' AS filter, preprocessing -> 'mean' AS mean, caveats
FROM clip_models WHERE name = 'processor' \gx

-- A kind of processor, or a step, that is not carried out.
\x on
SELECT * FROM pg_temp.attempt_with('processor_config.json', '{"image_processor": {"image_processor_type": "FlavaImageProcessor"}}');
SELECT * FROM pg_temp.attempt_with('processor_config.json', '{"image_processor": {"size": 224, "do_pad": true}}');
SELECT * FROM pg_temp.attempt_with('processor_config.json', '{"image_processor": {"size": {"shortest_edge": 224, "longest_edge": 448}}}');
SELECT * FROM pg_temp.attempt_with('processor_config.json', '{"image_processor": {"size": 256, "crop_size": 256}}');
SELECT pg_temp.write('processor_config.json', '{"image_processor": {"size": 224}}');

-- Settings of open_clip's tokenizers.
SELECT * FROM pg_temp.attempt_with('config.json', '{"embed_dim": 512, "text_cfg": {"hf_tokenizer_name": "x", "tokenizer_kwargs": {"something_new": true}}}');
SELECT * FROM pg_temp.attempt_with('config.json', '{"embed_dim": 512, "text_cfg": {"hf_tokenizer_name": "x", "tokenizer_mode": "clips"}}');
SELECT * FROM pg_temp.attempt_with('config.json', '{"embed_dim": 512, "text_cfg": {"hf_tokenizer_name": "x", "tokenizer_kwargs": {"strip_sep_token": true}}}');
SELECT pg_temp.write('tokenizer_config.json', '{"sep_token": "<|endoftext|>"}');
SELECT * FROM pg_temp.attempt('separator');
SELECT tokenization -> 'zeroed_id' AS zeroed_id FROM clip_models WHERE name = 'separator';
SELECT * FROM pg_temp.attempt_with('tokenizer_config.json', '{"padding_side": "both"}');
SELECT pg_temp.write('tokenizer_config.json', '{"model_max_length": 40}');

-- Towers without the projection that the configuration announces.
SELECT * FROM pg_temp.attempt_with('config.json', '{"model_type": "clip", "projection_dim": 640}');

-- The shorter of two lengths.
SELECT pg_temp.write('config.json', '{"model_type": "clip", "text_config": {"max_position_embeddings": 77}}');
SELECT * FROM pg_temp.attempt('short');
SELECT context_length FROM clip_models WHERE name = 'short';
SELECT * FROM pg_temp.attempt('x', '{"context_length": 2}');

-- Outputs.
SELECT * FROM pg_temp.attempt('x', '{"text_output": "token_embeddings"}');

-- SigLIP 2 of fixed resolution calls itself SigLIP; its vocabulary is Gemma's. No file holds its logit scale.
SELECT pg_temp.write('config.json', '{"model_type": "siglip", "text_config": {"vocab_size": 256000, "max_position_embeddings": 77}}');
SELECT * FROM pg_temp.attempt('siglip-2');
SELECT tokenization -> 'clean' AS clean, logit_source, caveats FROM clip_models WHERE name = 'siglip-2';
SELECT * FROM pg_temp.attempt('siglip-2', '{"logit_scale": 112.5, "logit_bias": -16.7}');
SELECT logit_scale, logit_bias, logit_source, caveats FROM clip_models WHERE name = 'siglip-2';

-- CLIP's vocabulary was made from English texts, which is told; others are not spoken of.
SELECT format($$COPY (SELECT WHERE false) TO PROGRAM 'rm %1$s/tokenizer.json'$$, :'directory') AS command \gset
:command;
SELECT pg_temp.write('tokenizer.json', '{"version": "1.0", "added_tokens": [], "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, '
    '"model": {"type": "WordLevel", "vocab": {"<unk>": 0, "chat": 1, "chien": 2}, "unk_token": "<unk>"}}');
SELECT clip_register_model('words', :'directory');
SELECT name, caveats FROM clip_models WHERE name IN ('words', 'clip-mini') ORDER BY name;

-- What Git leaves behind without its extension for large files.
SELECT * FROM pg_temp.attempt_with('config.json', E'version https://git-lfs.github.com/spec/v1');

COPY (SELECT WHERE false) TO PROGRAM 'rm -r clip_pg_regression clip_pg_regression_model';
