//! GIF's blocks: how many frames there are, and what colour lies around the first one.
//!
//! Pillow paints the part of the screen that the first frame leaves free with the frame's transparent
//! colour, or colour 0 of its palette. The decoder gives transparent black there, hence this walk.

/// What the blocks of a GIF say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    /// Images in the file.
    pub(super) frames: u32,
    /// The first image.
    pub(super) first: Option<First>,
}

/// The first image of a GIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    /// Left, top, width, height on the screen.
    pub(super) area: [usize; 4],
    /// Colour of the screen around it, with alpha.
    pub(super) surround: [u8; 4],
}

impl Walk {
    /// Walks `bytes` up to the trailer or the first damage.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut walk = Self::default();
        walk.blocks(bytes);
        walk
    }

    fn blocks(&mut self, bytes: &[u8]) -> Option<()> {
        let flags = *bytes.get(10)?;
        let mut rest = bytes.get(13..)?;
        let global = take(&mut rest, palette_length(flags))?;
        let mut transparent = None;
        loop {
            match *take(&mut rest, 1)?.first()? {
                0x21 => {
                    let label = *take(&mut rest, 1)?.first()?;
                    if let (0xf9, [_, flags, _, _, index, ..]) = (label, rest) {
                        transparent = (flags & 1 == 1).then_some(usize::from(*index));
                    }
                }
                0x2c => {
                    let descriptor = take(&mut rest, 9)?;
                    let local = take(&mut rest, palette_length(*descriptor.get(8)?))?;
                    take(&mut rest, 1)?;
                    self.frames = self.frames.saturating_add(1);
                    if self.first.is_none() {
                        let palette = if local.is_empty() { global } else { local };
                        let at = 3 * transparent.unwrap_or(0);
                        let color = palette.get(at..at + 3).unwrap_or(&[0, 0, 0]);
                        let side = |at: usize| {
                            let pair = descriptor.get(at..at + 2)?;
                            Some(usize::from(u16::from_le_bytes(pair.try_into().ok()?)))
                        };
                        self.first = Some(First {
                            area: [side(0)?, side(2)?, side(4)?, side(6)?],
                            surround: [
                                *color.first()?,
                                *color.get(1)?,
                                *color.get(2)?,
                                if transparent.is_some() { 0 } else { 255 },
                            ],
                        });
                    }
                }
                _ => return None,
            }
            // Both kinds of block end in sub-blocks, of which an empty one is the last.
            while let length @ 1.. = usize::from(*take(&mut rest, 1)?.first()?) {
                take(&mut rest, length)?;
            }
        }
    }
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
