//! Which tokenizer a model has and how its texts are filled up.

use super::{
    Overrides,
    config::{self, Family, ModelConfig},
    layout,
};
use crate::{
    Error, Result, files,
    tokenize::{Clean, Padding, Side, Tokenizer, TokenizerSpec},
};
use serde_json::Value;
use std::path::Path;

const NAMES: [&str; 2] = ["tokenizer.json", "bpe_simple_vocab_16e6.txt.gz"];
/// What is said about a tokenizer beside it, the first file first.
const SETTINGS: [&str; 2] = ["tokenizer_config.json", "special_tokens_map.json"];
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
    let sentences = sentences(directory, &folders)?;
    let contents = files::contents(directory, &file)?;
    // What cannot be read as this is reported below; OpenAI's vocabulary says nothing but its merges.
    let definition = serde_json::from_slice(&contents).unwrap_or_default();
    let context_length = context_length(model, length, &settings, &sentences, overrides)?;
    let spec = TokenizerSpec {
        // Provisional; registration finds out whether filling up can be spared.
        padding: if model.family == Family::Unpadded && length.is_none() {
            Padding::Longest
        } else {
            Padding::Full
        },
        padding_side: side(&file, &settings, &definition, "padding")?,
        truncation_side: side(&file, &settings, &definition, "truncation")?,
        // The rest takes the vocabulary to find out.
        ..TokenizerSpec::plain(&file, context_length)
    };
    let tokenizer = Tokenizer::new(&contents, spec.clone())?;
    check_normalizer(&file, &definition, &settings)?;
    let family = family(&tokenizer, model, &settings);
    let prefix = overrides.prefix.as_ref().or(model.language.as_ref());
    if let Some(language) = model
        .language
        .as_ref()
        .filter(|_| overrides.prefix.is_none())
    {
        id(&tokenizer, language, "language")?;
    }
    let spec = TokenizerSpec {
        pad_id: overrides
            .pad_id
            .unwrap_or_else(|| pad_id(&tokenizer, model, family, &settings)),
        end_id: end_id(&tokenizer, family, &settings),
        clean: overrides
            .clean
            .unwrap_or_else(|| clean(model, family, &sentences)),
        prefix: prefix.cloned().or(prompt(&sentences)).unwrap_or_default(),
        special: !begins_in_vain(&tokenizer, family, &settings)?,
        zeroed_id: match model.strips_separator {
            true => {
                let separator = token(&settings["sep_token"]).unwrap_or("[SEP]");
                Some(id(&tokenizer, separator, "strip_sep_token")?)
            }
            false => None,
        },
        ..spec
    };
    tokenizer.with_spec(spec)
}

/// Compares BERT's normalizer with the settings: the classes of these tokenizers build it as the latter say, and a file
/// that was converted under others would give other ids.
fn check_normalizer(file: &str, definition: &Value, settings: &Value) -> Result<()> {
    let class = settings["tokenizer_class"].as_str().unwrap_or_default();
    if !class.contains("Bert") {
        return Ok(());
    }
    let normalizer = &definition["normalizer"];
    if normalizer["type"] != "BertNormalizer" {
        return Ok(());
    }
    for (setting, member) in [
        ("do_lower_case", "lowercase"),
        ("strip_accents", "strip_accents"),
        ("tokenize_chinese_chars", "handle_chinese_chars"),
    ] {
        let (wanted, found) = (&settings[setting], &normalizer[member]);
        if wanted.is_boolean() && wanted != found {
            return Err(Error::UnsupportedConfiguration {
                file: file.replace(NAMES[0], SETTINGS[0]),
                reason: format!("\"{setting}\" is {wanted}, in \"{file}\" it is {found}"),
            });
        }
    }
    Ok(())
}

/// The id of a token that a `setting` needs.
fn id(tokenizer: &Tokenizer, token: &str, setting: &str) -> Result<u32> {
    let missing = || Error::UnsupportedConfiguration {
        file: tokenizer.spec().file.clone(),
        reason: format!("the vocabulary has no \"{token}\", which \"{setting}\" takes"),
    };
    tokenizer.id(token).ok_or_else(missing)
}

/// Whether the tokenizer puts a begin token before texts that the model does not want.
///
/// The classes of these tokenizers put around a text what their settings say, whatever `tokenizer.json` holds.
fn begins_in_vain(tokenizer: &Tokenizer, family: Family, settings: &Value) -> Result<bool> {
    let class = settings["tokenizer_class"].as_str().unwrap_or_default();
    let rebuilt = class.contains("Gemma") || class.contains("Llama");
    if family != Family::Siglip2 && !(rebuilt && settings["add_bos_token"] == Value::Bool(false)) {
        return Ok(false);
    }
    let begin = tokenizer.id(token(&settings["bos_token"]).unwrap_or("<bos>"));
    Ok(begin.is_some() && tokenizer.encode("")?.first() == begin.as_ref())
}

