//! How a checkpoint wants its images, from the configuration in its directory.
//!
//! Two dialects: that of `transformers` (`preprocessor_config.json`, from version 5 on part of `processor_config.json`)
//! and that of open_clip (`preprocess_cfg.json`, which Immich and jina use too, the latter under the former's name).
//! They are told apart by their keys. A step, a kind of processor or a setting that is not carried out is refused: passed
//! over, it would change every embedding without a word.

use super::{
    Overrides,
    config::{self, Family, ModelConfig, unsigned, unusable},
    layout,
};
use crate::{Error, Result, manifest::PREPROCESSING};
use imaging::preprocess::{Alpha, ColorProfile, Filter, Preprocess, Resize};
use serde_json::{Map, Value};
use std::path::Path;

const OPENAI_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const OPENAI_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
const HALF: [f32; 3] = [0.5; 3];

/// Reads the preprocessing that belongs to the graph `image`, and whether any file says so. `size` is what the graph
/// says about `[height, width]`, for models that say nothing else.
pub(super) fn read(
    directory: &Path,
    image: &str,
    model: &ModelConfig,
    size: Option<[u32; 2]>,
    overrides: &Overrides,
) -> Result<(Preprocess, bool)> {
    let usual = usual(model, size);
    let (file, mut preprocess) = match settings(directory, image)? {
        Some((file, json)) => match parse(&json, usual, model) {
            Ok(preprocess) => (Some(file), preprocess),
            Err(reason) => return Err(Error::UnsupportedConfiguration { file, reason }),
        },
        None => (None, usual),
    };
    preprocess.exif_orientation = overrides.exif_orientation.unwrap_or(true);
    preprocess.alpha = overrides.alpha.unwrap_or(Alpha::Drop);
    preprocess.color_profile = overrides.color_profile.unwrap_or_default();
    let found = file.is_some();
    let mismatch = |reason: String| Error::ImageSize {
        file: file.unwrap_or_else(|| image.to_owned()),
        tower: image.to_owned(),
        reason,
    };
    match (preprocess.size(), size) {
        (Some(given), Some(graph)) if given != graph => Err(mismatch(format!(
            "images are prepared in {} x {} pixels, the tower takes {} x {}",
            given[1], given[0], graph[1], graph[0]
        ))),
        (None, Some(graph)) => {
            preprocess.crop = Some(graph);
            Ok((preprocess, found))
        }
        (None, None) => Err(mismatch(
            "neither of them says how large images are".to_owned(),
        )),
        _ => Ok((preprocess, found)),
    }
}

/// The settings nearest to the graph `image`, and the file that holds them.
fn settings(directory: &Path, image: &str) -> Result<Option<(String, Value)>> {
    for folder in layout::folders(image) {
        for (name, part) in PREPROCESSING {
            let folder = std::slice::from_ref(&folder);
            let Some(file) = layout::first(directory, folder, &[name]) else {
                continue;
            };
            let mut json = config::json(directory, &file)?;
            let part = match part {
                Some(part) => json.get_mut(part).map(Value::take),
                // Some copies of open_clip's file have its section inside.
                None => json
                    .get_mut("preprocess_cfg")
                    .map(Value::take)
                    .or(Some(json)),
            };
            if let Some(part) = part.filter(|part| !part.is_null()) {
                return Ok(Some((file, part)));
            }
        }
    }
    Ok(None)
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
        color_profile: ColorProfile::Ignore,
    }
}

/// Keys that change nothing here: images are made RGB, one is prepared at a time, and the graph says what it takes.
const IDLE: [&str; 16] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "auto_map",
    "do_convert_rgb",
    "default_to_square",
    "data_format",
    "input_data_format",
    "return_tensors",
    "device",
    "disable_grouping",
    "model_input_names",
    "image_seq_length",
    "pad_size",
    "transformers_version",
    "name_or_path",
];

/// Settings that every processor of `transformers` carries out.
const COMMON: [&str; 10] = [
    "do_resize",
    "size",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
];

/// Refuses a key that is not one of `known` or `more`, unless it asks for nothing.
fn check_keys(
    json: &Map<String, Value>,
    known: &[&str],
    more: &[&str],
) -> std::result::Result<(), String> {
    let is_known = |key: &str| {
        [known, more, &IDLE].iter().any(|keys| keys.contains(&key)) || key.starts_with('_')
    };
    let asks = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    match json
        .iter()
        .find(|(key, value)| !is_known(key) && asks(value))
    {
        Some((key, value)) => Err(unusable(key, value)),
        None => Ok(()),
    }
}

