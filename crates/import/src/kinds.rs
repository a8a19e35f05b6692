//! Which files are images by their names, and what is told of what is passed over.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

/// Extensions of files that are taken for images whatever they hold, in lower case: also of formats for which there is no
/// decoder, so that each such file is told of.
const EXTENSIONS: [&str; 63] = [
    // JPEG, also two in one file
    "jpg", "jpeg", "jpe", "jif", "jfif", "jfi", "pjpeg", "pjp", "mpo", "jps",
    // PNG, WebP, GIF, BMP
    "png", "apng", "webp", "gif", "bmp", "dib", // TIFF
    "tif", "tiff", "ptif", "ptiff", "btf", "tf8", "bigtiff", // HEIF and AVIF
    "heic", "heics", "heif", "heifs", "hif", "avci", "avcs", "avif", "avifs",
    // JPEG 2000, JPEG XL, JPEG XR
    "jp2", "j2k", "j2c", "jpc", "jpx", "jpf", "jpm", "jph", "jhc", "jxl", "jxr", "hdp", "wdp",
    // Netpbm
    "pbm", "pgm", "ppm", "pnm", "pam", // as cameras and programs have them
    "dng", "nef", "cr2", "cr3", "crw", "arw", "orf", "raf", "rw2", "pef", "srw", "psd", "psb",
];

/// The extension of a file's name, in lower case; empty where it has none.
pub fn extension(path: &Path) -> String {
    let extension = path.extension().map(OsStr::to_string_lossy);
    extension.map_or_else(String::new, |extension| extension.to_ascii_lowercase())
}

/// Whether files with an extension are taken for images.
pub fn is_image(extension: &str) -> bool {
    EXTENSIONS.contains(&extension)
}

/// Why something in a directory is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its first bytes are those of no format of pictures.
    NoPicture,
    /// It holds nothing.
    Empty,
    /// Its name begins with a dot.
    Hidden,
    /// A link that leads to a directory, which may be for ever.
    LinkToDirectory,
    /// A socket, a pipe, a device.
    NoFile,
}

impl Reason {
    /// What it is called in a list.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoPicture => "no picture by its content",
            Self::Empty => "empty",
            Self::Hidden => "hidden",
            Self::LinkToDirectory => "link to a directory",
            Self::NoFile => "neither a file nor a directory",
        }
    }
}

/// How much was passed over, by reason, and what are no pictures also by their extensions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Others {
    reasons: BTreeMap<Reason, u64>,
    extensions: BTreeMap<String, u64>,
}

impl Others {
    /// Counts what is at a path.
    pub fn add(&mut self, path: &Path, reason: Reason) {
        *self.reasons.entry(reason).or_insert(0) += 1;
        if reason == Reason::NoPicture {
            *self.extensions.entry(extension(path)).or_insert(0) += 1;
        }
    }

    /// What is told of it, so that no picture is in silence, if there is anything.
    pub fn notice(&self) -> Option<String> {
        const TOLD: usize = 20;
        if self.reasons.is_empty() {
            return None;
        }
        let reasons = self.reasons.iter();
        let reasons: Vec<String> = reasons
            .map(|(reason, count)| match reason {
                Reason::NoPicture => {
                    let extensions = self.extensions.iter().take(TOLD);
                    let mut kinds: Vec<String> = extensions
                        .map(|(extension, count)| match extension.as_str() {
                            "" => format!("{count} without extension"),
                            extension => format!("{count} .{extension}"),
                        })
                        .collect();
                    if self.extensions.len() > TOLD {
                        kinds.push("others".to_owned());
                    }
                    format!("{count} {} ({})", reason.name(), kinds.join(", "))
                }
                reason => format!("{count} {}", reason.name()),
            })
            .collect();
        Some(format!("passed over: {}", reasons.join("; ")))
    }
}
