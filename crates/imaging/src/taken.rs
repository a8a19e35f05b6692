//! When a picture was taken, as its EXIF block says.

use super::source::{Pulse, Source};
use exif::{DateTime, In, Reader, Tag, Value};

/// A moment by the camera's clock: EXIF knows of time zones too rarely to rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Year, month and day.
    pub date: (u16, u8, u8),
    /// Hour, minute and second.
    pub time: (u8, u8, u8),
}

/// When the picture was taken, or else digitized. `None` where the file does not say; whether it is a date in the
/// calendar is not checked.
///
/// Looks into JPEG, TIFF, PNG, WebP and HEIF. A damaged block says nothing, it is not an error. `progress` is called while
/// reading; it may unwind.
pub fn taken(bytes: &[u8], progress: &dyn Fn()) -> Option<Moment> {
    let pulse = Pulse::new(progress);
    let block = Reader::new()
        .read_from_container(&mut Source::new(bytes, &pulse))
        .ok()?;
    [Tag::DateTimeOriginal, Tag::DateTimeDigitized]
        .into_iter()
        .find_map(|tag| match &block.get_field(tag, In::PRIMARY)?.value {
            Value::Ascii(lines) => DateTime::from_ascii(lines.first()?).ok(),
            _ => None,
        })
        .map(|known| Moment {
            date: (known.year, known.month, known.day),
            time: (known.hour, known.minute, known.second),
        })
}
