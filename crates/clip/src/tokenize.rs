//! Texts to token ids, as a model's own tokenizer gives them.
//!
//! Invariant: a row holds at most `context_length` ids, and a text too long for it keeps its last id, which is the end
//! of text that most text towers are read out at. `tokenizer.json` is the definition of the ids. Where the Python
//! tokenizer that a model was published with differs (`ftfy` and HTML unescaping in OpenAI's; in the slow one of
//! `transformers` spaces around Chinese characters, removal of control characters, the final form of sigma), the file
//! counts.

mod clip_bpe;

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Bytes of a text that are accepted; more than any model reads.
pub const MAX_TEXT_BYTES: usize = 65536;

/// How a model wants its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerSpec {
    /// `tokenizer.json` or CLIP's `bpe_simple_vocab_16e6.txt.gz`, relative to the model directory.
    pub file: String,
    /// Ids per text at most.
    pub context_length: usize,
    /// How far short texts are filled up.
    pub padding: Padding,
    /// The id they are filled up with.
    pub pad_id: u32,
    /// Put at the end where the tokenizer does not do it by itself.
    pub end_id: Option<u32>,
    /// What happens to a text first.
    pub clean: Clean,
    /// Put before every text; a language code of the vocabulary takes the place of the tokenizer's own.
    pub prefix: String,
}

/// How far short texts are filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// To the longest text of the batch.
    Longest,
    /// To the context length.
    Full,
}

/// What happens to a text before the tokenizer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clean {
    /// Nothing.
    None,
    /// Lower case (SigLIP 2).
    Lowercase,
    /// Lower case, ASCII punctuation removed, white space collapsed (SigLIP; big_vision's `canonicalize_text`).
    Canonicalize,
}

impl Clean {
    fn apply(self, text: &str) -> String {
        match self {
            Self::None => text.to_owned(),
            Self::Lowercase => text.to_lowercase(),
            Self::Canonicalize => {
                let text: String = text
                    .to_lowercase()
                    .chars()
                    .filter(|c| !c.is_ascii_punctuation())
                    .collect();
                // Python's \s, which the original collapses, holds four separators that Unicode's White_Space does not.
                let words =
                    text.split(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c));
                words
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        }
    }
}

/// Token ids of some texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// `rows × length`.
    pub ids: Vec<i64>,
    /// 1 for a token of the text, 0 for padding; `rows × length`.
    pub mask: Vec<i64>,
    /// Number of texts.
    pub rows: usize,
    /// Ids per text.
    pub length: usize,
}

/// A loaded tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    spec: TokenizerSpec,
    /// Id of the language code that the prefix is.
    language: Option<u32>,
}

impl Tokenizer {
    /// Reads a tokenizer from the contents of `spec.file`.
    pub fn new(contents: &[u8], spec: TokenizerSpec) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModelFile {
            file: spec.file.clone(),
            reason,
        };
        let json;
        let definition = if clip_bpe::is_vocabulary(&spec.file) {
            json = clip_bpe::tokenizer_json(contents).map_err(invalid)?;
            json.as_bytes()
        } else {
            contents
        };
        let mut inner = tokenizers::Tokenizer::from_bytes(definition)
            .map_err(|error| invalid(error.to_string()))?;
        inner
            .with_truncation(None)
            .map_err(|error| invalid(error.to_string()))?;
        inner.with_padding(None);
        let language = if is_language(&spec.prefix) {
            inner.token_to_id(&spec.prefix)
        } else {
            None
        };
        Ok(Self {
            inner,
            spec,
            language,
        })
    }

    /// How this tokenizer is used.
    pub fn spec(&self) -> &TokenizerSpec {
        &self.spec
    }

    /// The id of a token of the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The ids of one text: with begin and end, truncated, not filled up.
    ///
    /// Fails with [`Error::TextTooLong`] above [`MAX_TEXT_BYTES`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Error::TextTooLong {
                bytes: text.len(),
                limit: MAX_TEXT_BYTES,
            });
        }
        let text = match self.language {
            Some(_) => self.spec.clean.apply(text),
            None => self
                .spec
                .clean
                .apply(&format!("{}{text}", self.spec.prefix)),
        };
        let encoding =
            self.inner
                .encode_fast(text, true)
                .map_err(|error| Error::InvalidModelFile {
                    file: self.spec.file.clone(),
                    reason: error.to_string(),
                })?;
        let mut ids = encoding.get_ids().to_vec();
        if let Some(language) = self.language {
            match ids.iter_mut().find(|id| {
                self.inner
                    .id_to_token(**id)
                    .is_some_and(|token| is_language(&token))
            }) {
                Some(default) => *default = language,
                None => ids.insert(0, language),
            }
        }
        if let Some(end) = self.spec.end_id
            && ids.last() != Some(&end)
        {
            ids.push(end);
        }
        if let Some(&end) = ids.last()
            && ids.len() > self.spec.context_length
        {
            ids.truncate(self.spec.context_length.saturating_sub(1));
            ids.push(end);
        }
        Ok(ids)
    }

    /// The ids of `texts`, filled up to one length as `padding` says.
    pub fn batch(&self, texts: &[&str], padding: Padding) -> Result<Tokens> {
        let rows = texts
            .iter()
            .map(|text| self.encode(text))
            .collect::<Result<Vec<_>>>()?;
        let length = match padding {
            Padding::Longest => rows.iter().map(Vec::len).max().unwrap_or(0),
            Padding::Full => self.spec.context_length,
        };
        let mut tokens = Tokens {
            ids: Vec::new(),
            mask: Vec::new(),
            rows: rows.len(),
            length,
        };
        for row in rows {
            let missing = length.saturating_sub(row.len());
            tokens.mask.extend(std::iter::repeat_n(1, row.len()));
            tokens.mask.extend(std::iter::repeat_n(0, missing));
            tokens.ids.extend(row.into_iter().map(i64::from));
            tokens
                .ids
                .extend(std::iter::repeat_n(i64::from(self.spec.pad_id), missing));
        }
        Ok(tokens)
    }

    /// For registration, which learns the details one after another.
    pub(crate) fn spec_mut(&mut self) -> &mut TokenizerSpec {
        &mut self.spec
    }
}

/// Whether `token` is a language code of FLORES-200, such as `nob_Latn`.
fn is_language(token: &str) -> bool {
    let Some((language, script)) = token.split_once('_') else {
        return false;
    };
    language.len() == 3
        && language.chars().all(|c| c.is_ascii_lowercase())
        && script.len() == 4
        && script.starts_with(|c: char| c.is_ascii_uppercase())
        && script.chars().skip(1).all(|c| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests;
