//! What a file says of its picture, for catalogues: title, description, keywords, creator, rights, the date, and the
//! fields of EXIF, IPTC and XMP by their own names.

use super::fields::{self, Fields};
use super::iptc::Datasets;
use super::xmp::{Item, Packet};
use super::{Said, date};
use crate::source::Pulse;
use crate::{Format, Result};
use ::exif::{Tag, Value};
use serde_json::{Map, Number, Value as Json};

/// Reads what the file says. A member without a value is left out; a damaged block says nothing, it is not an error.
///
/// - `title`, `description`, `rights`: a text; XMP counts before IPTC, IPTC before EXIF. Where XMP has several languages, the
///   default one; `xmp` has all.
/// - `keywords`, `creator`: arrays of texts, each once, in the files' order.
/// - `taken`: as [`crate::taken`], in ISO 8601 without a time zone.
/// - `exif`: numbers, arrays of numbers and texts by the standard's names.
/// - `iptc`: texts, and an array of texts for `Keywords` and others that come several times.
/// - `xmp`: texts by the names of XMP; arrays of texts for lists; objects from language to text.
///
/// `progress` is called while reading; it may unwind.
///
/// # Errors
/// [`crate::Error::UnknownImageFormat`] and [`crate::Error::UnsupportedImageFormat`].
pub fn words(bytes: &[u8], progress: &dyn Fn()) -> Result<Json> {
    let pulse = Pulse::new(progress);
    let said = Said::of(Format::of(bytes)?, bytes, &pulse);
    let Said {
        exif, iptc, xmp, ..
    } = &said;
    let mut all = Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    let first = |name: &str, dataset: &str, tags: &[Tag]| {
        let in_xmp = xmp.text(name).map(str::to_owned);
        let in_iptc = || iptc.values(dataset).next().map(str::to_owned);
        let in_exif = || tags.iter().find_map(|tag| exif.text(*tag));
        in_xmp.or_else(in_iptc).or_else(in_exif).map(Json::String)
    };
    put("title", first("dc:title", "ObjectName", &[]));
    put(
        "description",
        first(
            "dc:description",
            "Caption-Abstract",
            &[Tag::ImageDescription],
        ),
    );
    put(
        "rights",
        first("dc:rights", "CopyrightNotice", &[Tag::Copyright]),
    );
    let each = |name: &str, dataset: &str, tag: Option<Tag>| {
        let mut values: Vec<String> = Vec::new();
        let in_xmp = xmp.values(name).iter().map(|item| item.text.clone());
        let in_exif = tag.and_then(|tag| exif.text(tag));
        for value in in_xmp
            .chain(iptc.values(dataset).map(str::to_owned))
            .chain(in_exif)
        {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        (!values.is_empty()).then(|| Json::from(values))
    };
    put("keywords", each("dc:subject", "Keywords", None));
    put("creator", each("dc:creator", "By-line", Some(Tag::Artist)));
    put(
        "taken",
        date::taken(&said).map(|moment| Json::String(moment.to_string())),
    );
    put("exif", object(exif_members(exif)));
    put("iptc", object(iptc_members(iptc)));
    put("xmp", object(xmp_members(xmp)));
    Ok(Json::Object(all))
}

fn object(members: Map<String, Json>) -> Option<Json> {
    (!members.is_empty()).then_some(Json::Object(members))
}

fn exif_members(fields: &Fields) -> Map<String, Json> {
    let named = fields
        .all()
        .iter()
        .filter_map(|(tag, value)| Some((tag.to_string(), exif_value(*tag, value)?)));
    named.collect()
}

/// A number, an array of numbers, or a text; `None` where there is nothing to read in it.
fn exif_value(tag: Tag, value: &Value) -> Option<Json> {
    fn numbers<T: Copy>(values: &[T], number: impl Fn(T) -> Option<Number>) -> Option<Json> {
        let json = |value: &T| number(*value).map_or(Json::Null, Json::Number);
        match values {
            [] => None,
            [value] => number(*value).map(Json::Number),
            // More is tables, not facts.
            values => (values.len() <= 16).then(|| Json::Array(values.iter().map(json).collect())),
        }
    }
    match value {
        Value::Byte(values) => numbers(values, |value| Some(value.into())),
        Value::Short(values) => numbers(values, |value| Some(value.into())),
        Value::Long(values) => numbers(values, |value| Some(value.into())),
        Value::SByte(values) => numbers(values, |value| Some(value.into())),
        Value::SShort(values) => numbers(values, |value| Some(value.into())),
        Value::SLong(values) => numbers(values, |value| Some(value.into())),
        Value::Rational(values) => numbers(values, |value| Number::from_f64(value.to_f64())),
        Value::SRational(values) => numbers(values, |value| Number::from_f64(value.to_f64())),
        Value::Float(values) => numbers(values, |value| Number::from_f64(value.into())),
        Value::Double(values) => numbers(values, Number::from_f64),
        Value::Ascii(lines) => {
            let lines: Vec<_> = lines.iter().map(|line| fields::text(line)).collect();
            Some(Json::String(lines.join("\n"))).filter(|text| text != "")
        }
        // A character code of eight bytes precedes the comment.
        Value::Undefined(bytes, _) if tag == Tag::UserComment => match bytes.split_at_checked(8) {
            Some((b"ASCII\0\0\0" | b"\0\0\0\0\0\0\0\0", comment)) => {
                Some(Json::String(fields::text(comment))).filter(|text| text != "")
            }
            _ => None,
        },
        Value::Undefined(bytes, _) if bytes.len() <= 4 => {
            Some(Json::String(value.display_as(tag).to_string()))
        }
        _ => None,
    }
}

fn iptc_members(datasets: &Datasets) -> Map<String, Json> {
    let mut members = Map::new();
    for (name, value) in datasets.all() {
        let value = Json::String(value.clone());
        match members.get_mut(*name) {
            None => {
                let listed = matches!(*name, "Keywords" | "SupplementalCategories" | "By-line");
                members.insert(
                    (*name).to_owned(),
                    if listed {
                        Json::Array(vec![value])
                    } else {
                        value
                    },
                );
            }
            Some(Json::Array(values)) => values.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
        }
    }
    members
}

fn xmp_members(packet: &Packet) -> Map<String, Json> {
    let mut members = Map::new();
    for property in packet.properties() {
        let value = match property.values.as_slice() {
            [
                Item {
                    language: None,
                    text,
                },
            ] if !property.listed => Json::String(text.clone()),
            values if values.iter().all(|item| item.language.is_none()) => values
                .iter()
                .map(|item| Json::String(item.text.clone()))
                .collect(),
            values => {
                let of = |item: &Item| {
                    let language = item
                        .language
                        .clone()
                        .unwrap_or_else(|| "x-default".to_owned());
                    (language, Json::String(item.text.clone()))
                };
                Json::Object(values.iter().map(of).collect())
            }
        };
        members.entry(property.name.clone()).or_insert(value);
    }
    members
}
