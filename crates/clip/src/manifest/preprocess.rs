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
mod tests;