/// The token that has to end a text, if the model needs one.
fn end_id(tokenizer: &Tokenizer, family: Family, settings: &Value) -> Option<u32> {
    let usual: &[&str] = match family {
        Family::Siglip => &["</s>"],
        Family::Siglip2 => &["<eos>", "</s>"],
        _ if settings["add_eos_token"] == Value::Bool(true) => &[],
        Family::Clip | Family::Unpadded => return None,
    };
    let mut candidates = token(&settings["eos_token"])
        .into_iter()
        .chain(usual.iter().copied());
    candidates.find_map(|token| tokenizer.id(token))
}

/// The model's family by its tokenizer: what calls itself SigLIP and has Gemma's is SigLIP 2.
fn family(tokenizer: &Tokenizer, model: &ModelConfig, settings: &Value) -> Family {
    let class = settings["tokenizer_class"].as_str().unwrap_or_default();
    let gemma = class.contains("Gemma") || class.contains("Siglip2");
    match model.family {
        Family::Siglip if gemma || tokenizer.id("<eos>").is_some() => Family::Siglip2,
        family => family,
    }
}

/// The side on which texts are filled up (`padding`) or cut (`truncation`): as the settings of the tokenizer `file`
/// have it, or the section of that name in its definition; the right one otherwise.
fn side(file: &str, settings: &Value, definition: &Value, action: &str) -> Result<Side> {
    let key = format!("{action}_side");
    let given = match &settings[&key] {
        Value::Null => &definition[action]["direction"],
        given => given,
    };
    match given.as_str() {
        None if given.is_null() => Ok(Side::Right),
        Some("right" | "Right") => Ok(Side::Right),
        Some("left" | "Left") => Ok(Side::Left),
        _ => Err(Error::UnsupportedConfiguration {
            file: file.replace(NAMES[0], SETTINGS[0]),
            reason: config::unusable(&key, given),
        }),
    }
}

/// What sentence-transformers keeps beside its models, of the files nearest to the graph.
fn sentences(directory: &Path, folders: &[String]) -> Result<Value> {
    let mut all = serde_json::Map::new();
    for name in [
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
    ] {
        if let Some(file) = layout::first(directory, folders, &[name])
            && let Value::Object(more) = config::json(directory, &file)?
        {
            all.extend(more);
        }
    }
    Ok(Value::Object(all))
}

/// What sentence-transformers puts before every text unless it is told otherwise.
fn prompt(sentences: &Value) -> Option<String> {
    let name = sentences["default_prompt_name"].as_str()?;
    sentences["prompts"][name].as_str().map(str::to_owned)
}

/// `tokenizer_config.json` beside the tokenizer, completed by `special_tokens_map.json`.
fn settings(directory: &Path, file: &str) -> Result<Value> {
    let folder = file
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder)
        .to_owned();
    let mut settings = Value::Object(serde_json::Map::new());
    for name in SETTINGS {
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
    sentences: &Value,
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
            // Unlimited tokenizers have 1e30 here, which is no count. open_clip tells the tokenizer how long texts are.
            let limits = [&settings["model_max_length"], &sentences["max_seq_length"]];
            let limits = limits.into_iter().filter(|_| !model.open_clip);
            let shortest = limits
                .filter_map(|limit| config::unsigned(limit).map(|length| length as usize))
                .chain(model.context_length)
                .min();
            Ok(shortest
                .unwrap_or(CONTEXT_LENGTH)
                .clamp(2, LONG_CONTEXT_LENGTH))
        }
    }
}

fn clean(model: &ModelConfig, family: Family, sentences: &Value) -> Clean {
    model.clean.unwrap_or(match family {
        Family::Siglip => Clean::Canonicalize,
        Family::Siglip2 => Clean::Lowercase,
        _ if sentences["do_lower_case"] == Value::Bool(true) => Clean::Lowercase,
        Family::Clip | Family::Unpadded => Clean::None,
    })
}

/// OpenAI's own tokenizer and open_clip's copy of it pad with 0; elsewhere the padding token counts, which the slow
/// tokenizer classes of `transformers` have even where no file names it.
///
/// A configuration without a tokenizer's name means OpenAI's, unless the vocabulary is another: M-CLIP's is
/// XLM-RoBERTa's beside the configuration of the CLIP that it was trained after.
fn pad_id(tokenizer: &Tokenizer, model: &ModelConfig, family: Family, settings: &Value) -> u32 {
    let published = model.pads_with_zero || tokenizer.spec().file.ends_with(".gz");
    if published && tokenizer.id(CLIP_END).is_some() {
        return 0;
    }
    let usual: &[&str] = match family {
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
mod tests;
