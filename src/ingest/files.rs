//! Image files on the server, for `clip_import`: `sql/import.sql` puts this together.

use super::Error;
use crate::{
    embed::Text,
    error::{self, Result, Returned},
    server,
};
use clip::image;
use pgrx::{
    PgLogLevel, check_for_interrupts, datum::Timestamp, pg_sys::panic::ErrorReport, prelude::*,
};
use std::{
    ffi::OsStr,
    fs::{self, DirEntry, Metadata},
    io,
    path::{Path, PathBuf},
};

/// Extensions of files that are taken for images, in lower case: also of formats for which there is no decoder, so that
/// such files are not passed over in silence.
const EXTENSIONS: [&str; 11] = [
    "jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "heic", "heif", "avif",
];

/// When a picture was taken by the camera's clock, as its EXIF block says; NULL where it does not.
#[pg_extern(immutable, strict, parallel_safe, cost = 100)]
fn clip_image_taken(image: &[u8]) -> Option<Timestamp> {
    let image::Moment { date, time } = image::taken(image)?;
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

/// The contents of a file.
#[pg_extern(sql = false)]
fn read_file(path: Text) -> Returned<Vec<u8>> {
    check_rights().map_err(ErrorReport::from)?;
    let path = path.as_str();
    let contents = fs::read(path).map_err(|source| failed(Path::new(path), source));
    Ok(contents.map_err(error::Error::from)?)
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
                Ok(Found::Nothing) => {}
                Err(error) => warn(error),
            }
        }
        // Taken from the end.
        directories.extend(below.into_iter().rev());
    }
    files.sort_unstable_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    Ok(files)
}

/// What an entry of a directory is.
enum Found {
    Directory,
    File(String, i64),
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
    let extension = path.extension().and_then(OsStr::to_str);
    let extension = extension.map(str::to_ascii_lowercase).unwrap_or_default();
    if !EXTENSIONS.contains(&extension.as_str()) {
        return Ok(Found::Nothing);
    }
    let file: Metadata = fs::metadata(&path).map_err(|source| failed(&path, source))?;
    if !file.is_file() {
        return Ok(Found::Nothing);
    }
    let bytes = i64::try_from(file.len()).unwrap_or(i64::MAX);
    match path.to_str() {
        Some(path) => Ok(Found::File(path.to_owned(), bytes)),
        None => Err(Error::PathEncoding(path)),
    }
}

fn warn(error: Error) {
    ErrorReport::from(error::Error::from(error)).report(PgLogLevel::WARNING);
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        source,
    }
}
