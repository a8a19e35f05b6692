//! How a checkpoint wants its images, from the configuration in its directory.
//!
//! Two dialects: `preprocessor_config.json` of `transformers`, and `preprocess_cfg.json` of open_clip (which Immich and
//! jina use too, the latter under the former's name). They are told apart by their keys.

use super::{
    Overrides,
    config::{self, Family, ModelConfig, unsigned},
    layout,
};
use crate::{
    Error, Result,
    preprocess::{Alpha, Filter, Preprocess, Resize},
};
use serde_json::Value;
use std::path::Path;

const OPENAI_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const OPENAI_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
const HALF: [f32; 3] = [0.5; 3];

/// Reads the preprocessing that belongs to the graph `image`. `size` is what the graph says about `[height, width]`,
/// for models that say nothing else.
pub(super) fn read(
    directory: &Path,
    image: &str,
    model: &ModelConfig,
    size: Option<[u32; 2]>,
    overrides: &Overrides,
) -> Result<Preprocess> {
    let names = [
        "preprocess_cfg.json",
        "preprocessor_config.json",
        "open_clip_config.json",
    ];
    let file = layout::first(directory, &layout::folders(image), &names);
    let usual = usual(model, size);
    let mut preprocess = match &file {
        Some(file) => {
            let json = config::json(directory, file)?;
            let json = json.get("preprocess_cfg").unwrap_or(&json);
            parse(json, usual).map_err(|reason| Error::InvalidModelFile {
                file: file.clone(),
                reason,
            })?
        }
        None => usual,
    };
    preprocess.exif_orientation = overrides.exif_orientation.unwrap_or(true);
    preprocess.alpha = overrides.alpha.unwrap_or(Alpha::Drop);
    let invalid = |reason: String| Error::InvalidModelFile {
        file: file.unwrap_or_else(|| image.to_owned()),
        reason,
    };
    match (preprocess.size(), size) {
        (Some(given), Some(graph)) if given != graph => Err(invalid(format!(
            "preprocessing gives images of {} x {} pixels, \"{image}\" takes {} x {}",
            given[1], given[0], graph[1], graph[0]
        ))),
        (None, Some(graph)) => {
            preprocess.crop = Some(graph);
            Ok(preprocess)
        }
        (None, None) => Err(invalid(
            "preprocessing leaves the size of the image open".to_owned(),
        )),
        _ => Ok(preprocess),
    }
}

/// What a model of this family does where its files are silent.
fn usual(model: &ModelConfig, size: Option<[u32; 2]>) -> Preprocess {
    let side = model.image_size.unwrap_or(224);
    let [height, width] = size.unwrap_or([side, side]);
    let squash = matches!(model.family, Family::Siglip | Family::Siglip2);
    Preprocess {
        resize: if squash {
            Resize::Squash([height, width])
        } else {
            Resize::Shortest(height.min(width))
        },
        crop: (!squash).then_some([height, width]),
        filter: Filter::Bicubic,
        rescale_factor: 1.0 / 255.0,
        mean: if squash { HALF } else { OPENAI_MEAN },
        std: if squash { HALF } else { OPENAI_STD },
        exif_orientation: true,
        alpha: Alpha::Drop,
    }
}

fn parse(json: &Value, usual: Preprocess) -> std::result::Result<Preprocess, String> {
    if !json.is_object() {
        return Err("not a JSON object".to_owned());
    }
    let open_clip = ["mean", "std", "interpolation", "resize_mode"]
        .iter()
        .any(|key| json.get(key).is_some());
    if open_clip {
        open_clip_dialect(json, usual)
    } else {
        transformers_dialect(json, usual)
    }
}

