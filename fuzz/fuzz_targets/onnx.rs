//! The walk over an ONNX graph: it ends, in little memory, with an answer or an error.
#![no_main]

use std::sync::LazyLock;
use std::{env, fs, path::PathBuf, process};

use libfuzzer_sys::fuzz_target;

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = env::temp_dir().join(format!("fuzz-onnx-{}", process::id()));
    fs::create_dir_all(&directory).expect("a directory for temporary files");
    directory
});

fuzz_target!(init: clip_pg_fuzz::keep_fences(), |input: &[u8]| {
    fs::write(DIRECTORY.join("model.onnx"), input).expect("room for an input");
    clip::inspect::walk_onnx(&DIRECTORY, "model.onnx");
});
