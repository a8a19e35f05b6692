//! XMP packets: the simple properties, lists and texts by language of a picture, in any spelling that XML allows.
//!
//! Read as a stream, so that a damaged packet says what it says before the damage. Entities other than XML's own five are
//! not expanded, there is no recursion, and what is kept has a bound. Properties within properties (the history of an
//! edited file) are passed over.

use crate::source::Pulse;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

/// Bytes of a packet that are looked at: ordinary ones have some kilobytes, those with a long history some megabytes.
const LONGEST: usize = 1 << 24;
/// Bytes of all values of a packet that are kept.
const KEPT: usize = 1 << 20;
/// Events between two calls of `progress`.
const STEP: usize = 1 << 10;

/// The vocabularies that are read, each with the prefix that people know it by.
const VOCABULARIES: [(&str, &str); 9] = [
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("xmp", "http://ns.adobe.com/xap/1.0/"),
    ("xmpRights", "http://ns.adobe.com/xap/1.0/rights/"),
    ("photoshop", "http://ns.adobe.com/photoshop/1.0/"),
    ("tiff", "http://ns.adobe.com/tiff/1.0/"),
    ("exif", "http://ns.adobe.com/exif/1.0/"),
    ("aux", "http://ns.adobe.com/exif/1.0/aux/"),
    (
        "Iptc4xmpCore",
        "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    ),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
];

/// A property: `dc:title` and its values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Property {
    /// Prefix of [`VOCABULARIES`] and name.
    pub(crate) name: String,
    /// One, or those of a list.
    pub(crate) values: Vec<Item>,
    /// Whether it is a list, perhaps of one.
    pub(crate) listed: bool,
}

/// A value of a property.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// `xml:lang`: `x-default`, `de`, `pt-BR`.
    pub(crate) language: Option<String>,
    /// The value.
    pub(crate) text: String,
}

/// What a packet says.
#[derive(Debug, Default)]
pub(crate) struct Packet(Vec<Property>);

impl Packet {
    /// Reads as much of `packet` as is sound.
    pub(crate) fn read(packet: &[u8], pulse: &Pulse<'_>) -> Self {
        let packet = packet.get(..LONGEST).unwrap_or(packet);
        // To a database a zero is no character; packets of fixed length end with some.
        let text = String::from_utf8_lossy(packet).replace('\0', "");
        let mut scanner = Scanner::default();
        let mut reader = NsReader::from_str(&text);
        let mut events = 0usize;
        while scanner.kept < KEPT
            && let Ok(event) = reader.read_event()
        {
            events += 1;
            if events.is_multiple_of(STEP) {
                pulse.beat();
            }
            if matches!(event, Event::Eof) {
                break;
            }
            scanner.take(&reader, &event);
        }
        Self(scanner.found)
    }

    /// All properties, in the file's order.
    pub(crate) fn properties(&self) -> &[Property] {
        &self.0
    }

    /// Values of the first property of this name.
    pub(crate) fn values(&self, name: &str) -> &[Item] {
        let property = self.0.iter().find(|property| property.name == name);
        property.map_or(&[], |property| &property.values)
    }

    /// The value of a property in the language that is the default.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        let default = |item: &&Item| item.language.as_deref() == Some("x-default");
        let item = values.iter().find(default).or(values.first())?;
        Some(item.text.as_str()).filter(|text| !text.is_empty())
    }

    /// `tiff:Orientation`, 1 to 8.
    pub(crate) fn orientation(&self) -> Option<u8> {
        let value = self.text("tiff:Orientation")?.trim().parse().ok()?;
        (1..=8).contains(&value).then_some(value)
    }
}

/// Where in a packet the reader is.
#[derive(Default)]
struct Scanner {
    /// Elements that are open within the description, itself counted.
    depth: usize,
    /// The property that is open.
    open: Option<Property>,
    /// The value that is open.
    item: Item,
    found: Vec<Property>,
    kept: usize,
}

