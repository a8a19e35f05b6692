//! Tokenizers beside configurations and settings of every family.

use super::*;
use crate::testing::{self, Directory};
use serde_json::json;

/// The specification for the tokenizer of [`testing::words`] with two more files.
fn described(config: &Value, settings: &Value, overrides: &Overrides) -> Result<TokenizerSpec> {
    let directory = Directory::new();
    directory.write("tokenizer.json", &testing::words());
    described_in(&directory, config, settings, overrides)
}

/// The specification for the tokenizer in `directory`.
fn described_in(
    directory: &Directory,
    config: &Value,
    settings: &Value,
    overrides: &Overrides,
) -> Result<TokenizerSpec> {
    let text = "onnx/text_model.onnx";
    directory.write("config.json", config.to_string().as_bytes());
    directory.write("tokenizer_config.json", settings.to_string().as_bytes());
    let model = ModelConfig::read(directory.path(), text)?;
    let tokenizer = read(directory.path(), text, &model, None, overrides)?;
    Ok(tokenizer.spec().clone())
}

#[test]
fn padding_tokens_depend_on_the_model() {
    let open_clip = json!({"text_cfg": {"context_length": 77}, "vision_cfg": {}});
    let multilingual =
        json!({"text_cfg": {"hf_tokenizer_name": "xlm-roberta-base"}, "vision_cfg": {}});
    for (config, settings, pad_id) in [
        // Named, as text or as an object; else the first of the usual ones.
        (json!({}), json!({"pad_token": "snow"}), 6),
        (
            json!({}),
            json!({"pad_token": {"content": "dog", "lstrip": false}}),
            5,
        ),
        (json!({}), json!({"pad_token": "unheard of"}), 0),
        (json!({}), json!({}), 0),
        (json!({"model_type": "siglip"}), json!({}), 2),
        (json!({"model_type": "siglip2"}), json!({}), 0),
        // Another vocabulary than the configuration has in mind.
        (open_clip, json!({"pad_token": "dog"}), 5),
        (multilingual, json!({"pad_token": "dog"}), 5),
    ] {
        let found = described(&config, &settings, &Overrides::default()).unwrap();
        assert_eq!(found.pad_id, pad_id, "{config} {settings}");
    }
    let overrides = Overrides {
        pad_id: Some(8),
        ..Overrides::default()
    };
    assert_eq!(
        described(&json!({}), &json!({}), &overrides)
            .unwrap()
            .pad_id,
        8
    );
}

#[test]
fn published_clip_tokenizers_pad_with_zero() {
    let directory = Directory::new();
    directory.copy("tokenizer.json", "tokenizer.json");
    let open_clip = json!({"text_cfg": {"context_length": 77}, "vision_cfg": {}});
    for (config, pad_id) in [
        (open_clip, 0),
        (json!({"model_type": "mobileclip"}), 0),
        // `transformers` pads with the end of text.
        (json!({"model_type": "clip"}), 49407),
    ] {
        let settings = json!({"pad_token": CLIP_END});
        let found = described_in(&directory, &config, &settings, &Overrides::default());
        assert_eq!(found.unwrap().pad_id, pad_id, "{config}");
    }
}

#[test]
fn ends_are_added_for_siglip_and_on_request() {
    for (config, settings, end_id) in [
        (json!({}), json!({}), None),
        (json!({}), json!({"eos_token": "</s>"}), None),
        (
            json!({}),
            json!({"eos_token": "</s>", "add_eos_token": true}),
            Some(2),
        ),
        (json!({"model_type": "siglip"}), json!({}), Some(2)),
        (
            json!({"model_type": "siglip2"}),
            json!({"eos_token": "<s>"}),
            Some(1),
        ),
    ] {
        let found = described(&config, &settings, &Overrides::default()).unwrap();
        assert_eq!(found.end_id, end_id, "{config} {settings}");
    }
}

#[test]
fn context_lengths_have_an_order() {
    let positions = json!({"text_config": {"max_position_embeddings": 32}});
    let jina = json!({"model_type": "jina_clip"});
    let long = json!({"text_config": {"max_position_embeddings": 8192}});
    let open_clip = json!({"text_cfg": {"context_length": 24}});
    for (config, settings, length) in [
        (&json!({}), json!({}), 77),
        // The shorter one.
        (&positions, json!({"model_max_length": 16}), 16),
        (&positions, json!({"model_max_length": 64}), 32),
        (&json!({}), json!({"model_max_length": 16}), 16),
        // No limit is written as 1e30.
        (&json!({}), json!({"model_max_length": 1e30}), 77),
        (&jina, json!({"model_max_length": 8192}), 512),
        (&long, json!({"model_max_length": 8192}), 512),
        // open_clip tells the tokenizer how long a text is.
        (&open_clip, json!({"model_max_length": 16}), 24),
    ] {
        let found = described(config, &settings, &Overrides::default()).unwrap();
        assert_eq!(found.context_length, length, "{config} {settings}");
    }
    let overrides = Overrides {
        context_length: Some(20),
        ..Overrides::default()
    };
    assert_eq!(
        described(&positions, &json!({}), &overrides)
            .unwrap()
            .context_length,
        20
    );
}

