//! The blocks of a GIF: where frames lie, and what extensions hold.

use crate::source::Pulse;

/// Portions that are passed over before `progress` is called again.
const PORTIONS: usize = 1 << 16;

/// A block.
pub(crate) enum Block<'a> {
    /// Left, top, width and height of a frame.
    Frame([u16; 4]),
    /// The label of an extension, and its portions, each after its length.
    Extension(u8, &'a [u8]),
}

/// The blocks up to the trailer or the first damage. A frame is told even where the file ends within it: as the last.
pub(crate) struct Blocks<'a, 'p> {
    rest: &'a [u8],
    pulse: &'p Pulse<'p>,
}

impl<'a, 'p> Blocks<'a, 'p> {
    /// Of a file.
    pub(crate) fn of(bytes: &'a [u8], pulse: &'p Pulse<'p>) -> Self {
        let palette = bytes.get(10).map_or(0, |flags| palette_length(*flags));
        let rest = bytes.get(13..).and_then(|rest| rest.get(palette..));
        Self {
            rest: rest.unwrap_or_default(),
            pulse,
        }
    }
}

impl<'a> Iterator for Blocks<'a, '_> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pulse.beat();
        let rest = &mut self.rest;
        let head = match *take(rest, 1)?.first()? {
            0x21 => Err(*take(rest, 1)?.first()?),
            0x2c => {
                let descriptor = take(rest, 9)?;
                let words = descriptor.as_chunks::<2>().0;
                let word = |n: usize| words.get(n).map_or(0, |word| u16::from_le_bytes(*word));
                if take(rest, palette_length(*descriptor.get(8)?) + 1).is_none() {
                    *rest = &[];
                }
                Ok(std::array::from_fn(word))
            }
            _ => return None,
        };
        // Both kinds end in portions, of which an empty one is the last.
        let data = *rest;
        let (mut length, mut count) = (0, 0usize);
        while let Some(portion @ 1..) = take(rest, 1).map(|length| usize::from(length[0])) {
            count += 1;
            if count.is_multiple_of(PORTIONS) {
                self.pulse.beat();
            }
            match take(rest, portion) {
                Some(_) => length += 1 + portion,
                None => *rest = &[],
            }
        }
        Some(match head {
            Ok(area) => Block::Frame(area),
            Err(label) => Block::Extension(label, data.get(..length).unwrap_or_default()),
        })
    }
}

/// What portions hold.
pub(crate) fn portions(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = usize::from(*take(&mut data, 1)?.first()?);
        take(&mut data, length)
    })
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}
