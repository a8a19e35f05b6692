//! An encoder without a model: unit vectors drawn from a hash of the input.

use super::{Cancel, Encoder};
use crate::{Result, manifest::Manifest};
use sha2::{Digest, Sha256};

/// Embeds equal inputs equally and different inputs independently of each other; for tests of its callers.
pub struct FakeEncoder {
    manifest: Manifest,
}

impl FakeEncoder {
    /// An encoder that claims to be the model of `manifest`.
    pub fn new(manifest: Manifest) -> Self {
        Self { manifest }
    }

    fn rows<'a>(
        &self,
        inputs: impl Iterator<Item = &'a [u8]>,
        cancel: &Cancel,
    ) -> Result<Vec<f32>> {
        let mut rows = Vec::new();
        for input in inputs {
            cancel.check()?;
            rows.extend(unit_vector(input, self.manifest.dimensions));
        }
        Ok(rows)
    }
}

impl Encoder for FakeEncoder {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn encode_texts(&mut self, texts: &[&str], cancel: &Cancel) -> Result<Vec<f32>> {
        self.rows(texts.iter().map(|text| text.as_bytes()), cancel)
    }

    fn encode_images(&mut self, images: &[&[u8]], cancel: &Cancel) -> Result<Vec<f32>> {
        self.rows(images.iter().copied(), cancel)
    }
}

/// Uniform numbers in [-1, 1) from SHA-256 in counter mode, scaled to length 1.
fn unit_vector(input: &[u8], dimensions: usize) -> Vec<f32> {
    let seed = Sha256::digest(input);
    let mut values = Vec::with_capacity(dimensions);
    for block in 0u64.. {
        if values.len() >= dimensions {
            break;
        }
        let bytes = Sha256::new()
            .chain_update(seed)
            .chain_update(block.to_le_bytes())
            .finalize();
        values.extend(
            bytes
                .chunks_exact(2)
                .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0),
        );
    }
    values.truncate(dimensions);
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    values
        .into_iter()
        .map(|value| (value / norm) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_unit_and_depend_on_the_input() {
        for dimensions in [1, 16, 512] {
            let a = unit_vector(b"a", dimensions);
            assert_eq!(a.len(), dimensions);
            assert!((a.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
            assert_eq!(a, unit_vector(b"a", dimensions));
        }
        assert_ne!(unit_vector(b"a", 512), unit_vector(b"b", 512));
    }
}
