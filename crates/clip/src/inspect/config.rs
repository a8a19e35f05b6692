//! What a model's `config.json` says about it, in the dialects of `transformers` and of open_clip.

use super::layout;
use crate::{
    Error, Result, files,
    tokenize::{self, Clean},
};
use serde_json::Value;
use std::path::Path;

/// Kinds of models that differ in more than their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// OpenAI's CLIP and whatever shares its conventions.
    Clip,
    /// SigLIP: sigmoid, squashed images, canonicalised texts.
    Siglip,
    /// SigLIP 2: the same with Gemma's tokenizer, texts in lower case with their punctuation. Of fixed resolution it
    /// calls itself SigLIP; the vocabulary tells it apart, here by its size and in [`super::tokenizer`] by itself.
    Siglip2,
    /// A model whose texts are not filled up in the reference, such as jina-clip.
    Unpadded,
}

/// The model's own words about itself; everything is optional.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ModelConfig {
    pub model_type: String,
    pub family: Family,
    /// Tokens per text.
    pub context_length: Option<usize>,
    /// Pixels per side.
    pub image_size: Option<u32>,
    /// ln of the logit scale that the file holds.
    pub logit_scale: Option<f64>,
    pub sigmoid: bool,
    /// Dimensions of an embedding.
    pub dimensions: Option<usize>,
    /// What open_clip does to a text first.
    pub clean: Option<Clean>,
    /// Whether texts go through OpenAI's tokenizer as open_clip has it, which pads with 0.
    pub pads_with_zero: bool,
    /// Whether the file is open_clip's, whose context length overrides the tokenizer's own limit.
    pub open_clip: bool,
    /// open_clip's `strip_sep_token`: the separator becomes 0.
    pub strips_separator: bool,
    /// open_clip's language code for the tokenizer.
    pub language: Option<String>,
}

/// Size of Gemma's vocabulary.
const GEMMA_VOCABULARY: u32 = 256_000;

impl ModelConfig {
    /// Reads the configuration that belongs to the graph `text` in `directory`; a model without one is a CLIP.
    pub(super) fn read(directory: &Path, text: &str) -> Result<Self> {
        let mut folders = layout::folders(text);
        folders.reverse();
        match layout::first(
            directory,
            &folders,
            &["config.json", "open_clip_config.json"],
        ) {
            Some(file) => {
                let config = json(directory, &file)?;
                Self::parse(&config)
                    .map_err(|reason| Error::UnsupportedConfiguration { file, reason })
            }
            None => Ok(Self::transformers(&Value::Null)),
        }
    }

    fn parse(config: &Value) -> std::result::Result<Self, String> {
        let open_clip = config.get("model_cfg").unwrap_or(config);
        if open_clip.get("text_cfg").is_some() || open_clip.get("vision_cfg").is_some() {
            Self::open_clip(open_clip)
        } else {
            Ok(Self::transformers(config))
        }
    }

    fn transformers(config: &Value) -> Self {
        let model_type = config["model_type"].as_str().unwrap_or("clip").to_owned();
        let lower = model_type.to_lowercase();
        // A tower by itself has its settings at the top.
        let text = config.get("text_config").unwrap_or(config);
        let family = match lower.as_str() {
            "siglip" | "siglip_text_model" => match unsigned(&text["vocab_size"]) {
                Some(GEMMA_VOCABULARY) => Family::Siglip2,
                _ => Family::Siglip,
            },
            "siglip2" | "siglip2_text_model" => Family::Siglip2,
            _ if lower.contains("jina") => Family::Unpadded,
            _ => Family::Clip,
        };
        // Elsewhere the number of positions counts what the tower could take, not what it was trained with.
        let positions = match family {
            // Its processor in `transformers` cuts texts to this, whatever the tokenizer says.
            Family::Clip if lower == "align" => positions(text).map(|length| length.min(64)),
            Family::Clip => positions(text),
            Family::Siglip | Family::Siglip2 => Some(positions(text).unwrap_or(64)),
            Family::Unpadded => None,
        };
        let dimensions = match family {
            Family::Clip => unsigned(&config["projection_dim"]),
            Family::Siglip | Family::Siglip2 | Family::Unpadded => None,
        };
        Self {
            family,
            context_length: positions.map(|length| length as usize),
            image_size: unsigned(&config["vision_config"]["image_size"]),
            logit_scale: config["logit_scale_init_value"].as_f64(),
            sigmoid: matches!(family, Family::Siglip | Family::Siglip2),
            dimensions: dimensions.map(|dimensions| dimensions as usize),
            clean: None,
            pads_with_zero: lower.contains("mobileclip"),
            open_clip: false,
            strips_separator: false,
            language: None,
            model_type,
        }
    }

