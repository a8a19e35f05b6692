//! What a model's `config.json` says about it, in the dialects of `transformers` and of open_clip.

use super::{files, layout};
use crate::{Error, Result, tokenize::Clean};
use serde_json::Value;
use std::path::Path;

/// Kinds of models that differ in more than their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// OpenAI's CLIP and whatever shares its conventions.
    Clip,
    /// SigLIP: sigmoid, squashed images, canonicalised texts.
    Siglip,
    /// SigLIP 2: the same with Gemma's tokenizer.
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
    /// What open_clip does to a text first.
    pub clean: Option<Clean>,
    /// Whether texts go through OpenAI's tokenizer as open_clip has it, which pads with 0.
    pub pads_with_zero: bool,
}

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
            Some(file) => Ok(Self::parse(&json(directory, &file)?)),
            None => Ok(Self::parse(&Value::Null)),
        }
    }

    fn parse(config: &Value) -> Self {
        let open_clip = config.get("model_cfg").unwrap_or(config);
        if open_clip.get("text_cfg").is_some() || open_clip.get("vision_cfg").is_some() {
            return Self::open_clip(open_clip);
        }
        let model_type = config["model_type"].as_str().unwrap_or("clip").to_owned();
        let lower = model_type.to_lowercase();
        let family = match lower.as_str() {
            "siglip" | "siglip_text_model" => Family::Siglip,
            "siglip2" | "siglip2_text_model" => Family::Siglip2,
            _ if lower.contains("jina") => Family::Unpadded,
            _ => Family::Clip,
        };
        // Elsewhere the number of positions counts what the tower could take, not what it was trained with.
        let positions = match family {
            Family::Clip => unsigned(&config["text_config"]["max_position_embeddings"]),
            Family::Siglip | Family::Siglip2 => {
                Some(unsigned(&config["text_config"]["max_position_embeddings"]).unwrap_or(64))
            }
            Family::Unpadded => None,
        };
        Self {
            family,
            context_length: positions.map(|length| length as usize),
            image_size: unsigned(&config["vision_config"]["image_size"]),
            logit_scale: config["logit_scale_init_value"].as_f64(),
            sigmoid: matches!(family, Family::Siglip | Family::Siglip2),
            clean: None,
            pads_with_zero: lower.contains("mobileclip"),
            model_type,
        }
    }

    fn open_clip(config: &Value) -> Self {
        let text = &config["text_cfg"];
        let tokenizer = text["hf_tokenizer_name"].as_str();
        // A bias is what the sigmoid loss is trained with.
        let sigmoid = config["init_logit_bias"].is_number();
        let clean = match text["tokenizer_kwargs"]["clean"].as_str() {
            Some("canonicalize") => Clean::Canonicalize,
            Some("lower") => Clean::Lowercase,
            _ => Clean::None,
        };
        let (model_type, family) = match tokenizer {
            Some(name) if name.contains("SigLIP2") => ("siglip2", Family::Siglip2),
            Some(name) if name.contains("SigLIP") => ("siglip", Family::Siglip),
            _ => ("clip", Family::Clip),
        };
        Self {
            model_type: model_type.to_owned(),
            family,
            context_length: Some(unsigned(&text["context_length"]).unwrap_or(77) as usize),
            image_size: unsigned(&config["vision_cfg"]["image_size"]),
            logit_scale: None,
            sigmoid,
            clean: Some(clean),
            pads_with_zero: tokenizer.is_none() && text["hf_model_name"].is_null(),
        }
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

    #[test]
    fn transformers_configurations_are_read() {
        let clip = ModelConfig::parse(&json!({
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
        let siglip = ModelConfig::parse(
            &json!({"model_type": "siglip", "text_config": {"model_type": "x"}}),
        );
        assert_eq!(
            (siglip.family, siglip.context_length, siglip.sigmoid),
            (Family::Siglip, Some(64), true)
        );
        assert_eq!(
            ModelConfig::parse(&json!({"model_type": "jina_clip"})).family,
            Family::Unpadded
        );
        assert_eq!(ModelConfig::parse(&Value::Null).model_type, "clip");
    }

    #[test]
    fn open_clip_configurations_are_read() {
        let clip = json!({"embed_dim": 512, "text_cfg": {"context_length": 77}, "vision_cfg": {"image_size": 224}});
        let clip = ModelConfig::parse(&clip);
        assert_eq!(
            (clip.family, clip.pads_with_zero, clip.sigmoid),
            (Family::Clip, true, false)
        );
        let siglip = ModelConfig::parse(&json!({"model_cfg": {
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
            (Some(Clean::Canonicalize), false)
        );
        let nllb = ModelConfig::parse(&json!({
            "init_logit_bias": -10, "text_cfg": {"hf_tokenizer_name": "facebook/nllb-200-distilled-600M"},
        }));
        assert_eq!((nllb.family, nllb.sigmoid), (Family::Clip, true));
    }
}
