//! What images are like, and small ones of them.

use super::Error;
use crate::{
    error::{self, Returned},
    inference::{interrupts, limits, trim_at_end, use_libraries},
    text::Text,
};
use imaging::{Info, Part, Region};
use pgrx::{
    callconv::{BoxRet, FcInfo},
    datum::Datum,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};
use std::ptr;

/// What the header of an image says; nothing is decoded.
#[pg_extern(sql = r#"
CREATE FUNCTION clip_image_info(
    image bytea,
    OUT format text, OUT width integer, OUT height integer, OUT orientation integer, OUT frames integer, OUT decodable boolean)
IMMUTABLE STRICT PARALLEL SAFE COST 100 LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"#)]
fn clip_image_info(image: &[u8]) -> Returned<Row> {
    use_libraries();
    Ok(Row(
        imaging::info(image, None, &interrupts).map_err(error::Error::from)?
    ))
}

/// The same of a page, from 1.
#[pg_extern(sql = r#"
CREATE FUNCTION clip_image_info(
    image bytea, page integer,
    OUT format text, OUT width integer, OUT height integer, OUT orientation integer, OUT frames integer, OUT decodable boolean)
IMMUTABLE STRICT PARALLEL SAFE COST 100 LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"#)]
fn page_info(image: &[u8], page: i32) -> Returned<Row> {
    use_libraries();
    Ok(Row(
        imaging::info(image, Some(page), &interrupts).map_err(error::Error::from)?
    ))
}

/// The pages of an image, in their order. Whether one can be embedded depends on which libraries the settings name.
#[pg_extern(stable, strict, parallel_safe, cost = 100)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_image_pages(
    image: &[u8],
) -> Result<
    TableIterator<
        'static,
        (
            name!(page, i32),
            name!(width, Option<i32>),
            name!(height, Option<i32>),
            name!(kind, &'static str),
            name!(title, Option<Text>),
            name!(embeddable, bool),
        ),
    >,
    ErrorReport,
> {
    use_libraries();
    let pages = imaging::pages(image, &interrupts).map_err(error::Error::from)?;
    let rows = (1..).zip(pages).map(|(number, page)| {
        let side = |side: u32| i32::try_from(side).ok().filter(|&side| side > 0);
        (
            number,
            side(page.size.0),
            side(page.size.1),
            page.kind.name(),
            page.title.map(Text::from),
            page.refused.is_none(),
        )
    });
    Ok(TableIterator::new(rows))
}

/// A JPEG of an image, or of a region of it as [`clip_embed_image`](super::functions) takes it, whose longer side has at
/// most `max_side` pixels, in sRGB; `quality` is libjpeg's.
#[pg_extern(immutable, strict, parallel_safe, cost = 20000)]
fn clip_thumbnail(
    image: &[u8],
    max_side: i32,
    region: default!(Text, "'full'"),
    quality: default!(i32, 90),
) -> Returned<Vec<u8>> {
    Ok(thumbnail(image, max_side, None, region.as_str(), quality)?)
}

/// The same of a page, from 1.
#[pg_extern(
    name = "clip_thumbnail",
    immutable,
    strict,
    parallel_safe,
    cost = 20000
)]
fn page_thumbnail(
    image: &[u8],
    max_side: i32,
    page: i32,
    region: default!(Text, "'full'"),
    quality: default!(i32, 90),
) -> Returned<Vec<u8>> {
    Ok(thumbnail(
        image,
        max_side,
        Some(page),
        region.as_str(),
        quality,
    )?)
}

fn thumbnail(
    image: &[u8],
    max_side: i32,
    page: Option<i32>,
    region: &str,
    quality: i32,
) -> error::Result<Vec<u8>> {
    trim_at_end();
    let side = u32::try_from(max_side)
        .ok()
        .filter(|&side| side > 0)
        .ok_or(Error::ThumbnailSide(max_side))?;
    let quality = u8::try_from(quality)
        .ok()
        .filter(|quality| (1..=100).contains(quality))
        .ok_or(Error::ThumbnailQuality(quality))?;
    let region: Region = region.parse()?;
    Ok(imaging::thumbnail(
        image,
        side,
        Part { page, region },
        quality,
        &limits(),
        &interrupts,
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
            refused,
        } = self.0;
        let columns = [
            format.to_string().into_datum(),
            integer(width),
            integer(height),
            integer(orientation.into()),
            integer(frames),
            refused.is_none().into_datum(),
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
