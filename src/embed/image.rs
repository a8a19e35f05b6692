//! Images in the backend: decoding and resizing, with interrupts served on the way.
//!
//! The memory that images took, files and pixels, is given back to the system when the transaction ends, once for all of
//! them: the C library keeps tens of megabytes otherwise, in every session that has met a large image.

use super::Error;
use crate::{
    error::{self, Returned},
    guc,
    model::Model,
};
use clip::image::{self, Info, Limits};
use pgrx::{
    callconv::{BoxRet, FcInfo},
    check_for_interrupts,
    datum::Datum,
    pg_sys,
    prelude::*,
};
use std::{cell::Cell, ffi::c_void, ptr};

thread_local! {
    /// Whether this transaction has had an image in memory; `None` before the first one of the process.
    static USED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// The pixels that `model` reads of the image file `bytes`.
pub fn pixels(model: &Model, bytes: &[u8]) -> clip::Result<Vec<u8>> {
    let preprocess = &model.manifest.image.preprocess;
    image::pixels(bytes, preprocess, &limits(), &progress)
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
        image::info(image, &progress).map_err(error::Error::from)?
    ))
}

/// A JPEG of an image whose longer side has at most `max_side` pixels.
#[pg_extern(immutable, strict, parallel_safe, cost = 20000)]
fn clip_thumbnail(image: &[u8], max_side: i32) -> Returned<Vec<u8>> {
    Ok(thumbnail(image, max_side)?)
}

fn thumbnail(image: &[u8], max_side: i32) -> error::Result<Vec<u8>> {
    trim_at_end();
    let side = u32::try_from(max_side)
        .ok()
        .filter(|&side| side > 0)
        .ok_or(Error::ThumbnailSide(max_side))?;
    Ok(image::thumbnail(image, side, &limits(), &progress)?)
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