fn transformers_dialect(
    json: &Value,
    usual: Preprocess,
) -> std::result::Result<Preprocess, String> {
    let kind = json["image_processor_type"]
        .as_str()
        .or(json["feature_extractor_type"].as_str())
        .unwrap_or("CLIP");
    let is_clip = kind.contains("CLIP");
    let crops = flag(json, "do_center_crop")?.unwrap_or(is_clip || json.get("crop_size").is_some());
    let crop = match json.get("crop_size").filter(|_| crops) {
        Some(size) => Some(area(size).ok_or_else(|| unusable("crop_size", size))?),
        None => None,
    };
    let resize = match json.get("size").filter(|size| !size.is_null()) {
        _ if flag(json, "do_resize")? == Some(false) => Resize::Keep,
        // A bare number is the shorter side for CLIP and both sides for the processors without a crop.
        Some(size) => match unsigned(size).or(unsigned(&size["shortest_edge"])) {
            Some(side) if crops || size.is_object() => Resize::Shortest(side),
            _ => Resize::Squash(area(size).ok_or_else(|| unusable("size", size))?),
        },
        None => usual.resize,
    };
    let crop = match (crop, resize) {
        (None, Resize::Shortest(side)) if crops => Some([side, side]),
        (crop, _) => crop,
    };
    let normalizes = flag(json, "do_normalize")?.unwrap_or(true);
    let (mean, std) = if is_clip {
        (OPENAI_MEAN, OPENAI_STD)
    } else {
        (HALF, HALF)
    };
    Ok(Preprocess {
        resize,
        crop,
        filter: match json.get("resample").filter(|code| !code.is_null()) {
            Some(code) => resample(code).ok_or_else(|| unusable("resample", code))?,
            None => usual.filter,
        },
        rescale_factor: match flag(json, "do_rescale")? {
            Some(false) => 1.0,
            _ => number(json, "rescale_factor")?.unwrap_or(1.0 / 255.0),
        },
        mean: if normalizes {
            channels(json, "image_mean")?.unwrap_or(mean)
        } else {
            [0.0; 3]
        },
        std: if normalizes {
            channels(json, "image_std")?.unwrap_or(std)
        } else {
            [1.0; 3]
        },
        ..usual
    })
}

fn open_clip_dialect(json: &Value, usual: Preprocess) -> std::result::Result<Preprocess, String> {
    let [height, width] = match json.get("size").filter(|size| !size.is_null()) {
        Some(size) => area(size).ok_or_else(|| unusable("size", size))?,
        None => usual.size().unwrap_or([224, 224]),
    };
    let mode = &json["resize_mode"];
    let square = |resize: Resize, crop| {
        if height == width {
            Ok((resize, crop))
        } else {
            Err(unusable("size", json))
        }
    };
    let (resize, crop) = match mode.as_str() {
        None if !mode.is_null() => return Err(unusable("resize_mode", mode)),
        None | Some("shortest") => square(Resize::Shortest(height), Some([height, width]))?,
        Some("longest") => square(
            Resize::Longest {
                size: height,
                fill: fill(&json["fill_color"])?,
            },
            None,
        )?,
        Some("squash") => (Resize::Squash([height, width]), None),
        Some(_) => return Err(unusable("resize_mode", mode)),
    };
    let filter = &json["interpolation"];
    Ok(Preprocess {
        resize,
        crop,
        filter: match filter.as_str() {
            None if filter.is_null() => Filter::Bicubic,
            // Trained with filters drawn at random, evaluated with this one.
            Some("bicubic" | "random") => Filter::Bicubic,
            Some("bilinear") => Filter::Bilinear,
            Some("lanczos") => Filter::Lanczos,
            Some("box") => Filter::Box,
            Some("nearest") => Filter::Nearest,
            _ => return Err(unusable("interpolation", filter)),
        },
        mean: channels(json, "mean")?.unwrap_or(OPENAI_MEAN),
        std: channels(json, "std")?.unwrap_or(OPENAI_STD),
        ..usual
    })
}

