//! The files that make up the registry.
//!
//! Invariant: a file that was once published under a name never changes the identity it holds. The first one is
//! published by a hard link, which fails where the name is taken already; later ones replace it only if they hold the
//! same identity. So sessions need no lock against each other: of two that register different models under one name,
//! one gets an error; of two that register the same model, either may be last. Unregistering leaves the file behind as
//! a tombstone. A reader sees a whole file, the old one or the new one.

use super::{Error, Locator, Model, Registered};
use crate::{guc, server};
use clip::manifest::Manifest;
use lru::LruCache;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs::{self, File, Metadata},
    io::{self, ErrorKind, Write},
    num::NonZero,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
};

type Result<T> = std::result::Result<T, Error>;

/// Longest name, as for the server's own identifiers.
const MAX_NAME_BYTES: usize = 63;

/// What a file of the registry holds.
#[derive(Serialize, Deserialize)]
pub struct Record {
    /// Whether the model can be used; if not, the file is a tombstone.
    pub registered: bool,
    /// Where the model's files are; that of the built-in model is relative to the file.
    pub directory: PathBuf,
    /// The options as they were given at registration; the manifest has them worked in.
    pub options: Value,
    /// The model.
    pub manifest: Manifest,
}

/// Tells one version of a file from another.
#[derive(PartialEq)]
struct Stamp {
    inode: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
}

impl From<Metadata> for Stamp {
    fn from(file: Metadata) -> Self {
        Self {
            inode: (file.dev(), file.ino()),
            bytes: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
        }
    }
}

/// Descriptions that a process keeps in memory at most.
const CACHED: NonZero<usize> = NonZero::new(64).unwrap();

thread_local! {
    /// What this process has read, by path: the directory may be set to another one.
    static CACHE: RefCell<LruCache<PathBuf, (Stamp, Model)>> = RefCell::new(LruCache::new(CACHED));
}

/// The model registered as `name`, if there is one.
pub fn find(name: &str) -> Result<Option<Model>> {
    match is_name(name) {
        true => load(&path(name), name),
        false => Ok(None),
    }
}

/// The model that a locator stands for; none where its description is gone, or is that of another model.
pub fn open(locator: &Locator) -> Result<Option<Model>> {
    let model = load(&locator.description(), &locator.name())?;
    Ok(model.filter(|model| locator.is_of(&model.manifest.identity)))
}

/// The model `name` that the file at `path` describes, if it is registered there.
fn load(path: &Path, name: &str) -> Result<Option<Model>> {
    let stamp = match fs::metadata(path) {
        Ok(file) => Stamp::from(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("read", name, source)),
    };
    let cached = CACHE.with_borrow_mut(|cache| match cache.get(path) {
        Some((known, model)) if *known == stamp => Some(model.clone()),
        _ => None,
    });
    if cached.is_some() {
        return Ok(cached);
    }
    // Read after its stamp was taken: if the file is replaced in between, the next call reads it again.
    let Some(record) = read_file(path, name)?.filter(|record| record.registered) else {
        return Ok(None);
    };
    let model = Model::from(Registered {
        name: name.to_owned(),
        directory: record.directory,
        locator: Locator::new(&record.manifest.identity, path),
        manifest: record.manifest,
    });
    CACHE.with_borrow_mut(|cache| cache.put(path.to_owned(), (stamp, model.clone())));
    Ok(Some(model))
}

/// Names of all registered models in order. Files that cannot be read are left out.
pub fn names() -> Result<Vec<String>> {
    let all = files()?.into_iter();
    Ok(all
        .filter(|name| matches!(read(name), Ok(Some(record)) if record.registered))
        .collect())
}

/// Names of all models in order that the registry has a file for, tombstones included.
pub fn files() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::from([built_in().to_owned()]);
    let entries = match fs::read_dir(guc::model_directory()) {
        Ok(entries) => entries,
        // Nothing was registered yet.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(Error::RegistryDirectory(error)),
    };
    for entry in entries {
        let file = entry.map_err(Error::RegistryDirectory)?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".json"));
        names.extend(name.filter(|name| is_name(name)).map(str::to_owned));
    }
    Ok(names)
}

