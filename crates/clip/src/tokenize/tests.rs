//! Token ids of the embedded model's tokenizer, which is CLIP's, and of one that knows a few words.

use super::*;
use crate::testing;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{fs, io::Write, sync::LazyLock};

/// CLIP's begin and end of text.
const START: u32 = 49406;
const END: u32 = 49407;

fn spec(file: &str) -> TokenizerSpec {
    TokenizerSpec::plain(file, 77)
}

static CLIP_JSON: LazyLock<Vec<u8>> =
    LazyLock::new(|| fs::read(testing::clip_mini().join("tokenizer.json")).unwrap());
static CLIP: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::new(&CLIP_JSON, spec("tokenizer.json")).unwrap());
static VOCABULARY: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::new(&vocabulary(), spec("bpe_simple_vocab_16e6.txt.gz")).unwrap());

/// The embedded model's merges as OpenAI published them: a version, then a merge per line, more than CLIP uses.
fn vocabulary() -> Vec<u8> {
    let json: Value = serde_json::from_slice(&CLIP_JSON).unwrap();
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(file, "\"bpe_simple_vocab_16e6.txt#version: 0.2").unwrap();
    for merge in json["model"]["merges"].as_array().unwrap() {
        let part = |at: usize| merge[at].as_str().unwrap();
        writeln!(file, "{} {}", part(0), part(1)).unwrap();
    }
    writeln!(file, "never used").unwrap();
    file.finish().unwrap()
}

fn few_words(change: impl FnOnce(&mut TokenizerSpec)) -> Tokenizer {
    let mut spec = spec("tokenizer.json");
    change(&mut spec);
    Tokenizer::new(&testing::words(), spec).unwrap()
}

