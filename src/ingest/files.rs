//! Image files on the server, for `clip_import`: `sql/import.sql` puts this together.

use super::Error;
use crate::{
    error::{self, Result, Returned},
    inference::interrupts,
    message, server,
    text::{Text, has_counterpart},
};

use pgrx::{
    PgLogLevel, PgSqlErrorCode, check_for_interrupts,
    datum::Timestamp,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, DirEntry, File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
};

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

/// How long a value of the type bytea may be: the server's MaxAllocSize without the value's header.
const MAX_BYTES: u64 = 0x3fff_ffff - pg_sys::VARHDRSZ as u64;

/// When a picture was taken by the camera's clock, as its EXIF block says; NULL where it does not.
#[pg_extern(immutable, strict, parallel_safe, cost = 100)]
fn clip_image_taken(image: &[u8]) -> Option<Timestamp> {
    let imaging::Moment { date, time } = imaging::taken(image, &interrupts)?;
    let (year, month, day) = date;
    let (hour, minute, second) = time;
    Timestamp::new(year.into(), month, day, hour, minute, second.into()).ok()
}

/// The image files in a directory and below with their sizes in bytes, at most `size` in a row, in the order of their paths.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn image_files(
    directory: Text,
    size: i32,
) -> std::result::Result<
    TableIterator<'static, (name!(paths, Vec<Text>), name!(sizes, Vec<i64>))>,
    ErrorReport,
> {
    let found = find(directory.as_str())?;
    let size = usize::try_from(size).unwrap_or_default().max(1);
    let rows: Vec<_> = found
        .chunks(size)
        .map(|files| files.iter().cloned().unzip())
        .collect();
    Ok(TableIterator::new(rows))
}

/// The contents of a file, if a row can hold them.
#[pg_extern(sql = false)]
fn read_file(path: Text) -> Returned<Vec<u8>> {
    check_rights().map_err(ErrorReport::from)?;
    Ok(read(Path::new(path.as_str())).map_err(error::Error::from)?)
}

fn read(path: &Path) -> std::result::Result<Vec<u8>, Error> {
    let failed = |source| failed(path, source);
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let too_large = |bytes| Error::FileTooLarge {
        path: path.to_owned(),
        bytes,
        limit: MAX_BYTES,
    };
    if bytes > MAX_BYTES {
        return Err(too_large(bytes));
    }
    let mut contents = Vec::new();
    let reserved = contents.try_reserve_exact(bytes as usize);
    reserved.map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    // It may grow meanwhile.
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut contents);
    let read = read.map_err(failed)? as u64;
    if read > MAX_BYTES {
        return Err(too_large(read));
    }
    Ok(contents)
}

/// See [`error::is_of_row`].
#[pg_extern(sql = false)]
fn is_of_row(sqlstate: &str) -> bool {
    error::is_of_row(error::code(sqlstate))
}

fn check_rights() -> Result<()> {
    if server::may_read_server_files() {
        Ok(())
    } else {
        Err(Error::MayNotImport.into())
    }
}

fn find(directory: &str) -> Result<Vec<(Text, i64)>> {
    check_rights()?;
    if !Path::new(directory).is_absolute() {
        return Err(Error::RelativeDirectory(directory.to_owned()).into());
    }
    let mut files = Vec::new();
    let mut others = BTreeMap::new();
    let mut directories = vec![PathBuf::from(directory)];
    while let Some(path) = directories.pop() {
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(source) if path == Path::new(directory) => return Err(failed(&path, source).into()),
            Err(source) => {
                warn(failed(&path, source));
                continue;
            }
        };
        entries.sort_unstable_by_key(DirEntry::path);
        let mut below = Vec::new();
        for entry in entries {
            check_for_interrupts!();
            match visit(&entry) {
                Ok(Found::Directory) => below.push(entry.path()),
                Ok(Found::File(path, bytes)) => files.push((Text::from(path), bytes)),
                Ok(Found::Other(extension)) => *others.entry(extension).or_insert(0) += 1,
                Ok(Found::Nothing) => {}
                Err(error) => warn(error),
            }
        }
        // Taken from the end.
        directories.extend(below.into_iter().rev());
    }
    tell(others);
    files.sort_unstable_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    Ok(files)
}

/// Tells how many files were passed over, so that no picture is in silence.
fn tell(others: BTreeMap<String, u64>) {
    if others.is_empty() {
        return;
    }
    const TOLD: usize = 20;
    let mut kinds: Vec<String> = others
        .iter()
        .take(TOLD)
        .map(|(extension, count)| match extension.as_str() {
            "" => format!("{count} without"),
            extension => format!("{count} .{extension}"),
        })
        .collect();
    if others.len() > TOLD {
        kinds.push("others".to_owned());
    }
    let message = format!(
        "files that are no images by their extension: {}",
        kinds.join(", ")
    );
    let done = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
    message::tell(
        PgLogLevel::NOTICE,
        done,
        &ErrorReport::new(done, message, ""),
    );
}

/// What an entry of a directory is.
enum Found {
    Directory,
    File(String, i64),
    /// A file that is taken for no image, by its extension.
    Other(String),
    Nothing,
}

/// A link counts as the file that it leads to, but does not lead to directories: that may be for ever. Hidden files and
/// directories are passed over.
fn visit(entry: &DirEntry) -> std::result::Result<Found, Error> {
    let path = entry.path();
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return Ok(Found::Nothing);
    }
    let kind = entry.file_type().map_err(|source| failed(&path, source))?;
    if kind.is_dir() {
        return Ok(Found::Directory);
    }
    let extension = path.extension().map(OsStr::to_string_lossy);
    let extension = extension
        .map(|it| it.to_ascii_lowercase())
        .unwrap_or_default();
    if !EXTENSIONS.contains(&extension.as_str()) {
        return Ok(Found::Other(extension));
    }
    let file: Metadata = fs::metadata(&path).map_err(|source| failed(&path, source))?;
    if !file.is_file() {
        return Ok(Found::Nothing);
    }
    let bytes = i64::try_from(file.len()).unwrap_or(i64::MAX);
    match path.to_str() {
        Some(text) if has_counterpart(text) => Ok(Found::File(text.to_owned(), bytes)),
        Some(_) => Err(Error::PathCharacters(path)),
        None => Err(Error::PathEncoding(path)),
    }
}

fn warn(error: Error) {
    error::Error::from(error).warn();
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        source,
    }
}
