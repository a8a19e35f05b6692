//! What a user should know of a model that was registered all the same.

use super::{LogitSource, Manifest};
use serde::{Deserialize, Serialize};

/// Files that may say how images are prepared, in the order in which they count, and the part of the file that does. Without that
/// part the file is about something else, unless the whole of it is meant (`None`).
pub(crate) const PREPROCESSING: [(&str, Option<&str>); 5] = [
    ("preprocess_cfg.json", None),
    ("processor_config.json", Some("image_processor")),
    ("preprocessor_config.json", None),
    ("open_clip_config.json", Some("preprocess_cfg")),
    ("config.json", Some("preprocess_cfg")),
];

/// Something that was taken for granted of a model, or that does not hold for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caveat {
    /// No file says how images are prepared.
    Preprocessing,
    /// Logit scale or bias are those of another checkpoint.
    Logits,
    /// A tower computes in integers of 8 bits.
    Integers,
    /// The vocabulary is CLIP's, made from English texts.
    English,
}

impl Caveat {
    /// What it is about `model`.
    pub fn message(self, model: &Manifest) -> String {
        match self {
            Self::Preprocessing => {
                let kind = match model.image.preprocess.crop {
                    Some(_) => "CLIP's",
                    None => "SigLIP's",
                };
                format!("preprocessing of images is assumed to be {kind}, because no file of the model describes it")
            }
            Self::Logits => {
                let (scale, bias) = (model.logit_scale, model.logit_bias);
                let what = match model.logit_source {
                    LogitSource::Options => format!("logit bias {bias} is that"),
                    _ => format!("logit scale {scale} and bias {bias} are those"),
                };
                format!("{what} of another model, because no file of this one holds its own")
            }
            Self::Integers => {
                "embeddings differ between processors, because parts of the model are computed in 8-bit integers".to_owned()
            }
            Self::English => {
                "texts are expected in English, because the vocabulary is that of OpenAI's CLIP".to_owned()
            }
        }
    }

    /// What can be done about it.
    pub fn remedy(self) -> String {
        match self {
            Self::Preprocessing => {
                let names = PREPROCESSING.map(|(name, _)| name);
                format!(
                    "Put the file that belongs to the model beside it, one of {}.",
                    names.join(", ")
                )
            }
            Self::Logits => "Similarities and searches do not depend on them, probabilities do. Set \"logit_scale\" and \"logit_bias\".".to_owned(),
            Self::Integers => "Cosine distances of a few 1e-4 have been seen. Use files in single precision where several servers embed for one table.".to_owned(),
            Self::English => "Most such models understand other languages poorly. For these choose one that was trained on them, such as SigLIP 2, or one whose texts go through XLM-RoBERTa or NLLB; docs/models.md has figures.".to_owned(),
        }
    }
}