    /// Fails with the name of a setting of the tokenizer that is not known: what it does to texts is not, either.
    fn open_clip(config: &Value) -> std::result::Result<Self, String> {
        let text = &config["text_cfg"];
        let tokenizer = text["hf_tokenizer_name"].as_str();
        // A bias is what the sigmoid loss is trained with.
        let sigmoid = config["init_logit_bias"].is_number();
        let (model_type, family) = match tokenizer {
            Some(name) if name.contains("SigLIP2") => ("siglip2", Family::Siglip2),
            Some(name) if name.contains("SigLIP") => ("siglip", Family::Siglip),
            _ => ("clip", Family::Clip),
        };
        let mut model = Self {
            model_type: model_type.to_owned(),
            family,
            context_length: Some(unsigned(&text["context_length"]).unwrap_or(77) as usize),
            image_size: unsigned(&config["vision_cfg"]["image_size"]),
            logit_scale: None,
            sigmoid,
            dimensions: unsigned(&config["embed_dim"]).map(|dimensions| dimensions as usize),
            clean: Some(Clean::None),
            pads_with_zero: tokenizer.is_none() && text["hf_model_name"].is_null(),
            open_clip: true,
            strips_separator: false,
            language: None,
        };
        let mode = &text["tokenizer_mode"];
        if !mode.is_null() && mode.as_str() != Some("") {
            return Err(unusable("tokenizer_mode", mode));
        }
        let settings = text["tokenizer_kwargs"].as_object().into_iter().flatten();
        for (key, value) in settings.filter(|(_, value)| !value.is_null()) {
            match (key.as_str(), value) {
                ("clean", Value::String(clean)) if clean == "canonicalize" => {
                    model.clean = Some(Clean::CanonicalizeWords);
                }
                ("clean", Value::String(clean)) if clean == "lower" => {
                    model.clean = Some(Clean::Lowercase);
                }
                ("clean", Value::String(clean)) if clean == "whitespace" => {}
                ("strip_sep_token", &Value::Bool(strips)) => model.strips_separator = strips,
                ("language", Value::String(code)) if tokenize::is_language(code) => {
                    model.language = Some(code.clone());
                }
                _ => return Err(format!("\"tokenizer_kwargs\": {}", unusable(key, value))),
            }
        }
        Ok(model)
    }

    /// Whether the model is OpenAI's CLIP or one that ends its training at the same logit scale.
    pub(super) fn has_clips_scale(&self) -> bool {
        !self.sigmoid && (self.model_type == "clip" || self.model_type.starts_with("clip_"))
    }
}

/// Tokens that the table of positions of a text tower serves: RoBERTa and its offspring count from behind the id of
/// padding, 1.
fn positions(text: &Value) -> Option<u32> {
    let rows = unsigned(&text["max_position_embeddings"])?;
    let kind = text["model_type"].as_str().unwrap_or_default();
    if kind.contains("roberta") || kind.starts_with("altclip") {
        let padding = text["pad_token_id"].as_u64().unwrap_or(1);
        let unused = u32::try_from(padding).ok()?.checked_add(1)?;
        rows.checked_sub(unused).filter(|&length| length > 0)
    } else {
        Some(rows)
    }
}

/// Reads a JSON file of a model.
pub(super) fn json(directory: &Path, file: &str) -> Result<Value> {
    serde_json::from_slice(&files::contents(directory, file)?).map_err(|error| {
        Error::InvalidModelFile {
            file: file.to_owned(),
            reason: error.to_string(),
        }
    })
}

/// What is said of a setting that nothing here carries out.
pub(super) fn unusable(key: &str, value: &Value) -> String {
    format!("\"{key}\" has the unsupported value {value}")
}