/// `[height, width]` from a number, a list or an object.
fn area(size: &Value) -> Option<[u32; 2]> {
    let pair = |height, width| Some([unsigned(height)?, unsigned(width)?]);
    match size {
        Value::Number(_) => pair(size, size),
        Value::Array(sides) => match sides.as_slice() {
            [side] => pair(side, side),
            [height, width] => pair(height, width),
            _ => None,
        },
        _ => pair(&size["height"], &size["width"]),
    }
}

/// Pillow's numbers.
fn resample(code: &Value) -> Option<Filter> {
    Some(match code.as_u64()? {
        0 => Filter::Nearest,
        1 => Filter::Lanczos,
        2 => Filter::Bilinear,
        3 => Filter::Bicubic,
        4 => Filter::Box,
        _ => return None,
    })
}

fn fill(value: &Value) -> std::result::Result<[u8; 3], String> {
    let level = |value: &Value| value.as_u64().and_then(|level| u8::try_from(level).ok());
    let fill = match value {
        Value::Null => Some([0; 3]),
        Value::Array(levels) => match levels.as_slice() {
            [red, green, blue] => level(red)
                .zip(level(green))
                .zip(level(blue))
                .map(|((r, g), b)| [r, g, b]),
            _ => None,
        },
        _ => level(value).map(|level| [level; 3]),
    };
    fill.ok_or_else(|| unusable("fill_color", value))
}

fn channels(json: &Value, key: &str) -> std::result::Result<Option<[f32; 3]>, String> {
    let Some(value) = json.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let levels: Vec<f32> = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|v| v.as_f64().map(|v| v as f32))
        .collect();
    let channels = <[f32; 3]>::try_from(levels).ok();
    let usable =
        channels.filter(|channels| key.ends_with("mean") || channels.iter().all(|&std| std > 0.0));
    usable.map(Some).ok_or_else(|| unusable(key, value))
}

fn flag(json: &Value, key: &str) -> std::result::Result<Option<bool>, String> {
    match &json[key] {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        other => Err(unusable(key, other)),
    }
}

fn number(json: &Value, key: &str) -> std::result::Result<Option<f64>, String> {
    match &json[key] {
        Value::Null => Ok(None),
        value => value.as_f64().map(Some).ok_or_else(|| unusable(key, value)),
    }
}

