//! The files of a model: their hashes at registration and whether they are still the same.

use crate::{Error, Result, cancel::Cancel};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs::File,
    io::{ErrorKind, Read},
    path::{Component, Path},
};

/// A file that embedding depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Path relative to the model directory.
    pub path: String,
    /// SHA-256 of the contents, hexadecimal.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
}

impl ModelFile {
    /// Reads and hashes `directory`/`path`.
    pub(crate) fn read(directory: &Path, path: &str, cancel: &Cancel) -> Result<Self> {
        let mut file = open(directory, path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0;
        loop {
            cancel.check()?;
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(unreadable(path, source)),
            };
            hasher.update(buffer.get(..count).unwrap_or_default());
            bytes += count as u64;
        }
        Ok(Self {
            path: path.to_owned(),
            sha256: hexadecimal(&hasher.finalize()),
            bytes,
        })
    }

    /// Checks that `directory` still holds the registered file.
    ///
    /// The contents are read, not just size and time: a replaced file may have both. That takes about a second per
    /// gigabyte with SHA instructions, once per load of a tower, less than ONNX Runtime needs afterwards.
    pub fn verify(&self, directory: &Path, cancel: &Cancel) -> Result<()> {
        let found = Self::read(directory, &self.path, cancel)?;
        self.compare(found.sha256)
    }

    /// Reads the registered file into memory, checking that it is that file.
    pub fn contents(&self, directory: &Path) -> Result<Vec<u8>> {
        let contents = contents(directory, &self.path)?;
        self.compare(hexadecimal(&Sha256::digest(&contents)))?;
        Ok(contents)
    }

    fn compare(&self, found: String) -> Result<()> {
        if found == self.sha256 {
            return Ok(());
        }
        Err(Error::ModelFileChanged {
            file: self.path.clone(),
            expected: self.sha256.clone(),
            found,
        })
    }
}

/// Opens `directory`/`path`.
pub(crate) fn open(directory: &Path, path: &str) -> Result<File> {
    File::open(directory.join(path)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::MissingModelFile {
            file: path.to_owned(),
            reason: format!("not found in \"{}\"", directory.display()),
        },
        _ => unreadable(path, error),
    })
}

/// Reads all of `directory`/`path`.
pub(crate) fn contents(directory: &Path, path: &str) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    open(directory, path)?
        .read_to_end(&mut contents)
        .map_err(|source| unreadable(path, source))?;
    refuse_pointer(path, &contents)?;
    Ok(contents)
}

/// Fails with [`Error::LfsPointer`] where the file `path` begins like one.
pub(crate) fn refuse_pointer(path: &str, beginning: &[u8]) -> Result<()> {
    if beginning.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Err(Error::LfsPointer {
            file: path.to_owned(),
        });
    }
    Ok(())
}

/// Whether `path` stays inside the directory it is relative to.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(
        String::with_capacity(2 * bytes.len()),
        |mut digits, byte| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        },
    )
}

/// The error for a file that the system does not give.
pub(crate) fn unreadable(path: &str, source: std::io::Error) -> Error {
    Error::UnreadableModelFile {
        file: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_noticed() {
        let directory = crate::testing::Directory::new();
        directory.write("a.bin", b"abc");
        let cancel = Cancel::default();
        let file = ModelFile::read(directory.path(), "a.bin", &cancel).unwrap();
        assert_eq!(
            file.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(file.bytes, 3);
        file.verify(directory.path(), &cancel).unwrap();
        assert_eq!(file.contents(directory.path()).unwrap(), b"abc");
        directory.write("a.bin", b"abd");
        assert!(matches!(
            file.verify(directory.path(), &cancel),
            Err(Error::ModelFileChanged { .. })
        ));
        assert!(matches!(
            file.contents(directory.path()),
            Err(Error::ModelFileChanged { .. })
        ));
        std::fs::remove_file(directory.path().join("a.bin")).unwrap();
        assert!(matches!(
            file.verify(directory.path(), &cancel),
            Err(Error::MissingModelFile { .. })
        ));
    }

    #[test]
    fn what_stands_in_for_a_file_is_named() {
        let directory = crate::testing::Directory::new();
        directory.write(
            "config.json",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        );
        assert!(matches!(
            contents(directory.path(), "config.json"),
            Err(Error::LfsPointer { file }) if file == "config.json"
        ));
        directory.write("folder.json/file", b"");
        assert!(matches!(
            contents(directory.path(), "folder.json"),
            Err(Error::UnreadableModelFile { file, .. }) if file == "folder.json"
        ));
    }

    #[test]
    fn paths_stay_inside() {
        assert!(is_inside("onnx/model.onnx") && is_inside("./a"));
        assert!(
            !is_inside("../a") && !is_inside("/a") && !is_inside("a/../../b") && !is_inside("")
        );
    }
}