/// A JSON number that is a count above 0.
pub(super) fn unsigned(value: &Value) -> Option<u32> {
    value
        .as_u64()
        .and_then(|value| u32::try_from(value).ok())
        .filter(|&value| value > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(config: Value) -> ModelConfig {
        ModelConfig::parse(&config).unwrap()
    }

    #[test]
    fn transformers_configurations_are_read() {
        let clip = parsed(json!({
            "model_type": "clip", "logit_scale_init_value": 2.6592,
            "text_config": {"max_position_embeddings": 77}, "vision_config": {"image_size": 336},
        }));
        assert_eq!(
            (clip.family, clip.context_length, clip.image_size),
            (Family::Clip, Some(77), Some(336))
        );
        assert_eq!(
            (clip.logit_scale, clip.sigmoid, clip.pads_with_zero),
            (Some(2.6592), false, false)
        );
        let siglip = parsed(json!({"model_type": "siglip", "text_config": {"model_type": "x"}}));
        assert_eq!(
            (siglip.family, siglip.context_length, siglip.sigmoid),
            (Family::Siglip, Some(64), true)
        );
        assert_eq!(
            parsed(json!({"model_type": "jina_clip"})).family,
            Family::Unpadded
        );
        assert_eq!(parsed(Value::Null).model_type, "clip");
    }

    #[test]
    fn open_clip_configurations_are_read() {
        let clip = json!({"embed_dim": 512, "text_cfg": {"context_length": 77}, "vision_cfg": {"image_size": 224}});
        let clip = parsed(clip);
        assert_eq!(
            (clip.family, clip.pads_with_zero, clip.sigmoid),
            (Family::Clip, true, false)
        );
        let siglip = parsed(json!({"model_cfg": {
            "init_logit_bias": -10,
            "vision_cfg": {"image_size": 224},
            "text_cfg": {
                "context_length": 64, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
                "tokenizer_kwargs": {"clean": "canonicalize"},
            },
        }}));
        assert_eq!(
            (siglip.family, siglip.context_length),
            (Family::Siglip, Some(64))
        );
        assert_eq!(
            (siglip.clean, siglip.pads_with_zero),
            (Some(Clean::CanonicalizeWords), false)
        );
        let nllb = parsed(json!({
            "init_logit_bias": -10, "text_cfg": {"hf_tokenizer_name": "facebook/nllb-200-distilled-600M"},
        }));
        assert_eq!((nllb.family, nllb.sigmoid), (Family::Clip, true));
    }

    #[test]
    fn gemma_makes_siglip_2() {
        for (vocabulary, family) in [(32_000, Family::Siglip), (256_000, Family::Siglip2)] {
            let config = json!({"model_type": "siglip", "text_config": {"vocab_size": vocabulary}});
            assert_eq!(parsed(config).family, family);
        }
    }

    #[test]
    fn positions_count_what_serves_a_text() {
        for (text, length) in [
            (json!({"max_position_embeddings": 77}), Some(77)),
            (
                json!({"model_type": "altclip_text_model", "max_position_embeddings": 514}),
                Some(512),
            ),
            (
                json!({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 0}),
                Some(513),
            ),
            (
                json!({"model_type": "roberta", "max_position_embeddings": 2}),
                None,
            ),
        ] {
            let config = parsed(json!({"model_type": "altclip", "text_config": text.clone()}));
            assert_eq!(config.context_length, length, "{text}");
        }
        let align = json!({"model_type": "align", "text_config": {"max_position_embeddings": 512}});
        assert_eq!(parsed(align).context_length, Some(64));
        // A tower that was downloaded by itself.
        let alone = parsed(json!({"model_type": "clip_text_model", "max_position_embeddings": 32}));
        assert_eq!(alone.context_length, Some(32));
    }

    #[test]
    fn dimensions_are_announced() {
        let clip = json!({"model_type": "clip", "projection_dim": 640, "text_config": {"projection_dim": 512}});
        assert_eq!(parsed(clip).dimensions, Some(640));
        let open_clip = json!({"embed_dim": 768, "text_cfg": {}, "vision_cfg": {}});
        assert_eq!(parsed(open_clip).dimensions, Some(768));
        assert_eq!(
            parsed(json!({"model_type": "siglip", "projection_dim": 7})).dimensions,
            None
        );
    }

    #[test]
    fn settings_of_the_tokenizer_are_known_or_refused() {
        let with = |text: Value| ModelConfig::parse(&json!({"text_cfg": text}));
        let known = with(json!({"tokenizer_kwargs": {
            "strip_sep_token": true, "clean": "lower", "language": "fra_Latn", "anything": null,
        }}));
        let known = known.unwrap();
        assert_eq!(
            (
                known.strips_separator,
                known.clean,
                known.language.as_deref()
            ),
            (true, Some(Clean::Lowercase), Some("fra_Latn"))
        );
        for (text, key) in [
            (json!({"tokenizer_mode": "clips"}), "tokenizer_mode"),
            (
                json!({"tokenizer_kwargs": {"something_new": false}}),
                "something_new",
            ),
            (
                json!({"tokenizer_kwargs": {"clean": "thoroughly"}}),
                "thoroughly",
            ),
            (
                json!({"tokenizer_kwargs": {"strip_sep_token": "yes"}}),
                "strip_sep_token",
            ),
            (
                json!({"tokenizer_kwargs": {"language": "French"}}),
                "language",
            ),
        ] {
            let refused = with(text).unwrap_err();
            assert!(refused.contains(key), "{refused}");
        }
    }
}
