//! Images in the backend: decoding and resizing, with interrupts served on the way.
//!
//! The memory that images took, files and pixels, is given back to the system when the transaction ends, once for all of
//! them: the C library keeps tens of megabytes otherwise, in every session that has met a large image.

use super::Error;
use crate::{
    error::{self, Returned},
    guc,
    model::Model,
    text::Text,
};
use imaging::{Info, Kept, Limits, Region, preprocess::Alpha};
use pgrx::{
    callconv::{BoxRet, FcInfo},
    check_for_interrupts,
    datum::Datum,
    pg_sys,
    prelude::*,
};
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

/// The image file of which a region was last asked for.
struct Last {
    /// Its SHA-256.
    digest: [u8; 32],
    alpha: Alpha,
    /// The picture, from the second region on: most files are asked for once.
    picture: Option<Rc<Kept>>,
}

thread_local! {
    /// Until the transaction ends.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The pixels that `model` reads of the image file `bytes`.
pub fn pixels(model: &Model, bytes: &[u8]) -> imaging::Result<Vec<u8>> {
    let preprocess = &model.manifest.image.preprocess;
    imaging::pixels(bytes, Region::Full, preprocess, &limits(), &progress)
}

/// The same for a region; `digest` is the file's SHA-256. One after another, the regions of a file are cut out of one picture.
pub fn region_pixels(
    model: &Model,
    bytes: &[u8],
    digest: [u8; 32],
    region: Region,
) -> imaging::Result<Vec<u8>> {
    if region == Region::Full {
        return pixels(model, bytes);
    }
    let preprocess = &model.manifest.image.preprocess;
    match kept(bytes, digest, preprocess.alpha)? {
        Some(picture) => picture.pixels(region, preprocess, &limits(), &progress),
        None => imaging::pixels(bytes, region, preprocess, &limits(), &progress),
    }
}

/// The picture of a file that was the last one, too.
fn kept(bytes: &[u8], digest: [u8; 32], alpha: Alpha) -> imaging::Result<Option<Rc<Kept>>> {
    let last = LAST
        .take()
        .filter(|last| last.digest == digest && last.alpha == alpha);
    let picture = match &last {
        None => None,
        Some(Last {
            picture: Some(picture),
            ..
        }) => Some(Rc::clone(picture)),
        Some(_) => Kept::new(bytes, alpha, &limits(), MOST_KEPT, &progress)?.map(Rc::new),
    };
    LAST.set(Some(Last {
        digest,
        alpha,
        picture: picture.clone(),
    }));
    Ok(picture)
}

fn limits() -> Limits {
    Limits {
        max_pixels: guc::max_image_pixels(),
    }
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

/// An interrupt unwinds through the decoder.
pub fn progress() {
    check_for_interrupts!();
}

/// What the header of an image says; nothing is decoded.
#[pg_extern(sql = r#"
CREATE FUNCTION clip_image_info(
    image bytea,
    OUT format text, OUT width integer, OUT height integer, OUT orientation integer, OUT frames integer, OUT decodable boolean)
IMMUTABLE STRICT PARALLEL SAFE COST 100 LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"#)]
fn clip_image_info(image: &[u8]) -> Returned<Row> {
    Ok(Row(
        imaging::info(image, &progress).map_err(error::Error::from)?
    ))
}

/// A JPEG of an image, or of a region of it as [`clip_embed_image`](super::functions) takes it, whose longer side has at
/// most `max_side` pixels.
#[pg_extern(immutable, strict, parallel_safe, cost = 20000)]
fn clip_thumbnail(
    image: &[u8],
    max_side: i32,
    region: default!(Text, "'full'"),
) -> Returned<Vec<u8>> {
    Ok(thumbnail(image, max_side, region.as_str())?)
}

fn thumbnail(image: &[u8], max_side: i32, region: &str) -> error::Result<Vec<u8>> {
    trim_at_end();
    let side = u32::try_from(max_side)
        .ok()
        .filter(|&side| side > 0)
        .ok_or(Error::ThumbnailSide(max_side))?;
    let region = region.parse()?;
    Ok(imaging::thumbnail(
        image,
        side,
        region,
        &limits(),
        &progress,
    )?)
}

/// The result of [`clip_image_info`].
struct Row(Info);

impl_sql_translatable!(Row, "record");

// SAFETY: returns a row of the type that the function is declared with.
unsafe impl BoxRet for Row {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        let integer = |value: u32| i32::try_from(value).unwrap_or(i32::MAX).into_datum();
        let Info {
            format,
            width,
            height,
            orientation,
            frames,
            decodable,
        } = self.0;
        let columns = [
            format.to_string().into_datum(),
            integer(width),
            integer(height),
            integer(orientation.into()),
            integer(frames),
            decodable.into_datum(),
        ];
        let mut nulls = columns.map(|column| column.is_none());
        let mut values = columns.map(|column| column.unwrap_or(pg_sys::Datum::null()));
        // SAFETY: the function is declared with these columns, so that its call has a row type, and the arrays have
        // one element for each. The tuple is in the caller's memory context, as a result should be.
        unsafe {
            let mut description = ptr::null_mut();
            pg_sys::get_call_result_type(fcinfo.as_mut_ptr(), ptr::null_mut(), &mut description);
            let description = pg_sys::BlessTupleDesc(description);
            let tuple =
                pg_sys::heap_form_tuple(description, values.as_mut_ptr(), nulls.as_mut_ptr());
            fcinfo.return_raw_datum(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data))
        }
    }
}
