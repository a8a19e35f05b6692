//! Pictures in the session: decoded and resized, with interrupts served between rows.
//!
//! The memory that images took, files and pixels, is given back to the system when the transaction ends, once for all of
//! them: the C library keeps tens of megabytes otherwise, in every session that has met a large image.

use crate::{guc, model::Model};
use imaging::{Kept, Limits, Part, Region, preprocess::Alpha};
use pgrx::{check_for_interrupts, pg_guard, pg_sys};
use sha2::{Digest, Sha256};
use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    ptr,
    rc::Rc,
};

thread_local! {
    /// Whether this transaction has had an image in memory; `None` before the first one of the process.
    static USED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Pixels of a picture that is kept for its regions at most: 192 MB of memory.
const MOST_KEPT: usize = 1 << 26;

/// The page of an image file of which a region was last asked for.
struct Last {
    /// The file's SHA-256.
    digest: [u8; 32],
    page: Option<i32>,
    alpha: Alpha,
    /// The picture, from the second region on: most files are asked for once.
    picture: Option<Rc<Kept>>,
}

thread_local! {
    /// Until the transaction ends.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The pixels that `model` reads of a part of the image file `bytes`; `digest` tells the file's SHA-256. One after another,
/// the regions of a page are cut out of one picture.
pub fn pixels(
    model: &Model,
    bytes: &[u8],
    digest: impl FnOnce() -> [u8; 32],
    part: Part,
) -> imaging::Result<Vec<u8>> {
    let preprocess = &model.manifest.image.preprocess;
    let kept = match part.region {
        Region::Full => None,
        _ => kept(bytes, digest(), part.page, preprocess.alpha),
    };
    match kept {
        Some(picture) => picture.pixels(part.region, preprocess, &limits(), &interrupts),
        None => imaging::pixels(bytes, part, preprocess, &limits(), &interrupts),
    }
}

/// A page of a file that was the last one, too. One that cannot be read as a whole, or that there is no memory for, is not
/// kept: a region of it may be sound, and take less.
fn kept(bytes: &[u8], digest: [u8; 32], page: Option<i32>, alpha: Alpha) -> Option<Rc<Kept>> {
    let last = LAST
        .take()
        .filter(|last| (last.digest, last.page, last.alpha) == (digest, page, alpha));
    let picture = match &last {
        None => None,
        Some(Last {
            picture: Some(picture),
            ..
        }) => Some(Rc::clone(picture)),
        Some(_) => Kept::new(bytes, page, alpha, &limits(), MOST_KEPT, &interrupts)
            .ok()
            .flatten()
            .map(Rc::new),
    };
    LAST.set(Some(Last {
        digest,
        page,
        alpha,
        picture: picture.clone(),
    }));
    picture
}

/// What the settings allow an image to take; and has HEIC read by the library that a superuser names.
pub fn limits() -> Limits {
    use_libraries();
    Limits {
        max_pixels: guc::max_image_pixels(),
        max_memory: guc::max_image_memory(),
    }
}

/// To be called before the crate is asked of images: which libraries it may open.
pub fn use_libraries() {
    imaging::use_libheif(&guc::libheif_library());
}

/// To be called where an image is in memory: has it given back when the transaction ends.
pub fn trim_at_end() {
    if USED.replace(Some(true)).is_none() {
        // SAFETY: the callback may be called at the end of any transaction from now on.
        unsafe { pg_sys::RegisterXactCallback(Some(trim), ptr::null_mut()) };
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn trim(_event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    if USED.replace(Some(false)) == Some(true) {
        LAST.take();
        // SAFETY: takes the C library's own locks only.
        #[cfg(target_env = "gnu")]
        unsafe {
            libc::malloc_trim(0)
        };
    }
}

/// Bytes that are hashed before interrupts are served again: some milliseconds.
const BLOCK: usize = 1 << 20;

/// The SHA-256 of a file. Interrupts are served on the way: half a gigabyte takes a second.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for block in bytes.chunks(BLOCK) {
        interrupts();
        hash.update(block);
    }
    hash.finalize().into()
}

/// Serves interrupts; one that raises an error unwinds through the decoder.
pub fn interrupts() {
    check_for_interrupts!();
}
