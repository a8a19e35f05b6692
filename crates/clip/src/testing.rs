//! What the tests of several modules need.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// A directory that is gone after the test.
pub struct Directory(tempfile::TempDir);

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders on the way to it.
    pub fn write(&self, file: &str, contents: &[u8]) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Copies a file of the embedded model.
    pub fn copy(&self, from: &str, to: &str) {
        self.write(to, &fs::read(clip_mini().join(from)).unwrap());
    }
}

/// The embedded model.
pub fn clip_mini() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/clip-mini")
}

/// ONNX Runtime's library, if `CLIP_ONNXRUNTIME` tells where it is; tests that run a model do nothing without it.
pub fn onnxruntime() -> Option<PathBuf> {
    let path = env::var_os("CLIP_ONNXRUNTIME").map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: CLIP_ONNXRUNTIME does not name ONNX Runtime's library");
    }
    path
}