#[test]
fn clip_ids_are_the_published_ones() {
    for (text, ids) in [
        ("a photo of a cat", &[320, 1125, 539, 320, 2368][..]),
        ("A  PHOTO\tof a\ncat ", &[320, 1125, 539, 320, 2368]),
        ("don't", &[847, 713]),
        ("12", &[272, 273]),
        ("", &[]),
        (" \t\r\n", &[]),
        ("🐈", &[2074, 486]),
        // What looks like a special token is one, in the reference too.
        ("<|endoftext|>", &[END]),
    ] {
        let expected = [&[START], ids, &[END]].concat();
        assert_eq!(CLIP.encode(text).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn published_vocabularies_equal_tokenizer_json() {
    for text in [
        "a photo of a cat",
        "it's 1984; they're NOT l'été naïve",
        "🐈‍⬛ 日本語 Ωmega ½",
        "e\u{301}clair \u{0} \u{7f}",
        "<|startoftext|> <|endoftext|>",
    ] {
        assert_eq!(
            VOCABULARY.encode(text).unwrap(),
            CLIP.encode(text).unwrap(),
            "{text:?}"
        );
    }
}

#[test]
fn damaged_vocabularies_are_refused() {
    let whole = vocabulary();
    let short = {
        let mut file = GzEncoder::new(Vec::new(), Compression::fast());
        file.write_all(b"version\ni n\n").unwrap();
        file.finish().unwrap()
    };
    for (contents, reason) in [
        (&whole[..whole.len() / 2], "invalid model file"),
        (b"<!doctype html>", "invalid gzip header"),
        (&short, "1 merges, expected 48894"),
    ] {
        let refused = Tokenizer::new(contents, spec("vocabulary.txt.gz"))
            .err()
            .unwrap()
            .to_string();
        assert!(
            refused.contains("vocabulary.txt.gz") && refused.contains(reason),
            "{refused}"
        );
    }
    let refused = Tokenizer::new(b"{}", spec("tokenizer.json")).err().unwrap();
    assert!(
        matches!(refused, Error::InvalidModelFile { .. }),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn any_text_has_ids(text in "\\PC{0,200}", raw in any::<String>()) {
        for text in [text, raw] {
            let ids = CLIP.encode(&text).unwrap();
            prop_assert!((2..=77).contains(&ids.len()));
            prop_assert_eq!((ids[0], ids[ids.len() - 1]), (START, END));
            prop_assert_eq!(VOCABULARY.encode(&text).unwrap(), ids);
        }
    }
}

#[test]
fn long_texts_keep_their_end() {
    let ids = CLIP.encode(&"cat ".repeat(10_000)).unwrap();
    assert_eq!((ids.len(), ids[0], ids[76]), (77, START, END));
    assert!(ids[1..76].iter().all(|&id| id == 2368));
    let just = CLIP.encode(&"cat ".repeat(75)).unwrap();
    assert_eq!(just, ids);
    let short = few_words(|spec| spec.context_length = 4);
    assert_eq!(short.encode("cat dog").unwrap(), [1, 4, 5, 2]);
    assert_eq!(short.encode("cat dog snow house").unwrap(), [1, 4, 5, 2]);
}

/// As `tokenizers` and `transformers` truncate: words go, special tokens stay, wherever they stand.
#[test]
fn long_texts_lose_words_only() {
    let mut json: Value = serde_json::from_slice(&testing::words()).unwrap();
    json["model"]["vocab"]["eng_Latn"] = json!(20);
    let template = |post: &[&str]| {
        let piece = |token: &&str| match *token {
            "$A" => json!({"Sequence": {"id": "A", "type_id": 0}}),
            token => json!({"SpecialToken": {"id": token, "type_id": 0}}),
        };
        let tokens = [("<s>", 1), ("</s>", 2), ("eng_Latn", 20)];
        let tokens =
            tokens.map(|(token, id)| (token, json!({"id": token, "ids": [id], "tokens": [token]})));
        json!({
            "type": "TemplateProcessing", "pair": [],
            "single": post.iter().map(piece).collect::<Vec<_>>(),
            "special_tokens": serde_json::Map::from_iter(tokens.map(|(token, value)| (token.to_owned(), value))),
        })
    };
    let long = "cat dog snow house page text";
    for (post, right, left) in [
        (&["$A", "</s>"][..], [4, 5, 6, 2], [7, 8, 9, 2]),
        (&["$A", "</s>", "eng_Latn"], [4, 5, 2, 20], [8, 9, 2, 20]),
        (&["<s>", "$A", "</s>"], [1, 4, 5, 2], [1, 8, 9, 2]),
        (&["<s>", "$A"], [1, 4, 5, 6], [1, 7, 8, 9]),
        (&["$A"], [4, 5, 6, 7], [6, 7, 8, 9]),
        (&[], [4, 5, 6, 7], [6, 7, 8, 9]),
    ] {
        json["post_processor"] = match post {
            [] => Value::Null,
            post => template(post),
        };
        for (side, expected) in [(Side::Right, right), (Side::Left, left)] {
            let spec = TokenizerSpec {
                context_length: 4,
                truncation_side: side,
                ..spec("tokenizer.json")
            };
            let tokenizer = Tokenizer::new(json.to_string().as_bytes(), spec).unwrap();
            assert_eq!(
                tokenizer.encode(long).unwrap(),
                expected,
                "{post:?} {side:?}"
            );
        }
        // An end and a language that are added take their places from the words.
        let spec = TokenizerSpec {
            context_length: 4,
            end_id: Some(2),
            prefix: "eng_Latn".to_owned(),
            ..spec("tokenizer.json")
        };
        let tokenizer = Tokenizer::new(json.to_string().as_bytes(), spec).unwrap();
        for text in [long, "cat", ""] {
            let ids = tokenizer.encode(text).unwrap();
            assert!(
                ids.len() <= 4 && ids.contains(&20) && ids.contains(&2),
                "{post:?} {ids:?}"
            );
        }
    }
}

#[test]
fn special_tokens_need_room() {
    let spec = TokenizerSpec {
        context_length: 3,
        end_id: Some(3),
        ..spec("tokenizer.json")
    };
    let refused = Tokenizer::new(&testing::words(), spec).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "model file \"tokenizer.json\" does not take texts of 3 tokens: special tokens alone are 3"
    );
}

#[test]
fn special_tokens_can_be_left_out_and_zeroed() {
    let bare = few_words(|spec| {
        spec.special = false;
        spec.end_id = Some(2);
        spec.context_length = 3;
    });
    assert_eq!(bare.encode("cat dog snow").unwrap(), [4, 5, 2]);
    let zeroed = few_words(|spec| spec.zeroed_id = Some(2));
    // A typed one, too, as open_clip does.
    assert_eq!(zeroed.encode("cat </s> dog").unwrap(), [1, 4, 0, 5, 0]);
}

#[test]
fn texts_are_limited_in_bytes() {
    assert!(CLIP.encode(&"é".repeat(MAX_TEXT_BYTES / 2)).is_ok());
    let refused = CLIP.encode(&"x".repeat(MAX_TEXT_BYTES + 1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "text of 65537 bytes exceeds the limit of 65536 bytes"
    );
}

#[test]
fn rows_are_filled_up() {
    let tokenizer = few_words(|spec| {
        spec.context_length = 6;
        spec.pad_id = 9;
    });
    let texts = ["cat", "cat dog snow"];
    let full = tokenizer.batch(&texts, Padding::Full).unwrap();
    assert_eq!(full.ids, [1, 4, 2, 9, 9, 9, 1, 4, 5, 6, 2, 9]);
    assert_eq!(full.mask, [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0]);
    let longest = tokenizer.batch(&texts, Padding::Longest).unwrap();
    assert_eq!(longest.ids, [1, 4, 2, 9, 9, 1, 4, 5, 6, 2]);
    assert_eq!((longest.rows, longest.length), (2, 5));
    let left = few_words(|spec| {
        spec.pad_id = 9;
        spec.padding_side = Side::Left;
    });
    let left = left.batch(&texts, Padding::Longest).unwrap();
    assert_eq!(left.ids, [9, 9, 1, 4, 2, 1, 4, 5, 6, 2]);
    assert_eq!(left.mask, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    let none = tokenizer.batch(&[], Padding::Longest).unwrap();
    assert_eq!((none.rows, none.length, none.ids.len()), (0, 0, 0));
}

#[test]
fn ends_are_added_where_the_tokenizer_lacks_them() {
    let mut json: Value = serde_json::from_slice(&testing::words()).unwrap();
    json["post_processor"] = Value::Null;
    let spec = TokenizerSpec {
        end_id: Some(2),
        context_length: 3,
        ..spec("tokenizer.json")
    };
    let tokenizer = Tokenizer::new(json.to_string().as_bytes(), spec).unwrap();
    assert_eq!(tokenizer.encode("cat").unwrap(), [4, 2]);
    assert_eq!(tokenizer.encode("").unwrap(), [2]);
    assert_eq!(tokenizer.encode("cat dog snow house").unwrap(), [4, 5, 2]);
    let twice = few_words(|spec| spec.end_id = Some(2));
    assert_eq!(twice.encode("cat").unwrap(), [1, 4, 2]);
}

#[test]
fn texts_are_cleaned() {
    // By `transformers`' SiglipTokenizer: lower(), string.punctuation removed, \s+ to one space, strip().
    for (text, canonical) in [
        ("A Photo, of a CAT.", "a photo of a cat"),
        ("  it's \t a\n\ndog\u{a0}!? ", "its a dog"),
        ("«Été» — 50% [x]", "«été» — 50 x"),
        ("a\u{1c}b\u{85}c\u{200b}d", "a b c\u{200b}d"),
        ("!#$%&()*+,-./:;<=>?@[]^_`{|}~\"'\\", ""),
        ("", ""),
    ] {
        assert_eq!(Clean::Canonicalize.apply(text), canonical);
    }
    assert_eq!(Clean::Canonicalize.apply("Snow_white, 1"), "snowwhite 1");
    assert_eq!(
        Clean::CanonicalizeWords.apply("Snow_white, 1"),
        "snow white 1"
    );
    assert_eq!(Clean::Lowercase.apply("A Cat, ÉTÉ."), "a cat, été.");
    assert_eq!(Clean::None.apply(" A Cat."), " A Cat.");
    let siglip = few_words(|spec| spec.clean = Clean::Canonicalize);
    assert_eq!(siglip.encode("CAT! dog?").unwrap(), [1, 4, 5, 2]);
}

#[test]
fn prefixes_come_first() {
    let tokenizer = few_words(|spec| {
        spec.prefix = "House of ".to_owned();
        spec.clean = Clean::Lowercase;
    });
    // "of" is unknown.
    assert_eq!(tokenizer.encode("CAT").unwrap(), [1, 7, 3, 4, 2]);
}

/// NLLB's tokenizer puts the language first: `eng_Latn … </s>`, or, in its old form, last: `… </s> eng_Latn`.
#[test]
fn language_codes_replace_the_default() {
    let mut json: Value = serde_json::from_slice(&testing::words()).unwrap();
    for (code, id) in [("eng_Latn", 20), ("deu_Latn", 21)] {
        json["model"]["vocab"][code] = json!(id);
    }
    json["post_processor"] =
        json!({"type": "BertProcessing", "cls": ["eng_Latn", 20], "sep": ["</s>", 2]});
    let tokenizer = |prefix: &str, json: &Value| {
        let spec = TokenizerSpec {
            prefix: prefix.to_owned(),
            ..spec("tokenizer.json")
        };
        Tokenizer::new(json.to_string().as_bytes(), spec).unwrap()
    };
    assert_eq!(tokenizer("", &json).encode("cat").unwrap(), [20, 4, 2]);
    assert_eq!(
        tokenizer("deu_Latn", &json).encode("cat").unwrap(),
        [21, 4, 2]
    );
    json["post_processor"] = Value::Null;
    assert_eq!(tokenizer("deu_Latn", &json).encode("cat").unwrap(), [21, 4]);
    // A code that the vocabulary lacks is a text like any other.
    assert_eq!(tokenizer("fra_Latn ", &json).encode("cat").unwrap(), [3, 4]);
}

#[test]
fn language_codes_are_recognised() {
    for code in ["eng_Latn", "zho_Hant", "nob_Latn"] {
        assert!(is_language(code), "{code}");
    }
    for other in [
        "eng",
        "en_Latn",
        "eng_latn",
        "ENG_Latn",
        "eng_Latin",
        "eng_Lat1",
        "",
        "_",
    ] {
        assert!(!is_language(other), "{other}");
    }
}
