//! Which image files are read, and by what.

use crate::guc;
use imaging::Reader;
use pgrx::prelude::*;

/// A row for every way in which a format is read.
#[pg_extern(stable, parallel_safe)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_pg_formats() -> TableIterator<
    'static,
    (
        name!(format, &'static str),
        name!(title, &'static str),
        name!(media_type, &'static str),
        name!(variant, Option<&'static str>),
        name!(library, &'static str),
        name!(version, String),
        name!(available, bool),
        name!(install, Option<String>),
    ),
> {
    imaging::use_libheif(&guc::libheif_library());
    TableIterator::new(imaging::formats().map(|(format, reader)| {
        let Reader {
            variant,
            library,
            version,
            missing,
        } = reader;
        (
            format.name(),
            format.title(),
            format.mime(),
            Some(variant).filter(|variant| !variant.is_empty()),
            library,
            version.into_owned(),
            missing.is_none(),
            missing.map(|missing| missing.into_owned()),
        )
    }))
}

extension_sql_file!(
    "../sql/formats.sql",
    name = "formats",
    requires = [clip_pg_formats]
);
