//! Decoding leaves no memory behind: a worker decodes millions of pictures.
//!
//! Allocations of Rust are counted; those of C are not.
#![allow(unsafe_code)]

use imaging::preprocess::{Alpha, ColorProfile, Filter, Preprocess, Resize};
use imaging::{Limits, Region, pixels};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: all is left to the system's allocator, which keeps the contract; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TIMES: isize = 64;

#[test]
fn decoding_leaves_no_allocation_behind() {
    let preprocess = Preprocess {
        resize: Resize::Shortest(16),
        crop: Some([16, 16]),
        filter: Filter::Bicubic,
        rescale_factor: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        exif_orientation: true,
        alpha: Alpha::Drop,
        color_profile: ColorProfile::Srgb,
    };
    let limits = Limits {
        max_pixels: 1 << 24,
        max_memory: 1 << 30,
    };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    // A file of each kind, and what AVIF has besides: opacity, tiles, frames.
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(data.join("images")).unwrap() {
        let path = entry.unwrap().path();
        if let Some(kind) = path.extension().filter(|kind| *kind != "rgb") {
            files.insert(kind.to_owned(), path);
        }
    }
    let avif = ["420", "400-12", "alpha", "grid", "sequence"];
    let avif = avif.map(|name| data.join("heif").join(name).with_extension("avif"));
    let mut decoded = 0;
    for path in files.into_values().chain(avif) {
        let file = fs::read(&path).unwrap();
        let decode = || pixels(&file, Region::Full, &preprocess, &limits, &|| ()).is_ok();
        if !decode() {
            continue;
        }
        decoded += 1;
        let before = LIVE.load(Ordering::Relaxed);
        for _ in 0..TIMES {
            assert!(decode());
        }
        let more = LIVE.load(Ordering::Relaxed) - before;
        // A thread that has handed over its result may still end.
        assert!(more < TIMES / 2, "{}: {more}", path.display());
    }
    assert!(decoded > 10, "{decoded}");
}
