//! Looking for files, and reading them.

use crate::{
    Error, Others, Reason, Result,
    kinds::{extension, is_image},
};
use std::{
    fs::{self, DirEntry, File, FileType, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Bytes of a file that tell its format.
const HEAD: u64 = 512;

/// What a file begins with, to the name of its format; `None` for what is no picture.
pub type Recognize<'a> = &'a dyn Fn(&[u8]) -> Option<&'static str>;

/// What is in a directory and below.
#[derive(Debug, Default)]
pub struct Found {
    /// Paths of files that are taken for images, and their sizes in bytes, in the order of the paths.
    pub files: Vec<(String, u64)>,
    /// What else there is.
    pub others: Others,
}

/// Something that is no directory to be looked at.
#[derive(Debug)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of a file.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
}

impl Entry {
    /// One that cannot be looked at.
    fn failed(path: PathBuf, source: io::Error) -> Self {
        let kind = Kind::Failed(unreadable(&path, source));
        Self {
            path,
            bytes: 0,
            kind,
        }
    }
}

/// What an [`Entry`] is.
#[derive(Debug)]
pub enum Kind {
    /// A picture: its format by its first bytes, where these were looked at.
    Picture(Option<&'static str>),
    /// Passed over.
    Other(Reason),
    /// It cannot be looked at.
    Failed(Error),
}

/// Looks for pictures in a directory and below, given as an absolute path. `can_name` tells whether a path can be written
/// down, `progress` is called between files and may unwind, and `failed` is told what cannot be looked at.
///
/// Files go by what they hold. Of those whose names are not names of pictures the first bytes are read; others are taken as
/// they are, for whoever reads them to tell what is wrong with them.
///
/// # Errors
/// Where the directory itself cannot be read.
pub fn find(
    directory: &str,
    recognize: Recognize<'_>,
    can_name: &dyn Fn(&str) -> bool,
    progress: &dyn Fn(),
    failed: &mut dyn FnMut(Error),
) -> Result<Found> {
    let mut found = Found::default();
    let trusted = |path: &Path| is_image(&extension(path));
    walk(directory, recognize, &trusted, progress, &mut |entry| {
        let Entry { path, bytes, kind } = entry;
        match kind {
            Kind::Picture(_) => match path.to_str() {
                Some(text) if can_name(text) => found.files.push((text.to_owned(), bytes)),
                Some(_) => failed(Error::PathCharacters(path)),
                None => failed(Error::PathEncoding(path)),
            },
            Kind::Other(reason) => found.others.add(&path, reason),
            Kind::Failed(error) => failed(error),
        }
    })?;
    found.files.sort_unstable();
    Ok(found)
}

/// Tells `see` of everything in a directory and below, given as an absolute path. Of files that are not `trusted` the first
/// bytes are read. Directories, and what is neither that nor a file, are not opened as files.
///
/// # Errors
/// Where the directory itself cannot be read.
pub fn walk(
    directory: &str,
    recognize: Recognize<'_>,
    trusted: &dyn Fn(&Path) -> bool,
    progress: &dyn Fn(),
    see: &mut dyn FnMut(Entry),
) -> Result<()> {
    if !Path::new(directory).is_absolute() {
        return Err(Error::RelativeDirectory(directory.to_owned()));
    }
    let mut left = vec![PathBuf::from(directory)];
    while let Some(path) = left.pop() {
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(source) if path == Path::new(directory) => return Err(unreadable(&path, source)),
            Err(source) => {
                see(Entry::failed(path, source));
                continue;
            }
        };
        entries.sort_unstable_by_key(DirEntry::path);
        let mut below = Vec::new();
        for entry in entries {
            progress();
            let path = entry.path();
            match visit(&entry, recognize, trusted) {
                Ok(None) => below.push(path),
                Ok(Some((bytes, kind))) => see(Entry { path, bytes, kind }),
                Err(source) => see(Entry::failed(path, source)),
            }
        }
        // Taken from the end.
        left.extend(below.into_iter().rev());
    }
    Ok(())
}

/// Size and kind of an entry of a directory; `None` for a directory that is to be looked at. A link counts as the file that
/// it leads to, but does not lead to directories.
fn visit(
    entry: &DirEntry,
    recognize: Recognize<'_>,
    trusted: &dyn Fn(&Path) -> bool,
) -> io::Result<Option<(u64, Kind)>> {
    let other = |reason| Ok(Some((0, Kind::Other(reason))));
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return other(Reason::Hidden);
    }
    let path = entry.path();
    let kind = entry.file_type()?;
    if kind.is_dir() {
        return Ok(None);
    }
    if is_special(kind) {
        return other(Reason::NoFile);
    }
    let file = fs::metadata(&path)?;
    if file.is_dir() {
        return other(Reason::LinkToDirectory);
    }
    if !file.is_file() {
        return other(Reason::NoFile);
    }
    let bytes = file.len();
    if trusted(&path) {
        return Ok(Some((bytes, Kind::Picture(None))));
    }
    if bytes == 0 {
        return other(Reason::Empty);
    }
    let mut head = Vec::new();
    open(&path)?.take(HEAD).read_to_end(&mut head)?;
    let kind = match recognize(&head) {
        Some(format) => Kind::Picture(Some(format)),
        None => Kind::Other(Reason::NoPicture),
    };
    Ok(Some((bytes, kind)))
}

fn is_special(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device()
}

/// Opens a file. What has taken its place meanwhile, a pipe, say, is not waited for.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Bytes that are read before `progress` is called again.
const PORTION: u64 = 1 << 22;

/// The contents of a file of at most `limit` bytes. `progress` is called on the way; it may unwind.
pub fn read(path: &Path, limit: u64, progress: impl Fn()) -> Result<Vec<u8>> {
    let unreadable = |source| unreadable(path, source);
    let file = open(path).map_err(unreadable)?;
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
    let mut rest = file.take(limit.saturating_add(1));
    loop {
        progress();
        let mut portion = rest.by_ref().take(PORTION);
        if portion.read_to_end(&mut contents).map_err(unreadable)? == 0 {
            break;
        }
    }
    match contents.len() as u64 > limit {
        true => Err(too_large(contents.len() as u64)),
        false => Ok(contents),
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        source,
    }
}
