//! Classifiers as bytes, stored and sent: the same on every machine, and never trusted.
//!
//! A fingerprint of 16 bytes, the first of the SHA-256 of all that follows. Then, numbers little-endian: version and
//! activation (u8), 0 (u16), dimensions, classes (u32), scale (f64), name and identity of the model, both empty where it is
//! not known; for each class 1 or 0 (u8) for whether it has a label, the label, bias and threshold (f64, NaN for none); then
//! the vectors (f32). A text is its length (u32) and UTF-8.

use sha2::{Digest, Sha256};

use crate::limits::VERSION;
use crate::{Activation, Class, Classifier, Error, Origin, Result};

/// Bytes at the front that tell one classifier from another.
pub const FINGERPRINT_BYTES: usize = 16;

/// The least number of bytes that a class takes beside its vector.
const CLASS_BYTES: usize = 1 + 4 + 8 + 8;

/// What the bytes of a classifier begin with; equal for equal classifiers only.
///
/// # Errors
/// There are fewer bytes.
pub fn fingerprint(bytes: &[u8]) -> Result<[u8; FINGERPRINT_BYTES]> {
    let first = bytes.first_chunk();
    first.copied().ok_or(Error::Damaged("too short"))
}

fn fingerprint_of(contents: &[u8]) -> [u8; FINGERPRINT_BYTES] {
    let digest = Sha256::digest(contents);
    std::array::from_fn(|index| digest[index])
}

impl Classifier {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; FINGERPRINT_BYTES];
        bytes.extend([VERSION, self.activation() as u8, 0, 0]);
        bytes.extend((self.dimensions() as u32).to_le_bytes());
        bytes.extend((self.labels().len() as u32).to_le_bytes());
        bytes.extend(self.scale().to_le_bytes());
        let origin = self.origin();
        text(&mut bytes, origin.map_or("", |origin| &origin.name));
        text(&mut bytes, origin.map_or("", |origin| &origin.identity));
        for (class, label) in self.labels().iter().enumerate() {
            bytes.push(label.is_some().into());
            text(&mut bytes, label.as_deref().unwrap_or_default());
            bytes.extend(self.biases()[class].to_le_bytes());
            bytes.extend(self.thresholds()[class].unwrap_or(f64::NAN).to_le_bytes());
        }
        let weights = self.vectors().flatten();
        bytes.extend(weights.flat_map(|weight| weight.to_le_bytes()));
        let fingerprint = fingerprint_of(&bytes[FINGERPRINT_BYTES..]);
        bytes[..FINGERPRINT_BYTES].copy_from_slice(&fingerprint);
        bytes
    }

    /// The classifier that `bytes` hold.
    ///
    /// # Errors
    /// They are of another version, damaged, or hold what no classifier may have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let claimed = fingerprint(bytes)?;
        let mut reader = Reader(&bytes[FINGERPRINT_BYTES..]);
        let version = reader.u8()?;
        // Before anything else: the rest is laid out as the version says.
        if version != VERSION {
            return Err(Error::Version(version.into()));
        }
        if fingerprint_of(&bytes[FINGERPRINT_BYTES..]) != claimed {
            return Err(Error::Damaged("its fingerprint is another"));
        }
        let activation = match reader.u8()? {
            byte if byte == Activation::Softmax as u8 => Activation::Softmax,
            byte if byte == Activation::Sigmoid as u8 => Activation::Sigmoid,
            _ => return Err(Error::Damaged("unknown activation")),
        };
        if reader.take(2)? != [0, 0] {
            return Err(Error::Damaged("reserved bytes in use"));
        }
        let (dimensions, count) = (reader.u32()? as usize, reader.u32()? as usize);
        let scale = reader.f64()?;
        let (name, identity) = (reader.text()?, reader.text()?);
        // Room is made for what can be there only.
        if count > reader.0.len() / CLASS_BYTES {
            return Err(Error::Damaged("too short"));
        }
        let mut classes = Vec::with_capacity(count);
        for _ in 0..count {
            classes.push(reader.class()?);
        }
        let weights = dimensions
            .checked_mul(count)
            .and_then(|weights| weights.checked_mul(4));
        if weights != Some(reader.0.len()) {
            return Err(Error::Damaged("vectors of another length"));
        }
        let (weights, _) = reader.0.as_chunks::<4>();
        for (class, vector) in classes.iter_mut().zip(weights.chunks(dimensions.max(1))) {
            class.vector = vector
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect();
        }
        let origin = match (name.is_empty(), identity.is_empty()) {
            (true, true) => None,
            _ => Some(Origin { name, identity }),
        };
        Self::new(origin, activation, scale, classes)
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The bytes that were not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(Error::Damaged("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(Error::Damaged("too short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String> {
        let length = self.u32()? as usize;
        let text = str::from_utf8(self.take(length)?);
        Ok(text
            .map_err(|_| Error::Damaged("text is not UTF-8"))?
            .to_owned())
    }

    /// A class without its vector.
    fn class(&mut self) -> Result<Class> {
        let labelled = self.u8()?;
        let label = self.text()?;
        let label = match (labelled, label.is_empty()) {
            (0, true) => None,
            (1, _) => Some(label),
            _ => return Err(Error::Damaged("unknown kind of label")),
        };
        Ok(Class {
            label,
            vector: Vec::new(),
            bias: self.f64()?,
            threshold: Some(self.f64()?).filter(|threshold| !threshold.is_nan()),
        })
    }
}
