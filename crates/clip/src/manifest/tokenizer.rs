//! Which tokenizer a model has and how its texts are filled up.

use super::{
    Overrides,
    config::{self, Family, ModelConfig},
    files, layout,
};
use crate::{
    Error, Result,
    tokenize::{Clean, Padding, Tokenizer, TokenizerSpec},
};
use serde_json::Value;
use std::path::Path;

const NAMES: [&str; 2] = ["tokenizer.json", "bpe_simple_vocab_16e6.txt.gz"];
/// End of text in CLIP's vocabulary.
const CLIP_END: &str = "<|endoftext|>";
/// Tokens per text where nothing says otherwise, CLIP's.
const CONTEXT_LENGTH: usize = 77;
/// Tokens per text of models that take far more than a caption has.
const LONG_CONTEXT_LENGTH: usize = 512;

/// Loads the tokenizer that belongs to the graph `text`. `length` is the context length if the graph fixes it.
pub(super) fn read(
    directory: &Path,
    text: &str,
    model: &ModelConfig,
    length: Option<u32>,
    overrides: &Overrides,
) -> Result<Tokenizer> {
    let folders = layout::folders(text);
    let file =
        layout::first(directory, &folders, &NAMES).ok_or_else(|| Error::MissingModelFile {
            file: NAMES[0].to_owned(),
            reason: format!(
                "\"{}\" holds no tokenizer for \"{text}\"",
                directory.display()
            ),
        })?;
    let settings = settings(directory, &file)?;
    let spec = TokenizerSpec {
        context_length: context_length(model, length, &settings, overrides)?,
        // Provisional; registration finds out whether filling up can be spared.
        padding: if model.family == Family::Unpadded {
            Padding::Longest
        } else {
            Padding::Full
        },
        pad_id: 0,
        end_id: None,
        clean: overrides.clean.unwrap_or_else(|| clean(model)),
        prefix: overrides.prefix.clone().unwrap_or_default(),
        file,
    };
    let contents = files::contents(directory, &spec.file)?;
    let mut tokenizer = Tokenizer::new(&contents, spec)?;
    let pad_id = overrides
        .pad_id
        .unwrap_or_else(|| pad_id(&tokenizer, model, &settings));
    let siglip = matches!(model.family, Family::Siglip | Family::Siglip2);
    let end_id = (siglip || settings["add_eos_token"] == Value::Bool(true))
        .then(|| token(&settings["eos_token"]).or(Some("</s>").filter(|_| siglip)))
        .flatten()
        .and_then(|token| tokenizer.id(token));
    let spec = tokenizer.spec_mut();
    (spec.pad_id, spec.end_id) = (pad_id, end_id);
    Ok(tokenizer)
}

/// `tokenizer_config.json` beside the tokenizer, completed by `special_tokens_map.json`.
fn settings(directory: &Path, file: &str) -> Result<Value> {
    let folder = file
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder)
        .to_owned();
    let mut settings = Value::Object(serde_json::Map::new());
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
        let Some(file) = layout::first(directory, std::slice::from_ref(&folder), &[name]) else {
            continue;
        };
        if let (Value::Object(all), Value::Object(more)) =
            (&mut settings, config::json(directory, &file)?)
        {
            for (key, value) in more {
                all.entry(key).or_insert(value);
            }
        }
    }
    Ok(settings)
}

fn context_length(
    model: &ModelConfig,
    graph: Option<u32>,
    settings: &Value,
    overrides: &Overrides,
) -> Result<usize> {
    match (
        overrides.context_length,
        graph.map(|length| length as usize),
    ) {
        (Some(wanted), Some(fixed)) if wanted != fixed => Err(Error::InvalidOption(format!(
            "\"context_length\" is {wanted}, but the text tower takes exactly {fixed} tokens"
        ))),
        (Some(length), _) | (None, Some(length)) => Ok(length),
        (None, None) => {
            // Unlimited tokenizers have 1e30 here, which is no count.
            let limit =
                config::unsigned(&settings["model_max_length"]).map(|length| length as usize);
            let limit = limit.map(|length| length.min(LONG_CONTEXT_LENGTH));
            Ok(model
                .context_length
                .or(limit)
                .unwrap_or(CONTEXT_LENGTH)
                .max(2))
        }
    }
}

fn clean(model: &ModelConfig) -> Clean {
    model.clean.unwrap_or(match model.family {
        Family::Siglip => Clean::Canonicalize,
        Family::Siglip2 => Clean::Lowercase,
        Family::Clip | Family::Unpadded => Clean::None,
    })
}

/// OpenAI's own tokenizer and open_clip's copy of it pad with 0; elsewhere the padding token counts, which the slow
/// tokenizer classes of `transformers` have even where no file names it.
///
/// A configuration without a tokenizer's name means OpenAI's, unless the vocabulary is another: M-CLIP's is
/// XLM-RoBERTa's beside the configuration of the CLIP that it was trained after.
fn pad_id(tokenizer: &Tokenizer, model: &ModelConfig, settings: &Value) -> u32 {
    let published = model.pads_with_zero || tokenizer.spec().file.ends_with(".gz");
    if published && tokenizer.id(CLIP_END).is_some() {
        return 0;
    }
    let usual: &[&str] = match model.family {
        Family::Siglip => &["</s>"],
        _ => &["<pad>", "[PAD]", CLIP_END],
    };
    let candidates = token(&settings["pad_token"])
        .into_iter()
        .chain(usual.iter().copied());
    candidates
        .filter_map(|token| tokenizer.id(token))
        .next()
        .unwrap_or(0)
}

/// A special token, which is written as its text or as an object around it.
fn token(value: &Value) -> Option<&str> {
    value.as_str().or(value["content"].as_str())
}

#[cfg(test)]
mod tests {
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
        for (config, settings, length) in [
            (&json!({}), json!({}), 77),
            (&positions, json!({"model_max_length": 16}), 32),
            (&json!({}), json!({"model_max_length": 16}), 16),
            // No limit is written as 1e30.
            (&json!({}), json!({"model_max_length": 1e30}), 77),
            (&jina, json!({"model_max_length": 8192}), 512),
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
}
