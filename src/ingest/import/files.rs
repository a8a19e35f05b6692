//! Importing a batch of files.

use super::columns::Statements;
use crate::{
    error::{self, Returned},
    inference::{digest, interrupts},
    ingest::{error::Error, limit::circumstances, table::report},
    message, sql,
    sql::Client,
    subtransaction::attempt,
    text::Text,
};
use backfill::{Fault, SqlState};
use import::{Outcome, Tally, read};
use pgrx::{
    PgLogLevel, PgSqlErrorCode, check_for_interrupts,
    datum::{DatumWithOid, Timestamp},
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};
use std::path::Path;

/// How long a value of the type bytea may be: the server's MaxAllocSize without the value's header.
const MAX_BYTES: u64 = 0x3fff_ffff - pg_sys::VARHDRSZ as u64;

/// When a picture was taken by the camera's clock, as its EXIF block says; NULL where it does not.
#[pg_extern(immutable, strict, parallel_safe, cost = 100)]
fn clip_image_taken(image: &[u8]) -> Option<Timestamp> {
    let imaging::Moment { date, time } = imaging::taken(image, &interrupts)?;
    let (year, month, day) = date;
    let (hour, minute, second) = time;
    Timestamp::new(year.into(), month, day, hour, minute, second.into()).ok()
}

/// What a table knows of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A row has its path and its size.
    Same,
    /// A row has its path.
    Changed,
    /// No row has its path.
    New,
}

/// Imports files, given as paths and sizes. One is there if a row has its path and size, or the hash of its contents.
pub fn import(statements: &Statements, files: &[(String, u64)], tally: &mut Tally) -> Returned<()> {
    let known = sql::connect(|client| report(look_up(client, statements, files)))?;
    for ((path, _), known) in files.iter().zip(known) {
        check_for_interrupts!();
        let outcome = match known {
            Known::Same => Outcome::Known,
            // A connection of its own, with which the memory goes that the file takes.
            _ => sql::connect(|client| import_file(client, statements, path, known))?,
        };
        tally.add(path, outcome);
    }
    if let Some((copies, paths)) = tally.take_copies() {
        let code = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
        let report = ErrorReport::new(code, copies, "").set_detail(paths);
        message::tell(PgLogLevel::NOTICE, code, &report);
    }
    Ok(())
}

fn look_up(
    client: &mut Client<'_, '_>,
    statements: &Statements,
    files: &[(String, u64)],
) -> sql::Result<Vec<Known>> {
    let paths: Vec<Text> = files
        .iter()
        .map(|(path, _)| Text::from(path.clone()))
        .collect();
    let sizes: Vec<i64> = files.iter().map(|(_, bytes)| *bytes as i64).collect();
    let rows = client.update(&statements.look_up, &[paths.into(), sizes.into()])?;
    rows.map(|row| {
        Ok(match (row.get(1)?, row.get(2)?) {
            (_, Some(true)) => Known::Same,
            (Some(true), _) => Known::Changed,
            _ => Known::New,
        })
    })
    .collect()
}

fn import_file(
    client: &mut Client<'_, '_>,
    statements: &Statements,
    path: &str,
    known: Known,
) -> Returned<Outcome> {
    let contents = match read(Path::new(path), MAX_BYTES, interrupts) {
        Ok(contents) => contents,
        Err(error) => {
            let error = error::Error::from(Error::Import(error));
            warn(error.code(), error.report().message().to_owned());
            return Ok(Outcome::Failed);
        }
    };
    let hash = digest(&contents).to_vec();
    if known == Known::New
        && let Some(find_copy) = &statements.find_copy
    {
        let found = client.update(find_copy, &[hash.clone().into()]);
        if report(found.and_then(|rows| rows.first().get(1)))? == Some(true) {
            return Ok(Outcome::Copy);
        }
    }
    let is_of_row = |code| Fault::of(SqlState(code), circumstances()) == Fault::Row;
    let refused = |code, why: &str| {
        warn(code, format!("could not import \"{path}\": {why}"));
        Ok(Outcome::Failed)
    };
    if let Err(error) = imaging::info(&contents, None, &interrupts) {
        let error = error::Error::from(error);
        return match is_of_row(error.code() as i32) {
            true => refused(error.code(), error.report().message()),
            false => Err(error.into()),
        };
    }
    let values: [DatumWithOid; 5] = [
        contents.as_slice().into(),
        Text::from(path.to_owned()).into(),
        (contents.len() as i64).into(),
        hash.into(),
        clip_image_taken(&contents).into(),
    ];
    // The server has a copy.
    drop(contents);
    let (statement, outcome) = match known {
        Known::New => (&statements.insert, Outcome::Imported),
        _ => (&statements.update, Outcome::Updated),
    };
    match attempt(is_of_row, || client.update(statement, &values).map(drop)) {
        Ok(done) => report(done).map(|()| outcome),
        Err(error) => refused(error.code, &error.message),
    }
}

fn warn(code: PgSqlErrorCode, message: String) {
    message::tell(
        PgLogLevel::WARNING,
        code,
        &ErrorReport::new(code, message, ""),
    );
}
