#!/usr/bin/env bash
# Guess: a decoder of AV1 that is made, used and dropped through its interface for Rust
# leaves nothing behind.
#
# Seen, re_rav1d 0.1.3: every picture leaves an allocation of 48 bytes, and so does every
# call of get_picture() that has none yet. What C would see as an empty picture owns an
# empty list on the heap; dropping a picture puts such a one in its place, and where there
# is no picture one is written, and nobody frees them.
#   re_rav1d 0.1.3, Pillow 13.0.0; Rust 1.95
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0

"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
from PIL import Image

path = sys.argv[1] + "/picture"
Image.new("RGB", (16, 16), "red").save(path + ".avif")
file = open(path + ".avif", "rb").read()
open(path + ".av1", "wb").write(file[file.index(b"mdat") + 4:])
PY

mkdir "$dir/src"
cat > "$dir/Cargo.toml" <<'TOML'
[package]
name = "empty"
version = "0.0.0"
edition = "2024"
[dependencies]
re_rav1d = { version = "=0.1.3", default-features = false, features = ["bitdepth_8"] }
TOML
cat > "$dir/src/main.rs" <<'RS'
use re_rav1d::dav1d::{Decoder, Settings};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

struct Counting;
static LIVE: AtomicIsize = AtomicIsize::new(0);
static BYTES: AtomicIsize = AtomicIsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as isize, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(1, Relaxed);
        BYTES.fetch_sub(layout.size() as isize, Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}
#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn decode(file: &[u8], ask_first: bool) {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    let mut decoder = Decoder::with_settings(&settings).unwrap();
    if ask_first {
        assert!(decoder.get_picture().is_err());
    }
    decoder.send_data(file.to_vec(), None, None, None).unwrap();
    assert_eq!(decoder.get_picture().unwrap().width(), 16);
}

fn main() {
    let file = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    decode(&file, true);
    for (ask_first, expected) in [(false, (100, 4800)), (true, (200, 9600))] {
        let (live, bytes) = (LIVE.load(Relaxed), BYTES.load(Relaxed));
        (0..100).for_each(|_| decode(&file, ask_first));
        let left = (LIVE.load(Relaxed) - live, BYTES.load(Relaxed) - bytes);
        println!("asked early: {ask_first}; allocations and bytes left by 100: {left:?}");
        assert_eq!(left, expected);
    }
}
RS
cargo run -q --release --manifest-path "$dir/Cargo.toml" --target-dir "$dir/target" -- "$dir/picture.av1"
