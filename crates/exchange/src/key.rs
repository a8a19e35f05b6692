//! What an embedding is remembered by.
//!
//! Invariant: two keys are equal just when kind, model and inputs are, because every part is written with its length or an
//! end that it does not hold itself.

use sha2::{Digest as _, Sha256};
use std::borrow::Borrow;

/// SHA-256 of a [`Key`], where it has to have a fixed size.
pub type Digest = [u8; 32];

/// What is embedded. Zero, as new memory is, stands for texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Texts in UTF-8.
    #[default]
    Text,
    /// Images.
    Image,
}

/// Kind, model and inputs of one call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Box<[u8]>);

impl Key {
    /// The key of `inputs` as the model with this identity embeds them. An image may be given by a hash of its file.
    pub fn new<'a>(kind: Kind, identity: &str, inputs: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut key = Vec::new();
        write(&mut key, kind, identity, inputs);
        Self(key.into_boxed_slice())
    }

    /// Bytes of the key.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Stands for the key.
    pub fn digest(&self) -> Digest {
        Sha256::digest(&self.0).into()
    }
}

/// A key may be looked up by what [`write()`] has made of the same.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// Puts the bytes of a [`Key`] in the place of what `key` holds.
pub fn write<'a>(
    key: &mut Vec<u8>,
    kind: Kind,
    identity: &str,
    inputs: impl IntoIterator<Item = &'a [u8]>,
) {
    key.clear();
    key.push(kind as u8);
    key.extend_from_slice(identity.as_bytes());
    // Ends the identity, which is hexadecimal.
    key.push(0);
    for input in inputs {
        key.extend_from_slice(&(input.len() as u64).to_le_bytes());
        key.extend_from_slice(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn every_part_counts() {
        let key =
            |kind, identity, inputs: &[&'static [u8]]| Key::new(kind, identity, inputs.to_vec());
        let keys = [
            key(Kind::Text, "ab", &[b"x"]),
            key(Kind::Image, "ab", &[b"x"]),
            key(Kind::Text, "abx", &[b""]),
            key(Kind::Text, "ab", &[b"x", b""]),
            key(Kind::Text, "ab", &[b"", b"x"]),
            key(Kind::Text, "ab", &[]),
        ];
        for (n, one) in keys.iter().enumerate() {
            for (m, other) in keys.iter().enumerate() {
                assert_eq!(one == other, n == m);
                assert_eq!(one.digest() == other.digest(), n == m);
            }
        }
    }

    proptest! {
        #[test]
        fn inputs_are_told_apart(a in vec(vec(any::<u8>(), 0..4), 0..4), b in vec(vec(any::<u8>(), 0..4), 0..4)) {
            let key = |inputs: &[Vec<u8>]| {
                Key::new(Kind::Text, "0f", inputs.iter().map(Vec::as_slice))
            };
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}
