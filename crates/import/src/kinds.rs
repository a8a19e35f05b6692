//! Which files are images, by their names.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

/// Extensions of files that are taken for images, in lower case: also of formats for which there is no decoder, so that
/// each such file is told of.
const EXTENSIONS: [&str; 58] = [
    // JPEG, also two in one file
    "jpg", "jpeg", "jpe", "jif", "jfif", "jfi", "pjpeg", "pjp", "mpo", "jps",
    // PNG, WebP, GIF, BMP
    "png", "apng", "webp", "gif", "bmp", "dib", // TIFF
    "tif", "tiff", "ptif", "ptiff", "btf", "tf8", "bigtiff", // HEIF and AVIF
    "heic", "heics", "heif", "heifs", "hif", "avci", "avcs", "avif", "avifs",
    // JPEG 2000, JPEG XL, JPEG XR
    "jp2", "j2k", "j2c", "jpc", "jpx", "jpf", "jpm", "jph", "jhc", "jxl", "jxr", "hdp", "wdp",
    // as cameras and programs have them
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

/// How many files were passed over, by their extensions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Others(BTreeMap<String, u64>);

impl Others {
    /// Counts one.
    pub fn add(&mut self, extension: String) {
        *self.0.entry(extension).or_insert(0) += 1;
    }

    /// What is told of them, so that no picture is in silence, if there are any.
    pub fn notice(&self) -> Option<String> {
        const TOLD: usize = 20;
        if self.0.is_empty() {
            return None;
        }
        let counts = self.0.iter().take(TOLD);
        let mut kinds: Vec<String> = counts
            .map(|(extension, count)| match extension.as_str() {
                "" => format!("{count} without"),
                extension => format!("{count} .{extension}"),
            })
            .collect();
        if self.0.len() > TOLD {
            kinds.push("others".to_owned());
        }
        let kinds = kinds.join(", ");
        Some(format!(
            "files that are no images by their extension: {kinds}"
        ))
    }
}