fn parse(
    json: &Value,
    usual: Preprocess,
    model: &ModelConfig,
) -> std::result::Result<Preprocess, String> {
    let Value::Object(fields) = json else {
        return Err("not a JSON object".to_owned());
    };
    let has = |keys: &[&str]| keys.iter().any(|key| fields.contains_key(*key));
    let transformers = [
        "image_mean",
        "image_std",
        "resample",
        "do_resize",
        "do_normalize",
    ];
    if has(&["mean", "std", "interpolation", "resize_mode"]) && !has(&transformers) {
        check_keys(
            fields,
            &[
                "size",
                "mode",
                "mean",
                "std",
                "interpolation",
                "resize_mode",
                "fill_color",
            ],
            &[],
        )?;
        open_clip_dialect(json, usual)
    } else {
        let processor = Processor::named_in(json, model)?;
        check_keys(fields, &COMMON, processor.own_keys())?;
        transformers_dialect(json, usual, processor)
    }
}

/// The image processors of `transformers` that are known, by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processor {
    /// Shortest edge and crop.
    Clip,
    /// Both sides at once.
    Siglip,
    /// The same, with CLIP's mean.
    Blip,
    /// The same as SigLIP's, bilinear.
    Vit,
    /// Both sides at once and crop.
    Deit,
    /// Like SigLIP's, with two more steps of arithmetic.
    EfficientNet,
    /// Shortest edge and crop, by a fraction; from 384 pixels on both sides at once.
    ConvNext,
}

impl Processor {
    /// The processor that a file names; of one that names none, the family's.
    fn named_in(json: &Value, model: &ModelConfig) -> std::result::Result<Self, String> {
        let key = ["image_processor_type", "feature_extractor_type"]
            .into_iter()
            .find(|key| !json[key].is_null());
        let Some(key) = key else {
            return Ok(match model.family {
                Family::Siglip | Family::Siglip2 => Self::Siglip,
                Family::Clip | Family::Unpadded => Self::Clip,
            });
        };
        let name = json[key].as_str().unwrap_or_default();
        // The classes of one processor differ by what they compute with.
        let stem = ["Fast", "Pil"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let stem = stem.unwrap_or(name);
        let stem = stem
            .strip_suffix("ImageProcessor")
            .or(stem.strip_suffix("FeatureExtractor"));
        match stem {
            Some("CLIP" | "ChineseCLIP" | "Bit") => Ok(Self::Clip),
            Some("Siglip") => Ok(Self::Siglip),
            Some("Blip") => Ok(Self::Blip),
            Some("ViT") => Ok(Self::Vit),
            Some("DeiT") => Ok(Self::Deit),
            Some("EfficientNet") => Ok(Self::EfficientNet),
            Some("ConvNext") => Ok(Self::ConvNext),
            _ => Err(unusable(key, &json[key])),
        }
    }

    /// The settings that only this processor carries out.
    fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::EfficientNet => &["rescale_offset", "include_top"],
            Self::ConvNext => &["crop_pct"],
            _ => &[],
        }
    }

    /// What it does where its file is silent: mean and standard deviation.
    fn levels(self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::Clip | Self::Blip => (OPENAI_MEAN, OPENAI_STD),
            _ => (HALF, HALF),
        }
    }

    /// Whether it crops where its file is silent.
    fn crops(self) -> bool {
        matches!(self, Self::Clip | Self::Deit)
    }

    /// Whether a bare number is the shorter side.
    fn keeps_shape(self) -> bool {
        matches!(self, Self::Clip | Self::ConvNext)
    }
}