/// Reads the file of the model `name`, which may be a tombstone; `None` if there is no such file.
pub fn read(name: &str) -> Result<Option<Record>> {
    read_file(&path(name), name)
}

fn read_file(path: &Path, name: &str) -> Result<Option<Record>> {
    let contents = match fs::read(path) {
        Ok(contents) => contents,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("read", name, source)),
    };
    let mut record: Record =
        serde_json::from_slice(&contents).map_err(|error| Error::InvalidRecord {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
    if let Some(folder) = path.parent() {
        record.directory = folder.join(&record.directory);
    }
    Ok(Some(record))
}

/// Registers a model under a name that is free, or that belongs to the same model.
pub fn register(name: &str, record: &Record) -> Result<()> {
    check_name(name)?;
    let path = path(name);
    let folder = guc::model_directory();
    let write = |source| failed("write", name, source);
    create_directory(&folder).map_err(write)?;
    let temporary = Temporary::write(&folder, name, record).map_err(write)?;
    match fs::hard_link(&temporary.0, &path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let bound = read(name)?.map(|record| record.manifest.identity);
            if let Some(bound) = bound.filter(|bound| *bound != record.manifest.identity) {
                return Err(Error::NameTaken {
                    name: name.to_owned(),
                    bound,
                    found: record.manifest.identity.clone(),
                });
            }
            fs::rename(&temporary.0, &path).map_err(write)?;
        }
        Err(source) => return Err(write(source)),
    }
    sync(&folder).map_err(write)
}

/// Turns the file of a registered model into a tombstone.
pub fn unregister(name: &str) -> Result<()> {
    check_name(name)?;
    let Some(mut record) = read(name)?.filter(|record| record.registered) else {
        return Err(Error::NotRegistered {
            name: name.to_owned(),
            registered: names()?,
        });
    };
    record.registered = false;
    let folder = guc::model_directory();
    let write = |source| failed("write", name, source);
    let temporary = Temporary::write(&folder, name, &record).map_err(write)?;
    fs::rename(&temporary.0, path(name)).map_err(write)?;
    sync(&folder).map_err(write)
}

/// Refuses what no model can be registered as.
pub fn check_name(name: &str) -> Result<()> {
    if !is_name(name) {
        return Err(Error::InvalidName(name.to_owned()));
    }
    if name == built_in() {
        return Err(Error::BuiltIn(name.to_owned()));
    }
    Ok(())
}

/// Whether `name` may stand for a model, and so in a file name.
fn is_name(name: &str) -> bool {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.len() <= MAX_NAME_BYTES
        && name.bytes().all(byte)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Name of the model that is installed with the extension.
pub fn built_in() -> &'static str {
    guc::BUILT_IN_MODEL.to_str().unwrap_or_default()
}

/// The file that describes the model `name`.
fn path(name: &str) -> PathBuf {
    let file = format!("{name}.json");
    if name == built_in() {
        server::extension_file(&format!("clip_pg/models/{file}"))
    } else {
        guc::model_directory().join(file)
    }
}

/// A file that is gone when this is dropped, unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    /// Writes a record to disk beside its final place. The name is this process's own.
    fn write(folder: &Path, name: &str, record: &Record) -> io::Result<Self> {
        let temporary = Self(folder.join(format!("{name}.json.{}", process::id())));
        let mut file = File::create(&temporary.0)?;
        file.write_all(&serde_json::to_vec_pretty(record)?)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; a file that stays behind is overwritten or does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates `path` and what it lies in, so that a crash does not take them away again.
///
/// The server's umask decides who may look into them, as for the rest of the data directory.
fn create_directory(path: &Path) -> io::Result<()> {
    let (result, parent) = (fs::create_dir(path), path.parent());
    match (result, parent) {
        (Ok(()), Some(parent)) => sync(parent),
        (Err(error), _) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        (Err(error), Some(parent)) if error.kind() == ErrorKind::NotFound => {
            create_directory(parent)?;
            create_directory(path)
        }
        (result, _) => result,
    }
}

/// Waits until the entries of a directory are on disk.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn failed(action: &'static str, name: &str, source: io::Error) -> Error {
    Error::File {
        action,
        name: name.to_owned(),
        source,
    }
}
