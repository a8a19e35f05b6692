//! Loading ONNX Runtime, in a process of its own: what was loaded once stays.

use clip::{Error, session::Runtime};
use std::{env, path::Path};

/// The message with which loading `path` fails.
fn refusal(path: &Path) -> String {
    let error = Runtime::load(path).err().expect("it is no ONNX Runtime");
    assert!(matches!(error, Error::Runtime { .. }));
    error.to_string()
}

#[test]
fn libraries_are_loaded_by_absolute_path_and_once() {
    let relative = refusal(Path::new("libonnxruntime.so"));
    assert!(relative.ends_with("the path is not absolute"), "{relative}");
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("libonnxruntime.so");
    let message = refusal(&missing);
    assert!(message.contains("No such file"), "{message}");
    std::fs::write(&missing, "not a library").unwrap();
    let message = refusal(&missing);
    assert!(
        message.contains("invalid ELF header") || message.contains("file too short"),
        "{message}"
    );
    // A library, but another one.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps
        .split_whitespace()
        .find(|word| word.contains("/libc.so"))
        .unwrap();
    let message = refusal(Path::new(libc));
    assert!(
        message.ends_with("the library is not ONNX Runtime"),
        "{message}"
    );

    let Some(path) = env::var_os("CLIP_ONNXRUNTIME") else {
        eprintln!("skipped: CLIP_ONNXRUNTIME does not name ONNX Runtime's library");
        return;
    };
    // Failures before do not count.
    let path = Path::new(&path);
    Runtime::load(path).unwrap();
    Runtime::load(path).unwrap();
    let message = refusal(&missing);
    assert!(
        message.contains("has already loaded") && message.contains(&path.display().to_string()),
        "{message}"
    );
}
