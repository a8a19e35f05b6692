//! Looking for files, and reading them.

use crate::{
    Error, Others, Result,
    kinds::{extension, is_image},
};
use std::{
    fs::{self, DirEntry, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What is in a directory and below.
#[derive(Debug, Default)]
pub struct Found {
    /// Paths of files that are taken for images, and their sizes in bytes, in the order of the paths.
    pub files: Vec<(String, u64)>,
    /// Files that are not.
    pub others: Others,
}

/// Looks for files in a directory and below, given as an absolute path. `can_name` tells whether a path can be written down,
/// `progress` is called between files and may unwind, and `passed_over` is told what cannot be looked at.
///
/// Fails where the directory itself cannot be read.
pub fn find(
    directory: &str,
    can_name: &dyn Fn(&str) -> bool,
    progress: &dyn Fn(),
    passed_over: &mut dyn FnMut(Error),
) -> Result<Found> {
    if !Path::new(directory).is_absolute() {
        return Err(Error::RelativeDirectory(directory.to_owned()));
    }
    let mut found = Found::default();
    let mut left = vec![PathBuf::from(directory)];
    while let Some(path) = left.pop() {
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(source) if path == Path::new(directory) => return Err(unreadable(&path, source)),
            Err(source) => {
                passed_over(unreadable(&path, source));
                continue;
            }
        };
        entries.sort_unstable_by_key(DirEntry::path);
        let mut below = Vec::new();
        for entry in entries {
            progress();
            match visit(&entry, can_name) {
                Ok(Entry::Directory) => below.push(entry.path()),
                Ok(Entry::Image(path, bytes)) => found.files.push((path, bytes)),
                Ok(Entry::Other(extension)) => found.others.add(extension),
                Ok(Entry::Nothing) => {}
                Err(error) => passed_over(error),
            }
        }
        // Taken from the end.
        left.extend(below.into_iter().rev());
    }
    found.files.sort_unstable();
    Ok(found)
}

/// What an entry of a directory is.
enum Entry {
    Directory,
    /// Its path and size.
    Image(String, u64),
    /// A file that is taken for no image, by its extension.
    Other(String),
    Nothing,
}

/// A link counts as the file that it leads to, but does not lead to directories: that may be for ever. Hidden files and
/// directories are passed over.
fn visit(entry: &DirEntry, can_name: &dyn Fn(&str) -> bool) -> Result<Entry> {
    let path = entry.path();
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return Ok(Entry::Nothing);
    }
    let kind = entry
        .file_type()
        .map_err(|source| unreadable(&path, source))?;
    if kind.is_dir() {
        return Ok(Entry::Directory);
    }
    let extension = extension(&path);
    if !is_image(&extension) {
        return Ok(Entry::Other(extension));
    }
    let file = fs::metadata(&path).map_err(|source| unreadable(&path, source))?;
    if !file.is_file() {
        return Ok(Entry::Nothing);
    }
    match path.to_str() {
        Some(text) if can_name(text) => Ok(Entry::Image(text.to_owned(), file.len())),
        Some(_) => Err(Error::PathCharacters(path)),
        None => Err(Error::PathEncoding(path)),
    }
}

/// The contents of a file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let unreadable = |source| unreadable(path, source);
    let file = File::open(path).map_err(unreadable)?;
    let too_large = |bytes| Error::TooLarge {
        path: path.to_owned(),
        bytes,
        limit,
    };
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > limit {
        return Err(too_large(bytes));
    }
    let mut contents = Vec::new();
    let reserved = contents.try_reserve_exact(bytes as usize);
    reserved.map_err(|_| unreadable(io::ErrorKind::OutOfMemory.into()))?;
    // It may grow meanwhile.
    let read = file
        .take(limit.saturating_add(1))
        .read_to_end(&mut contents);
    let read = read.map_err(unreadable)? as u64;
    match read > limit {
        true => Err(too_large(read)),
        false => Ok(contents),
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        source,
    }
}