impl Scanner {
    fn take(&mut self, reader: &NsReader<&[u8]>, event: &Event<'_>) {
        match event {
            Event::Start(start) => self.begin(reader, start),
            Event::Empty(start) => {
                self.begin(reader, start);
                self.end();
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.append(&text.xml10_content()),
            Event::CData(data) => self.append(&data.xml10_content()),
            Event::GeneralRef(reference) => {
                let named = match &*reference.xml10_content() {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => None,
                };
                let numbered = || reference.resolve_char_ref().ok().flatten();
                if let Some(character) = named.or_else(numbered) {
                    self.append(character.encode_utf8(&mut [0; 4]));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) {
        let name = known(reader, start.name(), true);
        let name = name.as_deref();
        if self.depth == 0 {
            if name == Some("rdf:Description") {
                self.depth = 1;
                self.attributes(reader, start);
            }
            return;
        }
        self.depth += 1;
        match self.depth {
            2 => {
                let language = language(start);
                self.item = Item {
                    language,
                    text: String::new(),
                };
                self.open = name.map(|name| Property {
                    name: name.to_owned(),
                    values: Vec::new(),
                    listed: false,
                });
            }
            // The list itself, or a structure.
            3 => self.item.text.clear(),
            4 if name == Some("rdf:li") => {
                if let Some(property) = &mut self.open {
                    property.listed = true;
                }
                self.item = Item {
                    language: language(start),
                    text: String::new(),
                };
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        match self.depth {
            // A structure leaves nothing but the white space between its parts.
            2 => {
                if let Some(mut property) = self.open.take() {
                    if !property.listed {
                        property.values.push(self.finished());
                    }
                    property.values.retain(|item| !item.text.is_empty());
                    if !property.values.is_empty() {
                        self.found.push(property);
                    }
                }
            }
            4 => {
                let item = self.finished();
                if let Some(property) = self.open.as_mut().filter(|property| property.listed) {
                    property.values.push(item);
                }
            }
            _ => {}
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn finished(&mut self) -> Item {
        let Item { language, text } = std::mem::take(&mut self.item);
        Item {
            language,
            text: text.trim().to_owned(),
        }
    }

    /// Text counts directly within a property, or within an element of its list.
    fn append(&mut self, text: &str) {
        let within = |property: &Property| self.depth == 2 || self.depth == 4 && property.listed;
        if self.open.as_ref().is_some_and(within) && self.kept < KEPT {
            self.kept += text.len();
            self.item.text.push_str(text);
        }
    }

    /// Properties written as attributes of a description.
    fn attributes(&mut self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) {
        for attribute in start.attributes().with_checks(false).flatten() {
            let Some(name) = known(reader, attribute.key, false) else {
                continue;
            };
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else {
                continue;
            };
            self.kept += value.len();
            if self.kept > KEPT {
                return;
            }
            let item = Item {
                language: None,
                text: value.trim().to_owned(),
            };
            if !name.starts_with("rdf:") && !item.text.is_empty() {
                self.found.push(Property {
                    name,
                    values: vec![item],
                    listed: false,
                });
            }
        }
    }
}

/// The name with the prefix that people know; `None` where the vocabulary is not read. A prefix that the packet forgets to
/// declare stands for itself.
fn known(reader: &NsReader<&[u8]>, name: QName<'_>, element: bool) -> Option<String> {
    let (space, local) = match element {
        true => reader.resolver().resolve_element(name),
        false => reader.resolver().resolve_attribute(name),
    };
    let prefix = match &space {
        ResolveResult::Bound(space) => {
            let space: &str = space.as_ref();
            VOCABULARIES.iter().find(|(_, uri)| *uri == space)?.0
        }
        ResolveResult::Unknown(prefix) => {
            let prefix: &str = prefix.as_ref();
            VOCABULARIES.iter().find(|(known, _)| *known == prefix)?.0
        }
        ResolveResult::Unbound => return None,
    };
    let local: &str = local.as_ref();
    Some(format!("{prefix}:{local}"))
}

fn language(start: &BytesStart<'_>) -> Option<String> {
    let attribute = start.try_get_attribute("xml:lang").ok().flatten()?;
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.trim().to_owned())
}
