//! IPTC's Information Interchange Model (IIM 4.2), as JPEG, TIFF and PSD carry it: records of datasets.

use crate::photoshop::Resources;

/// A dataset of the second record that is read: its number and its name in the standard.
const DATASETS: [(u8, &str); 20] = [
    (5, "ObjectName"),
    (15, "Category"),
    (20, "SupplementalCategories"),
    (25, "Keywords"),
    (40, "SpecialInstructions"),
    (55, "DateCreated"),
    (60, "TimeCreated"),
    (62, "DigitalCreationDate"),
    (63, "DigitalCreationTime"),
    (80, "By-line"),
    (85, "By-lineTitle"),
    (90, "City"),
    (92, "Sub-location"),
    (95, "Province-State"),
    (101, "Country-PrimaryLocationName"),
    (105, "Headline"),
    (110, "Credit"),
    (115, "Source"),
    (116, "CopyrightNotice"),
    (120, "Caption-Abstract"),
];

/// Values that are kept at most; each has at most 32 kB.
const MOST: usize = 1 << 10;

/// The datasets that a file has, by name in the file's order; damage ends them.
#[derive(Debug, Default)]
pub(crate) struct Datasets(Vec<(&'static str, String)>);

impl Datasets {
    /// Reads the content of an IPTC block, or Photoshop's resources with one.
    pub(crate) fn read(block: &[u8]) -> Self {
        let (mut found, mut utf8) = (Vec::new(), false);
        let within = Resources(block).find(|(number, _)| *number == 0x0404);
        let mut rest = within.map_or(block, |(_, datasets)| datasets);
        while found.len() < MOST
            && let Some((&[0x1c, record, number, high, low], tail)) = rest.split_first_chunk::<5>()
        {
            // The highest bit announces a length of more bytes, which nothing that is read here needs.
            let length = usize::from(u16::from_be_bytes([high, low]));
            let Some((value, after)) = tail.split_at_checked(length).filter(|_| high & 0x80 == 0)
            else {
                break;
            };
            rest = after;
            match record {
                // The envelope's coded character set: ISO 2022's announcement of UTF-8.
                1 if number == 90 => utf8 = value == b"\x1b%G",
                2 => {
                    let named = DATASETS.iter().find(|(known, _)| *known == number);
                    if let Some((_, name)) = named {
                        found.push((*name, text(value, utf8)));
                    }
                }
                _ => {}
            }
        }
        found.retain(|(_, value)| !value.is_empty());
        Self(found)
    }

    /// All datasets.
    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// Values of a dataset.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(found, _)| *found == name);
        named.map(|(_, value)| value.as_str())
    }
}

/// Where the character set is not said, it is UTF-8 if it can be, else Latin-1, as in most files of that kind.
fn text(value: &[u8], utf8: bool) -> String {
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) if utf8 => String::from_utf8_lossy(value).into_owned(),
        Err(_) => value.iter().map(|&byte| char::from(byte)).collect(),
    };
    // To a database a zero is no character.
    text.replace('\0', "").trim().to_owned()
}
