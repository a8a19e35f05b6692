//! What is made of a text before it is embedded: a template, such as "a photo of a {}", with the text in its places.

use crate::{Error, Result, tokenize::MAX_TEXT_BYTES};

/// What stands for the text in a template.
pub const PLACEHOLDER: &str = "{}";

/// Whether a template has a place for the text.
pub fn has_place(template: &str) -> bool {
    template.contains(PLACEHOLDER)
}

/// `template` with `text` in all of its places.
///
/// # Errors
/// [`Error::TextTooLong`] where the result would be longer than any tokenizer is asked to read. It is not made then: it could
/// take all memory.
pub fn fill(template: &str, text: &str) -> Result<String> {
    let places = template.matches(PLACEHOLDER).count();
    let bytes = template.len() - places * PLACEHOLDER.len() + places * text.len();
    let limit = MAX_TEXT_BYTES;
    match bytes > limit {
        true => Err(Error::TextTooLong { bytes, limit }),
        false => Ok(template.replace(PLACEHOLDER, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_go_into_every_place() {
        assert_eq!(fill("a {}, the {}", "cat").unwrap(), "a cat, the cat");
        assert_eq!(fill("{}", "{}{}").unwrap(), "{}{}");
        assert_eq!(fill("nowhere", "cat").unwrap(), "nowhere");
        assert!(has_place("a {}") && !has_place("a { }") && !has_place(""));
    }

    #[test]
    fn long_results_are_not_made() {
        let text = "x".repeat(MAX_TEXT_BYTES);
        assert_eq!(fill("{}", &text).unwrap().len(), MAX_TEXT_BYTES);
        let refused = fill("{}{}", &text);
        assert!(
            matches!(refused, Err(Error::TextTooLong { bytes, .. }) if bytes == 2 * MAX_TEXT_BYTES)
        );
        // As many places as a template has room for, and as long a text: 2 GB.
        let template = PLACEHOLDER.repeat(MAX_TEXT_BYTES / 2);
        assert!(fill(&template, &text).is_err());
    }

    proptest! {
        #[test]
        fn lengths_are_counted_before(template in "([{}a]|\\{\\})*", text in "[{}bé]*") {
            let filled = fill(&template, &text).unwrap();
            let places = template.matches(PLACEHOLDER).count();
            prop_assert_eq!(filled.len() + 2 * places, template.len() + places * text.len());
        }
    }
}
