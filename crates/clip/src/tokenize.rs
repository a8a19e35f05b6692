//! Texts to token ids, as a model's own tokenizer gives them.
//!
//! Invariant: a row holds at most `context_length` ids, and a text too long for it loses words, never the special
//! tokens around them: most text towers are read out at the end of text. `tokenizer.json` is the definition of the ids,
//! of those that special tokens typed in a text have, too. Where the Python tokenizer that a model was published with
//! differs (`ftfy` and HTML unescaping in OpenAI's; in the slow one of `transformers` spaces around Chinese characters,
//! removal of control characters, the final form of sigma), the file counts.

mod clip_bpe;

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use tokenizers::{PostProcessor, PostProcessorWrapper, TruncationDirection, TruncationParams};

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
    /// Whether the tokenizer puts its own special tokens around a text; if not, only `end_id` follows it.
    pub special: bool,
    /// The id that becomes 0 wherever it stands (open_clip's `strip_sep_token`).
    pub zeroed_id: Option<u32>,
    /// Where short texts are filled up.
    pub padding_side: Side,
    /// Where long texts lose their words.
    pub truncation_side: Side,
}

impl TokenizerSpec {
    /// A tokenizer that is used as it is, whose texts are filled up at their ends.
    pub fn plain(file: &str, context_length: usize) -> Self {
        Self {
            file: file.to_owned(),
            context_length,
            padding: Padding::Full,
            pad_id: 0,
            end_id: None,
            clean: Clean::None,
            prefix: String::new(),
            special: true,
            zeroed_id: None,
            padding_side: Side::Right,
            truncation_side: Side::Right,
        }
    }
}

/// An end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The beginning.
    Left,
    /// The end.
    Right,
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
    /// Lower case, ASCII punctuation removed, white space collapsed (SigLIP, as `transformers` has it).
    Canonicalize,
    /// The same with underscores taken for spaces (SigLIP, as big_vision and open_clip have it).
    CanonicalizeWords,
}

impl Clean {
    fn apply(self, text: &str) -> String {
        match self {
            Self::None => text.to_owned(),
            Self::Lowercase => text.to_lowercase(),
            Self::CanonicalizeWords => Self::Canonicalize.apply(&text.replace('_', " ")),
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
        inner.with_padding(None);
        let tokenizer = Self {
            inner,
            spec: spec.clone(),
            language: None,
        };
        tokenizer.with_spec(spec)
    }

    /// The same tokenizer, used as `spec` says. Special tokens that were once left out do not come back.
    ///
    /// Fails with [`Error::ContextLength`] where special tokens alone fill it.
    pub(crate) fn with_spec(mut self, spec: TokenizerSpec) -> Result<Self> {
        if !spec.special {
            self.inner.with_post_processor(None::<PostProcessorWrapper>);
        }
        self.language = if is_language(&spec.prefix) {
            self.inner.token_to_id(&spec.prefix)
        } else {
            None
        };
        self.spec = spec;
        self.truncate(None)?;
        // What `encode` adds to what the tokenizer gives; the same for every text.
        let bare = self.ids(String::new())?;
        let language = self.language.is_some() && self.language_of(&bare).is_none();
        let end = self.spec.end_id.is_some() && bare.last() != self.spec.end_id.as_ref();
        let added = usize::from(language) + usize::from(end);
        let post_processor = self.inner.get_post_processor();
        let special = post_processor.map_or(0, |processor| processor.added_tokens(false));
        let length = self.spec.context_length;
        if special + added >= length {
            return Err(Error::ContextLength {
                file: self.spec.file,
                length,
                reason: format!("special tokens alone are {}", special + added),
            });
        }
        self.truncate(Some(length - added))?;
        Ok(self)
    }

    /// Has the tokenizer cut texts to `length` ids, the special tokens that it adds included.
    fn truncate(&mut self, length: Option<usize>) -> Result<()> {
        let direction = match self.spec.truncation_side {
            Side::Left => TruncationDirection::Left,
            Side::Right => TruncationDirection::Right,
        };
        let truncation = length.map(|max_length| TruncationParams {
            max_length,
            direction,
            ..TruncationParams::default()
        });
        match self.inner.with_truncation(truncation) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.invalid(error.to_string())),
        }
    }

    /// How this tokenizer is used.
    pub fn spec(&self) -> &TokenizerSpec {
        &self.spec
    }

    /// The id of a token of the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Whether the vocabulary is that of OpenAI's CLIP: 49 408 ids, made from English texts, without capital letters.
    pub(crate) fn is_english(&self) -> bool {
        let marks = [clip_bpe::START, clip_bpe::END].map(|mark| self.id(mark));
        let small = |text| self.encode(text).ok();
        marks == [Some(49406), Some(49407)] && small("A") == small("a")
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
        let mut ids = self.ids(text)?;
        if let Some(language) = self.language {
            match self.language_of(&ids).and_then(|at| ids.get_mut(at)) {
                Some(default) => *default = language,
                None => ids.insert(0, language),
            }
        }
        if let Some(end) = self.spec.end_id
            && ids.last() != Some(&end)
        {
            ids.truncate(self.spec.context_length.saturating_sub(1));
            ids.push(end);
        }
        if let Some(zeroed) = self.spec.zeroed_id {
            let found = ids.iter_mut().filter(|id| **id == zeroed);
            found.for_each(|id| *id = 0);
        }
        Ok(ids)
    }

    /// What the tokenizer itself makes of a text.
    fn ids(&self, text: String) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, true);
        let encoding = encoding.map_err(|error| self.invalid(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Where the first language code is.
    fn language_of(&self, ids: &[u32]) -> Option<usize> {
        ids.iter().position(|&id| {
            let token = self.inner.id_to_token(id);
            token.is_some_and(|token| is_language(&token))
        })
    }

    fn invalid(&self, reason: String) -> Error {
        Error::InvalidModelFile {
            file: self.spec.file.clone(),
            reason,
        }
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
            let (before, after) = match self.spec.padding_side {
                Side::Left => (missing, 0),
                Side::Right => (0, missing),
            };
            let padding = |count| std::iter::repeat_n((i64::from(self.spec.pad_id), 0), count);
            let row = row.into_iter().map(|id| (i64::from(id), 1));
            let (ids, mask): (Vec<_>, Vec<_>) =
                padding(before).chain(row).chain(padding(after)).unzip();
            tokens.ids.extend(ids);
            tokens.mask.extend(mask);
        }
        Ok(tokens)
    }
}

/// Whether `token` is a language code of FLORES-200, such as `nob_Latn`.
pub(crate) fn is_language(token: &str) -> bool {
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
