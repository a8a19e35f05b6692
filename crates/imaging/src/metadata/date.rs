//! When a picture was taken, as EXIF, XMP and IPTC say.

use super::Said;
use super::fields::Fields;
use super::iptc::Datasets;
use ::exif::{Tag, Value};
use std::fmt;

/// A moment by the camera's clock: files know of time zones too rarely to rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Year, month and day.
    pub date: (u16, u8, u8),
    /// Hour, minute and second.
    pub time: (u8, u8, u8),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second)) = (self.date, self.time);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )
    }
}

/// When the picture was taken, or else digitized.
pub(super) fn taken(said: &Said) -> Option<Moment> {
    let Said { exif, iptc, xmp } = said;
    let in_exif = |tag| exif_date(exif, tag);
    let in_xmp = |name| moment(xmp.text(name)?);
    in_exif(Tag::DateTimeOriginal)
        .or_else(|| in_xmp("exif:DateTimeOriginal"))
        .or_else(|| in_xmp("photoshop:DateCreated"))
        .or_else(|| iptc_date(iptc, "DateCreated", "TimeCreated"))
        .or_else(|| in_exif(Tag::DateTimeDigitized))
        .or_else(|| in_xmp("exif:DateTimeDigitized"))
        .or_else(|| in_xmp("xmp:CreateDate"))
        .or_else(|| iptc_date(iptc, "DigitalCreationDate", "DigitalCreationTime"))
}

fn exif_date(fields: &Fields, tag: Tag) -> Option<Moment> {
    match fields.get(tag)? {
        Value::Ascii(lines) => moment(std::str::from_utf8(lines.first()?).ok()?),
        _ => None,
    }
}

fn iptc_date(datasets: &Datasets, date: &str, time: &str) -> Option<Moment> {
    let date = datasets.values(date).next()?;
    let time = datasets.values(time).next().unwrap_or_default();
    moment(&format!("{date}{time}"))
}

/// The moment that a text begins with: EXIF, ISO 8601 and IPTC differ in what stands between the numbers. A date alone is
/// its beginning; time zones and parts of a second do not count.
fn moment(text: &str) -> Option<Moment> {
    let mut rest = text.trim().as_bytes();
    let mut number = |length: usize| {
        let tail = match rest {
            [b':' | b'-' | b' ' | b'T', tail @ ..] => tail,
            all => all,
        };
        let (digits, tail) = tail.split_at_checked(length)?;
        let append =
            |value: u16, byte: &u8| Some(10 * value + char::from(*byte).to_digit(10)? as u16);
        let value = digits.iter().try_fold(0, append)?;
        rest = tail;
        Some(value)
    };
    let year = number(4)?;
    let (month, day) = (number(2)? as u8, number(2)? as u8);
    let minutes = number(2).and_then(|hour| Some((hour as u8, number(2)? as u8)));
    let (hour, minute) = minutes.unwrap_or_default();
    let second = minutes.and_then(|_| number(2)).unwrap_or_default() as u8;
    let real = year > 0
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    real.then_some(Moment {
        date: (year, month, day),
        time: (hour, minute, second),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_writes_dates_its_own_way() {
        let written = |text| moment(text).map(|moment| moment.to_string());
        let known = Some("2001-02-03T04:05:06".to_owned());
        assert_eq!(written("2001:02:03 04:05:06"), known);
        assert_eq!(written("2001-02-03T04:05:06.25+01:00"), known);
        assert_eq!(written("20010203040506+0100"), known);
        assert_eq!(
            written("2001-02-03T04:05Z").as_deref(),
            Some("2001-02-03T04:05:00")
        );
        assert_eq!(
            written("2001-02-03").as_deref(),
            Some("2001-02-03T00:00:00")
        );
        for none in [
            "",
            "2001",
            "2001-02",
            "0000:00:00 00:00:00",
            "2001:13:03 04:05:06",
            "    :  :     :  :  ",
            "at noon",
        ] {
            assert_eq!(moment(none), None, "{none}");
        }
    }
}
