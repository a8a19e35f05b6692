//! What a caller may set at registration instead of having it read from the model's files.

use crate::{Error, Result, manifest::Activation, tokenize::Clean};
use imaging::preprocess::{Alpha, ColorProfile};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Settings that take precedence over the model's own configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// Factor from cosine similarity to logit, above 0.
    pub logit_scale: Option<f64>,
    /// Added to the scaled similarity.
    pub logit_bias: Option<f64>,
    /// How logits become probabilities.
    pub activation: Option<Activation>,
    /// Put before every text; a language code of the vocabulary (`deu_Latn`) takes the place of the model's default.
    pub prefix: Option<String>,
    /// Tokens per text, at least 2.
    pub context_length: Option<usize>,
    /// Token id that fills up short texts.
    pub pad_id: Option<u32>,
    /// What happens to a text before it is tokenized.
    pub clean: Option<Clean>,
    /// ONNX file of the text tower, relative to the model directory.
    pub text_file: Option<String>,
    /// ONNX file of the image tower, relative to the model directory.
    pub vision_file: Option<String>,
    /// Output of the text tower that is the embedding.
    pub text_output: Option<String>,
    /// Output of the image tower that is the embedding.
    pub vision_output: Option<String>,
    /// What becomes of an alpha channel.
    pub alpha: Option<Alpha>,
    /// What becomes of colours that are not sRGB.
    pub color_profile: Option<ColorProfile>,
    /// Whether the EXIF orientation is applied.
    pub exif_orientation: Option<bool>,
}

impl Overrides {
    /// Reads a JSON object whose keys are this structure's fields.
    ///
    /// Fails with [`Error::InvalidOption`], which names an unknown key and lists those known.
    pub fn from_json(options: &Value) -> Result<Self> {
        let Value::Object(fields) = options else {
            return Err(Error::InvalidOption(
                "the options are not a JSON object".to_owned(),
            ));
        };
        // One by one first: serde names an unknown key, but not the key whose value has the wrong type.
        for (key, value) in fields {
            let single = Map::from_iter([(key.clone(), value.clone())]);
            serde_json::from_value::<Self>(Value::Object(single))
                .map_err(|error| Error::InvalidOption(format!("\"{key}\": {error}")))?;
        }
        let overrides: Self = serde_json::from_value(options.clone())
            .map_err(|error| Error::InvalidOption(error.to_string()))?;
        overrides.check()?;
        Ok(overrides)
    }

    fn check(&self) -> Result<()> {
        if let Some(scale) = self.logit_scale
            && !(scale.is_finite() && scale > 0.0)
        {
            return Err(Error::InvalidOption(format!(
                "\"logit_scale\" must be above 0, not {scale}"
            )));
        }
        if let Some(length) = self.context_length
            && !(2..=8192).contains(&length)
        {
            return Err(Error::InvalidOption(format!(
                "\"context_length\" must be between 2 and 8192, not {length}"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(options: Value) -> String {
        Overrides::from_json(&options).unwrap_err().to_string()
    }

    #[test]
    fn known_keys_are_read() {
        let overrides = Overrides::from_json(
            &json!({"logit_scale": 27, "activation": "sigmoid", "alpha": "white", "prefix": "x "}),
        )
        .unwrap();
        assert_eq!(overrides.logit_scale, Some(27.0));
        assert_eq!(overrides.activation, Some(Activation::Sigmoid));
        assert_eq!(overrides.alpha, Some(Alpha::White));
        assert_eq!(
            Overrides::from_json(&json!({})).unwrap(),
            Overrides::default()
        );
    }

    #[test]
    fn mistakes_are_named() {
        let unknown = refusal(json!({"logit_scal": 1}));
        assert!(
            unknown.contains("logit_scal") && unknown.contains("exif_orientation"),
            "{unknown}"
        );
        let kind = refusal(json!({"logit_scale": "high"}));
        assert!(
            kind.contains("\"logit_scale\"") && kind.contains("high"),
            "{kind}"
        );
        assert!(refusal(json!({"logit_scale": 0})).contains("above 0"));
        assert!(refusal(json!({"context_length": 1})).contains("between 2"));
        assert!(refusal(json!([1])).contains("not a JSON object"));
    }
}
