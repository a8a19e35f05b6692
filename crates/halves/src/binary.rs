//! Vectors in the binary format of pgvector's `halfvec`: dimension and 0 as int16, then the halves, all in network byte
//! order.

use half::f16;

use crate::{Error, MAX_DIMENSIONS, Result, numbers};

/// The vector that `bytes` are, all of them.
///
/// # Errors
/// They are not as many as they say, or the vector is none.
pub fn decode(bytes: &[u8]) -> Result<Vec<f16>> {
    let (words, _) = bytes.as_chunks::<2>();
    let [dims, unused, halves @ ..] = words else {
        return Err(Error::Truncated);
    };
    let (dims, unused) = (u16::from_be_bytes(*dims), u16::from_be_bytes(*unused));
    // Before anything is made of the numbers: they are of another format.
    if bytes.len() != length(dims.into()) {
        return Err(Error::BinaryLength {
            bytes: bytes.len(),
            dims,
        });
    }
    if usize::from(dims) > MAX_DIMENSIONS {
        return Err(Error::TooManyDimensions);
    }
    if unused != 0 {
        return Err(Error::UnusedField(unused));
    }
    numbers::round(halves.iter().map(|&half| f16::from_be_bytes(half).into()))
}

/// The bytes of a vector.
pub fn encode(vector: &[f16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length(vector.len()));
    bytes.extend((vector.len() as u16).to_be_bytes());
    bytes.extend(0u16.to_be_bytes());
    bytes.extend(vector.iter().flat_map(|half| half.to_be_bytes()));
    bytes
}

/// Bytes of a vector of that many dimensions.
pub fn length(dims: usize) -> usize {
    4 + 2 * dims
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn format_is_that_of_halfvec() {
        let vector = [f16::ONE, f16::from_f32(-2.0)];
        let bytes = [0, 2, 0, 0, 0x3c, 0, 0xc0, 0];
        assert_eq!(encode(&vector), bytes);
        assert_eq!(decode(&bytes).unwrap(), vector);
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        assert_eq!(decode(&[0, 1, 0]), Err(Error::Truncated));
        let (bytes, dims) = (6, 2);
        assert_eq!(
            decode(&[0, 2, 0, 0, 0, 0]),
            Err(Error::BinaryLength { bytes, dims })
        );
        assert_eq!(decode(&[0, 1, 0, 7, 0, 0]), Err(Error::UnusedField(7)));
        assert_eq!(decode(&[0, 0, 0, 0]), Err(Error::NoDimensions));
        let nan = [0, 1, 0, 0, 0x7e, 0];
        assert_eq!(decode(&nan), Err(Error::NotANumber { element: 1 }));
        let many = encode(&vec![f16::ONE; MAX_DIMENSIONS + 1]);
        assert_eq!(decode(&many), Err(Error::TooManyDimensions));
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_what_was_encoded(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(vector) = decode(&bytes) {
                prop_assert_eq!(encode(&vector), bytes);
            }
        }
    }
}