fn transformers_dialect(
    json: &Value,
    usual: Preprocess,
    processor: Processor,
) -> std::result::Result<Preprocess, String> {
    let given = |key: &str| json.get(key).filter(|value| !value.is_null());
    let crops = flag(json, "do_center_crop")?.unwrap_or(processor.crops());
    let mut crop = match given("crop_size").filter(|_| crops) {
        Some(size) => Some(area(size).ok_or_else(|| unusable("crop_size", size))?),
        None => None,
    };
    let square = flag(json, "default_to_square")?;
    let square = square.unwrap_or(!processor.keeps_shape());
    let mut resize = match given("size") {
        _ if flag(json, "do_resize")? == Some(false) => Resize::Keep,
        Some(size) => target(size, square).ok_or_else(|| unusable("size", size))?,
        None if processor.keeps_shape() => usual.resize,
        None => usual.size().map_or(usual.resize, Resize::Squash),
    };
    match (processor, resize) {
        (Processor::ConvNext, Resize::Shortest(side)) => {
            if crops {
                return Err(unusable("do_center_crop", &Value::Bool(true)));
            }
            (resize, crop) = convnext(side, json)?;
        }
        (Processor::ConvNext, Resize::Squash(_)) => return Err(unusable("size", &json["size"])),
        (_, Resize::Shortest(side)) if crops && crop.is_none() => crop = Some([side, side]),
        _ => {}
    }
    let (mean, std) = processor.levels();
    let image_std = channels(json, "image_std")?.unwrap_or(std);
    let (mut mean, mut std) = if flag(json, "do_normalize")?.unwrap_or(true) {
        (channels(json, "image_mean")?.unwrap_or(mean), image_std)
    } else {
        ([0.0; 3], [1.0; 3])
    };
    // Rescaling to [-1, 1], and dividing by the standard deviation once more, are arithmetic of the same kind.
    if flag(json, "rescale_offset")? == Some(true) {
        mean = mean.map(|mean| mean + 1.0);
    }
    if processor == Processor::EfficientNet && flag(json, "include_top")?.unwrap_or(true) {
        std = std::array::from_fn(|channel| std[channel] * image_std[channel]);
    }
    Ok(Preprocess {
        resize,
        crop,
        filter: match given("resample") {
            Some(code) => resample(code).ok_or_else(|| unusable("resample", code))?,
            None if processor == Processor::Vit => Filter::Bilinear,
            None => usual.filter,
        },
        rescale_factor: match flag(json, "do_rescale")? {
            Some(false) => 1.0,
            _ => positive(json, "rescale_factor")?.unwrap_or(1.0 / 255.0),
        },
        mean,
        std,
        ..usual
    })
}

/// What `size` asks for; `square` is whether a bare number means both sides.
fn target(size: &Value, square: bool) -> Option<Resize> {
    match size {
        Value::Object(fields) => {
            let given: Vec<_> = fields.iter().filter(|(_, side)| !side.is_null()).collect();
            match given.as_slice() {
                [(key, side)] if *key == "shortest_edge" => unsigned(side).map(Resize::Shortest),
                // Anything beside these two, a longest edge above all, limits the result.
                [_, _] => area(size).map(Resize::Squash),
                _ => None,
            }
        }
        Value::Number(_) if !square => unsigned(size).map(Resize::Shortest),
        _ => area(size).map(Resize::Squash),
    }
}

/// ConvNeXT's way to images of `side` pixels.
fn convnext(side: u32, json: &Value) -> std::result::Result<(Resize, Option<[u32; 2]>), String> {
    if side >= 384 {
        return Ok((Resize::Squash([side, side]), None));
    }
    let kept = positive(json, "crop_pct")?.unwrap_or(224.0 / 256.0);
    let whole = (f64::from(side) / kept) as u32;
    if whole < side {
        return Err(unusable("crop_pct", &json["crop_pct"]));
    }
    Ok((Resize::Shortest(whole), Some([side, side])))
}

fn open_clip_dialect(json: &Value, usual: Preprocess) -> std::result::Result<Preprocess, String> {
    let [height, width] = match json.get("size").filter(|size| !size.is_null()) {
        Some(size) => area(size).ok_or_else(|| unusable("size", size))?,
        None => usual.size().unwrap_or([224, 224]),
    };
    if !matches!(&json["mode"], Value::Null) && json["mode"].as_str() != Some("RGB") {
        return Err(unusable("mode", &json["mode"]));
    }
    let mode = &json["resize_mode"];
    let square = |resize: Resize, crop| {
        if height == width {
            Ok((resize, crop))
        } else {
            Err(unusable("size", &json["size"]))
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

/// A level per channel, or one for all.
fn channels(json: &Value, key: &str) -> std::result::Result<Option<[f32; 3]>, String> {
    let Some(value) = json.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let level = |value: &Value| value.as_f64().map(|level| level as f32);
    let channels = match value {
        Value::Array(levels) => match levels.as_slice() {
            [red, green, blue] => level(red)
                .zip(level(green))
                .zip(level(blue))
                .map(|((red, green), blue)| [red, green, blue]),
            _ => None,
        },
        _ => level(value).map(|level| [level; 3]),
    };
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

fn positive(json: &Value, key: &str) -> std::result::Result<Option<f64>, String> {
    match &json[key] {
        Value::Null => Ok(None),
        value => {
            let number = value.as_f64().filter(|number| *number > 0.0);
            number.map(Some).ok_or_else(|| unusable(key, value))
        }
    }
}

#[cfg(test)]
mod tests;
