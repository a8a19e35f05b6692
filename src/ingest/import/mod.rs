//! Image files of the server as rows of a table: the procedure `clip_import`, as far as it is not in `sql/import.sql`, which
//! has the loop that commits after each batch.
//!
//! The crate `import` looks for files and counts what becomes of them. Statements run with the rights of whoever calls, who
//! needs those to read the server's files, too.

mod columns;
mod files;

use super::{
    error::Error,
    procedure::{check_batch_size, check_commits},
    table::{name, report},
};
use crate::{
    error::{self, Result, Returned},
    inference::interrupts,
    message,
    role::{As, SEARCH_PATH, With},
    server, sql,
    text::{Text, has_counterpart},
};
use columns::{Columns, Statements};
use import::{Kind, Tally, find, walk};
use pgrx::{
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};
use std::{cell::RefCell, time::Instant, vec};

thread_local! {
    /// The import that this session is at, while it is between two steps. What an error between them leaves here, the next
    /// one replaces.
    static UNDER_WAY: RefCell<Option<Import>> = const { RefCell::new(None) };
}

/// An import that is under way.
struct Import {
    table: pg_sys::Oid,
    columns: Columns,
    batch_size: usize,
    /// Files that are left, with their sizes.
    files: vec::IntoIter<(String, u64)>,
    tally: Tally,
}

/// Begins an import.
#[pg_extern(sql = false)]
#[expect(clippy::too_many_arguments)] // Those of the procedure.
fn import_begin(
    directory: Option<Text>,
    relation: Option<pg_sys::Oid>,
    image: Option<Text>,
    path: Option<Text>,
    size: Option<Text>,
    sha256: Option<Text>,
    taken: Option<Text>,
    batch_size: Option<i32>,
) -> Returned<()> {
    check_commits("CALL clip_import").map_err(error::Error::from)?;
    let batch_size = check_batch_size(batch_size).map_err(error::Error::from)?;
    let name = |text: Text| text.as_str().to_owned();
    let (Some(table), Some(image), Some(path)) = (relation, image.map(name), path.map(name)) else {
        return Err(error::Error::from(Error::Missing("relation, image and path")).into());
    };
    let Some(directory) = directory else {
        return Err(error::Error::from(Error::Missing("directory")).into());
    };
    let columns = Columns {
        image,
        path,
        size: size.map(name),
        sha256: sha256.map(name),
        taken: taken.map(name),
    };
    columns.check(table)?;
    let files = look(directory.as_str())?;
    UNDER_WAY.replace(Some(Import {
        table,
        columns,
        batch_size,
        files: files.into_iter(),
        tally: Tally::new(Instant::now()),
    }));
    Ok(())
}

/// Looks for files, and tells of those that are passed over.
fn look(directory: &str) -> Result<Vec<(String, u64)>> {
    if !server::may_read_server_files() {
        return Err(Error::MayNotImport.into());
    }
    let mut warn = |error| error::Error::from(Error::Import(error)).warn();
    let found = find(
        directory,
        &recognize,
        &has_counterpart,
        &interrupts,
        &mut warn,
    )
    .map_err(Error::Import)?;
    if let Some(text) = found.others.notice() {
        message::notice(text);
    }
    Ok(found.files)
}

/// The format of a file that begins like `head`.
fn recognize(head: &[u8]) -> Option<&'static str> {
    imaging::Format::of(head).ok().map(imaging::Format::name)
}

/// Every file below a directory, with the format that its first bytes tell, or why it would be passed over.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn import_files(
    directory: Text,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(path, Text),
            name!(size, Option<i64>),
            name!(format, Option<&'static str>),
            name!(passed_over, Option<Text>),
        ),
    >,
    ErrorReport,
> {
    if !server::may_read_server_files() {
        return Err(error::Error::from(Error::MayNotImport).into());
    }
    let mut rows = Vec::new();
    let mut see = |entry: import::Entry| {
        let path = entry.path.to_string_lossy();
        let has_name = entry.path.to_str().is_some_and(has_counterpart);
        let (format, reason) = match entry.kind {
            Kind::Picture(format) if has_name => (format, None),
            Kind::Picture(format) => (format, Some(UNNAMED.to_owned())),
            Kind::Other(reason) => (None, Some(reason.name().to_owned())),
            Kind::Failed(error) => {
                let report = error::Error::from(Error::Import(error)).report();
                (None, Some(report.message().to_owned()))
            }
        };
        let path = match has_name {
            true => path.into_owned(),
            false => path.escape_default().to_string(),
        };
        let size = (format.is_some() || entry.bytes > 0).then_some(entry.bytes as i64);
        rows.push((Text::from(path), size, format, reason.map(Text::from)));
    };
    walk(
        directory.as_str(),
        &recognize,
        &|_| false,
        &interrupts,
        &mut see,
    )
    .map_err(|error| error::Error::from(Error::Import(error)))?;
    Ok(TableIterator::new(rows))
}

/// Why a file is passed over whose path no row can hold.
const UNNAMED: &str = "path that is no text in the database's encoding";

/// Imports a batch of files, to be committed; returns false where none is left.
#[pg_extern(sql = false)]
fn import_step() -> Returned<bool> {
    let mut import = take()?;
    let batch: Vec<(String, u64)> = import.files.by_ref().take(import.batch_size).collect();
    let is_left = !batch.is_empty();
    if is_left {
        // Another role may go on with it.
        if !server::may_read_server_files() {
            return Err(error::Error::from(Error::MayNotImport).into());
        }
        let table = table_name(import.table)?;
        let statements = Statements::on(table.as_str(), &import.columns);
        let _path = With::settings(&[SEARCH_PATH]);
        files::import(&statements, &batch, &mut import.tally)?;
        if let Some(text) = import.tally.tell(Instant::now()) {
            message::notice(text);
        }
    }
    UNDER_WAY.replace(Some(import));
    Ok(is_left)
}

/// Ends the import; returns how many files were imported, updated, skipped, and could not be imported.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn import_end() -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(imported, i64),
            name!(updated, i64),
            name!(skipped, i64),
            name!(failed, i64),
        ),
    >,
    ErrorReport,
> {
    let tally = take()?.tally;
    Ok(TableIterator::once((
        tally.imported as i64,
        tally.updated as i64,
        tally.skipped as i64,
        tally.failed as i64,
    )))
}

fn take() -> Returned<Import> {
    let under_way = UNDER_WAY.take();
    under_way.ok_or_else(|| error::Error::from(Error::NotUnderWay("import")).into())
}

fn table_name(table: pg_sys::Oid) -> Returned<Text> {
    sql::connect(|client| {
        let _caller = As::caller();
        let name = report(name(client, table))?;
        name.ok_or_else(|| error::Error::from(Error::NoTable).into())
    })
}

pgrx::extension_sql_file!(
    "../../../sql/import.sql",
    name = "import",
    requires = ["backfill", "embed", files::clip_image_taken]
);
