//! Vectors as text, `[0.1,-2]`: each element the shortest decimal that is read back as the same half.

use half::f16;

use crate::numbers::{check_count, collect, no_half};
use crate::{Error, MAX_DIMENSIONS, Result, decimal};

/// What PostgreSQL's own types take for white space.
const SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];

/// The vector that `input` is the text of.
///
/// # Errors
/// It is not of the form, an element is not a finite half, or there are none or too many.
pub fn parse(input: &str) -> Result<Vec<f16>> {
    collect(elements(input, element)?)
}

/// The text of a vector.
pub fn write(vector: &[f16]) -> String {
    let mut text = String::with_capacity(12 * vector.len() + 2);
    let mut separator = '[';
    for &half in vector {
        text.push(separator);
        decimal::write(half, &mut text);
        separator = ',';
    }
    text.push(']');
    text
}

/// The element at `index`, counted from 0, from a number's text; None where the text is no number.
pub fn element(index: usize, text: &str) -> Option<Result<f16>> {
    let half = decimal::parse(text)?;
    let element = index + 1;
    Some(if half.is_finite() {
        Ok(half)
    } else if half.is_nan() {
        Err(Error::NotANumber { element })
    } else if text.bytes().any(|byte| byte.is_ascii_digit()) {
        let value = text.to_owned();
        Err(Error::OutOfRange { element, value })
    } else {
        Err(Error::Infinite { element })
    })
}

/// The Euclidean norm of the vector that `input` is the text of, its elements in single precision.
///
/// # Errors
/// As for [`parse`], where "finite" is said of singles.
pub fn norm(input: &str) -> Result<f64> {
    let squares = elements(input, |index, text| {
        let number: f32 = text.parse().ok()?;
        Some(match number.is_finite() {
            true => Ok(f64::from(number).powi(2)),
            false => Err(no_half(index, number.into())),
        })
    })?;
    let squares: Vec<f64> = squares.take(MAX_DIMENSIONS + 1).collect::<Result<_>>()?;
    check_count(squares.len())?;
    Ok(squares.iter().sum::<f64>().sqrt())
}

/// What `read` makes of each element in the text of a vector, with its index; None where it is no number.
fn elements<T>(
    input: &str,
    read: impl Fn(usize, &str) -> Option<Result<T>>,
) -> Result<impl Iterator<Item = Result<T>>> {
    let syntax = move |detail: String| Error::Syntax {
        input: clipped(input),
        detail,
    };
    let contents = input
        .trim_matches(SPACE)
        .strip_prefix('[')
        .ok_or_else(|| syntax("Vector contents must start with \"[\".".into()))?;
    let (elements, rest) = contents
        .split_once(']')
        .ok_or_else(|| syntax("Vector contents must end with \"]\".".into()))?;
    if !rest.is_empty() {
        return Err(syntax("Junk after closing bracket.".into()));
    }
    if elements.trim_matches(SPACE).is_empty() {
        return Err(Error::NoDimensions);
    }
    Ok(elements.split(',').enumerate().map(move |(index, text)| {
        let text = text.trim_matches(SPACE);
        read(index, text).unwrap_or_else(|| {
            let what = if text.is_empty() {
                "empty".into()
            } else {
                format!("\"{}\"", clipped(text))
            };
            Err(syntax(format!("Element {} is {what}.", index + 1)))
        })
    }))
}

/// Text short enough for a message.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_read() {
        let vector = parse(" [ 1, -2.5 ,\t1e-3]\n").unwrap();
        assert_eq!(write(&vector), "[1,-2.5,0.001]");
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        let detail = |input: &str| match parse(input) {
            Err(Error::Syntax { detail, .. }) => detail,
            other => panic!("{input}: {other:?}"),
        };
        assert_eq!(detail("1,2"), "Vector contents must start with \"[\".");
        assert_eq!(detail("[1,2"), "Vector contents must end with \"]\".");
        assert_eq!(detail("[1]2"), "Junk after closing bracket.");
        assert_eq!(detail("[1,,2]"), "Element 2 is empty.");
        assert_eq!(detail("[1,a]"), "Element 2 is \"a\".");
        assert_eq!(parse("[ ]"), Err(Error::NoDimensions));
        assert_eq!(parse("[nan]"), Err(Error::NotANumber { element: 1 }));
        assert_eq!(parse("[0,-inf]"), Err(Error::Infinite { element: 2 }));
        let value = "65520".to_owned();
        assert_eq!(
            parse("[65520]"),
            Err(Error::OutOfRange { element: 1, value })
        );
        let many = format!("[{}0]", "0,".repeat(MAX_DIMENSIONS));
        assert_eq!(parse(&many), Err(Error::TooManyDimensions));
    }

    #[test]
    fn long_texts_are_clipped_in_messages() {
        let Err(Error::Syntax { input, .. }) = parse(&"é".repeat(100)) else {
            panic!("a vector");
        };
        assert_eq!(input, "é".repeat(64) + "...");
    }

    #[test]
    fn norms_are_of_singles() {
        assert_eq!(norm("[3,4]"), Ok(5.0));
        assert_eq!(norm("[1e10]"), Ok(1e10));
        assert_eq!(norm("[]"), Err(Error::NoDimensions));
        assert_eq!(norm("[1,nan]"), Err(Error::NotANumber { element: 2 }));
    }

    proptest! {
        #[test]
        fn vectors_are_read_back(bits in prop::collection::vec(any::<u16>(), 1..40)) {
            let halves = bits.into_iter().map(f16::from_bits);
            let vector: Vec<f16> = halves.filter(|half| half.is_finite()).collect();
            prop_assume!(!vector.is_empty());
            let read: Vec<u16> = parse(&write(&vector)).unwrap().iter().map(|half| half.to_bits()).collect();
            let own: Vec<u16> = vector.iter().map(|half| half.to_bits()).collect();
            prop_assert_eq!(read, own);
        }

        #[test]
        fn no_text_ends_the_process(text in "\\PC{0,40}") {
            let _ = parse(&text);
            let _ = parse(&format!("[{text}]"));
            let _ = norm(&format!("[{text}]"));
        }
    }
}