fn unusable(key: &str, value: &Value) -> String {
    format!("\"{key}\" has the unsupported value {value}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;
    use serde_json::json;

    fn clip() -> ModelConfig {
        ModelConfig::read(Path::new("/nonexistent"), "model.onnx").unwrap()
    }

    fn parsed(json: Value) -> Preprocess {
        parse(&json, usual(&clip(), None)).unwrap()
    }

    #[test]
    fn clip_is_shortest_and_crop() {
        let expected = usual(&clip(), None);
        assert_eq!(
            (expected.resize, expected.crop),
            (Resize::Shortest(224), Some([224, 224]))
        );
        let new = json!({
            "image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 224},
            "resample": 3, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "do_rescale": true,
            "rescale_factor": 1.0 / 255.0, "do_normalize": true, "image_mean": OPENAI_MEAN, "image_std": OPENAI_STD,
            "do_convert_rgb": true,
        });
        assert_eq!(parsed(new), expected);
        let old = json!({
            "feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224, "resample": 3,
            "do_center_crop": true, "do_normalize": true, "do_resize": true,
        });
        assert_eq!(parsed(old), expected);
        let immich = json!({
            "size": [224, 224], "mode": "RGB", "mean": OPENAI_MEAN, "std": OPENAI_STD, "interpolation": "bicubic",
            "resize_mode": "shortest", "fill_color": 0,
        });
        assert_eq!(parsed(immich), expected);
        assert_eq!(
            parsed(json!({"size": 224, "mean": OPENAI_MEAN, "std": OPENAI_STD})),
            expected
        );
    }

    #[test]
    fn siglip_is_squashed() {
        let siglip = parsed(json!({
            "image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}, "resample": 2,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        }));
        assert_eq!(
            (siglip.resize, siglip.crop),
            (Resize::Squash([224, 224]), None)
        );
        assert_eq!(
            (siglip.filter, siglip.mean, siglip.std),
            (Filter::Bilinear, HALF, HALF)
        );
        let vit = parsed(json!({"feature_extractor_type": "ViTFeatureExtractor", "size": 384}));
        assert_eq!(vit.resize, Resize::Squash([384, 384]));
        let open_clip =
            parsed(json!({"size": [384, 384], "mean": HALF, "std": HALF, "resize_mode": "squash"}));
        assert_eq!(open_clip.resize, Resize::Squash([384, 384]));
    }

    #[test]
    fn mobileclip_does_not_normalise() {
        let mobile = parsed(json!({
            "image_processor_type": "CLIPFeatureExtractor", "size": {"shortest_edge": 256}, "resample": 2,
            "do_center_crop": true, "crop_size": {"height": 256, "width": 256}, "do_normalize": false,
            "image_mean": [0, 0, 0], "image_std": [1, 1, 1],
        }));
        assert_eq!(
            (mobile.mean, mobile.std, mobile.filter),
            ([0.0; 3], [1.0; 3], Filter::Bilinear)
        );
        assert_eq!(
            (mobile.resize, mobile.crop),
            (Resize::Shortest(256), Some([256, 256]))
        );
        assert_eq!(parsed(json!({"do_rescale": false})).rescale_factor, 1.0);
    }

    #[test]
    fn longest_is_padded() {
        let padded =
            parsed(json!({"size": 224, "resize_mode": "longest", "fill_color": [1, 2, 3]}));
        assert_eq!(
            padded.resize,
            Resize::Longest {
                size: 224,
                fill: [1, 2, 3]
            }
        );
        assert_eq!(padded.size(), Some([224, 224]));
    }

    #[test]
    fn unusable_values_are_named() {
        for (json, key) in [
            (json!({"resample": 5}), "resample"),
            (json!({"size": "big"}), "size"),
            (json!({"size": 0}), "size"),
            (json!({"crop_size": [1, 2, 3]}), "crop_size"),
            (json!({"image_mean": [0.5]}), "image_mean"),
            (json!({"image_std": [0.5, 0.0, 0.5]}), "image_std"),
            (json!({"do_normalize": "yes"}), "do_normalize"),
            (json!({"resize_mode": "stretch"}), "resize_mode"),
            (json!({"interpolation": "hamming"}), "interpolation"),
            (json!({"mean": HALF, "size": [224, 336]}), "size"),
        ] {
            let error = parse(&json, usual(&clip(), None)).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn the_graph_has_a_say() {
        let directory = Directory::new();
        let read = |size, overrides: &Overrides| {
            super::read(
                directory.path(),
                "visual/model.onnx",
                &clip(),
                size,
                overrides,
            )
        };
        let none = Overrides::default();
        assert_eq!(
            read(Some([288, 288]), &none).unwrap().crop,
            Some([288, 288])
        );
        directory.write(
            "visual/preprocess_cfg.json",
            br#"{"size": 256, "interpolation": "bilinear"}"#,
        );
        assert_eq!(read(None, &none).unwrap().crop, Some([256, 256]));
        let error = read(Some([288, 288]), &none).unwrap_err().to_string();
        assert!(
            error.contains("256 x 256") && error.contains("288 x 288"),
            "{error}"
        );
        let overrides = Overrides {
            alpha: Some(Alpha::White),
            exif_orientation: Some(false),
            ..Overrides::default()
        };
        let preprocess = read(None, &overrides).unwrap();
        assert_eq!(
            (preprocess.alpha, preprocess.exif_orientation),
            (Alpha::White, false)
        );
        directory.write("visual/preprocess_cfg.json", b"{");
        assert!(matches!(
            read(None, &none),
            Err(Error::InvalidModelFile { .. })
        ));
    }
}
