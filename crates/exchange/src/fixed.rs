//! Strings of a fixed size, for memory that processes share.

/// Up to `N` bytes, filled up with zeros. Zeros are the empty string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Fixed<const N: usize>([u8; N]);

impl<const N: usize> Fixed<N> {
    /// A copy of `bytes`; none where they are too many, or hold a zero.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut fixed = [0; N];
        fixed.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (!bytes.contains(&0)).then_some(Self(fixed))
    }

    /// What it was made from.
    pub fn bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&byte| byte == 0);
        &self.0[..end.unwrap_or(N)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_fit_come_back() {
        for text in ["", "a", "abcd"] {
            assert_eq!(
                Fixed::<4>::new(text.as_bytes()).unwrap().bytes(),
                text.as_bytes()
            );
        }
        assert_eq!(Fixed::<4>::new(b"abcde"), None);
        assert_eq!(Fixed::<4>::new(b"a\0"), None);
    }
}