#[test]
fn gemma_makes_siglip_2() {
    let config = json!({"model_type": "siglip"});
    let canonical = described(&config, &json!({}), &Overrides::default()).unwrap();
    assert_eq!(
        (canonical.clean, canonical.end_id),
        (Clean::Canonicalize, Some(2))
    );
    let class =
        json!({"tokenizer_class": "GemmaTokenizer", "eos_token": "</s>", "bos_token": "<s>"});
    let found = described(&config, &class, &Overrides::default()).unwrap();
    // The begin token that this tokenizer puts before every text is none of SigLIP 2's.
    assert_eq!(
        (found.clean, found.end_id, found.pad_id, found.special),
        (Clean::Lowercase, Some(2), 0, false)
    );
    let words = String::from_utf8(testing::words()).unwrap();
    let directory = Directory::new();
    directory.write("tokenizer.json", words.replace("</s>", "<eos>").as_bytes());
    let found = described_in(&directory, &config, &json!({}), &Overrides::default()).unwrap();
    assert_eq!((found.clean, found.end_id), (Clean::Lowercase, Some(2)));
    let vocabulary = json!({"model_type": "siglip", "text_config": {"vocab_size": 256_000}});
    let found = described(&vocabulary, &json!({}), &Overrides::default()).unwrap();
    assert_eq!((found.clean, found.pad_id), (Clean::Lowercase, 0));
    let overrides = Overrides {
        clean: Some(Clean::None),
        ..Overrides::default()
    };
    assert_eq!(
        described(&vocabulary, &json!({}), &overrides)
            .unwrap()
            .clean,
        Clean::None
    );
}

#[test]
fn open_clip_strips_separators_and_speaks_a_language() {
    let config = |kwargs: Value| json!({"text_cfg": {"hf_tokenizer_name": "bert", "tokenizer_kwargs": kwargs}});
    let found = |kwargs: Value, settings: Value| {
        described(&config(kwargs), &settings, &Overrides::default())
    };
    let strips = json!({"strip_sep_token": true});
    let stripped = found(strips.clone(), json!({"sep_token": "</s>"})).unwrap();
    assert_eq!(stripped.zeroed_id, Some(2));
    let kept = found(
        json!({"strip_sep_token": false}),
        json!({"sep_token": "</s>"}),
    );
    assert_eq!(kept.unwrap().zeroed_id, None);
    for (kwargs, words) in [
        (strips, "[SEP]"),
        (json!({"language": "fra_Latn"}), "fra_Latn"),
    ] {
        let refused = found(kwargs, json!({})).unwrap_err();
        assert!(
            matches!(&refused, Error::UnsupportedConfiguration { reason, .. } if reason.contains(words)),
            "{refused}"
        );
    }
}

#[test]
fn normalizers_are_compared_with_the_settings() {
    let mut words: Value = serde_json::from_slice(&testing::words()).unwrap();
    words["normalizer"] = json!({
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": false,
    });
    let directory = Directory::new();
    directory.write("tokenizer.json", words.to_string().as_bytes());
    for (settings, fits) in [
        (
            json!({"tokenizer_class": "BertTokenizer", "do_lower_case": false}),
            true,
        ),
        (
            json!({"tokenizer_class": "BertTokenizer", "do_lower_case": null}),
            true,
        ),
        (
            json!({"tokenizer_class": "BertTokenizer", "do_lower_case": true}),
            false,
        ),
        (
            json!({"tokenizer_class": "DistilBertTokenizerFast", "strip_accents": true}),
            false,
        ),
        // What other classes leave alone.
        (
            json!({"tokenizer_class": "XLMRobertaTokenizer", "do_lower_case": true}),
            true,
        ),
    ] {
        match described_in(&directory, &json!({}), &settings, &Overrides::default()) {
            Ok(_) => assert!(fits, "{settings}"),
            Err(refused) => assert!(
                !fits
                    && refused
                        .to_string()
                        .contains("is true, in \"tokenizer.json\" it is"),
                "{refused}"
            ),
        }
    }
}

#[test]
fn sides_are_read() {
    let sides = json!({"padding_side": "left", "truncation_side": "left"});
    let found = described(&json!({}), &sides, &Overrides::default()).unwrap();
    assert_eq!(
        (found.padding_side, found.truncation_side),
        (Side::Left, Side::Left)
    );
    let mut words: Value = serde_json::from_slice(&testing::words()).unwrap();
    words["padding"] = json!({
        "strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>",
    });
    let directory = Directory::new();
    directory.write("tokenizer.json", words.to_string().as_bytes());
    for (settings, side) in [
        (json!({}), Side::Left),
        (json!({"padding_side": "right"}), Side::Right),
    ] {
        let found = described_in(&directory, &json!({}), &settings, &Overrides::default());
        assert_eq!(found.unwrap().padding_side, side);
    }
    let middle = described(
        &json!({}),
        &json!({"padding_side": "middle"}),
        &Overrides::default(),
    );
    let refused = middle.unwrap_err().to_string();
    assert!(
        refused.contains("\"padding_side\"") && refused.contains("middle"),
        "{refused}"
    );
}

#[test]
fn sentence_transformers_have_files_of_their_own() {
    let directory = Directory::new();
    directory.write("tokenizer.json", &testing::words());
    directory.write(
        "sentence_bert_config.json",
        br#"{"max_seq_length": 12, "do_lower_case": true}"#,
    );
    directory.write(
        "config_sentence_transformers.json",
        br#"{"prompts": {"query": "query: "}, "default_prompt_name": "query"}"#,
    );
    let found = described_in(&directory, &json!({}), &json!({}), &Overrides::default()).unwrap();
    assert_eq!(
        (found.context_length, found.clean, found.prefix.as_str()),
        (12, Clean::Lowercase, "query: ")
    );
}

#[test]
fn missing_tokenizers_are_named() {
    let directory = Directory::new();
    let model = ModelConfig::read(directory.path(), "textual/model.onnx").unwrap();
    let none = Overrides::default();
    let refused = read(directory.path(), "textual/model.onnx", &model, None, &none);
    assert!(matches!(
        refused.err().unwrap(),
        Error::MissingModelFile { file, .. } if file == "tokenizer.json"
    ));
}
