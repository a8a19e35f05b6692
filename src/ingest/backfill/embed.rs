//! Embedding pending rows of a table.
//!
//! Rows are locked while they are embedded, so that several sessions share the work: what was found is only a hint, and what is
//! locked is looked at again.

use super::{
    listed::{self, Failure, Row},
    owner::Owner,
    tid,
};
use crate::{
    error::{self, Returned},
    guc,
    inference::{self, embed_images, embed_part, embed_texts},
    ingest::{
        error::Error,
        limit::circumstances,
        table::{Table, report},
    },
    model::Model,
    role::KEYS,
    sql::{self, Client},
    subtransaction::attempt,
    text::Text,
    vector::Vector,
};
use backfill::{Circumstances, Counts, Fault, SqlState, Tid, Trouble, isolate};
use imaging::Part;
use std::collections::HashMap;

/// What is to be embedded. All of a table's are of one kind.
enum Content {
    /// An image file, and which part of it.
    Image {
        file: Vec<u8>,
        page: Option<i32>,
        region: Option<Text>,
    },
    /// A text.
    Text(Text),
}

/// Embeds those of some rows that are pending still, and lists those that could not be. What is nobody's fault of the rows
/// ends it.
pub fn embed(
    client: &mut Client<'_, '_>,
    table: &Table,
    model: &Model,
    tids: &[Tid],
) -> Returned<Counts> {
    let rows = report(lock(client, table, tids))?;
    let visited = rows.len();
    let mut failed = Vec::new();
    let embedded = vectors(client, table, model, &rows, &mut failed)?;
    let left = without_refused(
        table,
        &embedded,
        |(row, _)| row,
        &mut failed,
        |rows| write(client, table, rows),
    );
    for row in report(left)? {
        failed.push((row, error::Error::from(Error::NotKept).into()));
    }
    for (row, failure) in &failed {
        report(listed::add(client, table, row, failure))?;
    }
    Ok(Counts {
        embedded: (visited - failed.len()) as u64,
        failed: failed.len() as u64,
    })
}

/// Does `work` with rows, in subtransactions, without those that the server refuses, which have failed.
fn without_refused<T, U>(
    table: &Table,
    rows: &[T],
    row: fn(&T) -> &Row,
    failed: &mut Vec<(Row, Failure)>,
    mut work: impl FnMut(&[T]) -> sql::Result<Vec<U>>,
) -> sql::Result<Vec<U>> {
    let circumstances = Circumstances {
        has_policies: table.has_policies,
        ..circumstances()
    };
    let is_of_row = |code| Fault::of(SqlState(code), circumstances) == Fault::Row;
    isolate(
        rows,
        |rows| match attempt(is_of_row, || work(rows)) {
            Ok(done) => done.map_err(Trouble::Other),
            Err(refused) => Err(Trouble::Item(refused, None)),
        },
        |item, refused| failed.push((row(item).clone(), refused.into())),
    )
}

/// Locks those of some rows that are pending and to be tried now.
fn lock(client: &mut Client<'_, '_>, table: &Table, tids: &[Tid]) -> sql::Result<Vec<Row>> {
    let Table { name, key, .. } = table;
    let pending = table.pending();
    let statement = format!(
        "SELECT t.ctid, {key}::text, t.xmin::text FROM ONLY {name} t
         WHERE t.ctid = ANY ($1) AND {pending} FOR NO KEY UPDATE OF t SKIP LOCKED"
    );
    let mut rows = {
        let _owner = Owner::of(table, &KEYS);
        let rows = client.update(&statement, &[tid::items(tids.iter().copied()).into()])?;
        rows.map(|row| Row::read(&row))
            .collect::<sql::Result<Vec<Row>>>()?
    };
    // Another session may have listed a row since it was found.
    listed::leave_out(client, table, &mut rows)?;
    Ok(rows)
}

/// Reads and embeds rows that are locked, as many at a time as a model takes: what is read is freed before the next are.
fn vectors(
    client: &Client<'_, '_>,
    table: &Table,
    model: &Model,
    rows: &[Row],
    failed: &mut Vec<(Row, Failure)>,
) -> Returned<Vec<(Row, Vector)>> {
    let (mut embedded, mut faults) = (Vec::new(), Vec::new());
    for rows in rows.chunks(guc::batch_size()) {
        let rows = without_refused(
            table,
            rows,
            |row| row,
            failed,
            |rows| read(client, table, rows),
        );
        let mut contents = Vec::new();
        for (row, content) in report(rows)? {
            match content {
                Some(content) => contents.push((row, content)),
                None => faults.push((row, Error::NoLargeObject.into())),
            }
        }
        embedded.extend(isolate(
            &contents,
            |contents| embed_all(model, contents),
            |(row, _), error| faults.push((row.clone(), error)),
        )?);
    }
    // What the model does with none of them is the model's fault; what it does with others is that of those it fails for.
    if embedded.is_empty()
        && faults.iter().all(|(_, error)| error.is_of_model())
        && let Some((_, error)) = faults.pop()
    {
        return Err(error.into());
    }
    failed.extend(faults.into_iter().map(|(row, error)| (row, error.into())));
    Ok(embedded)
}

/// Embeds several contents, or tells which one is at fault.
fn embed_all(
    model: &Model,
    contents: &[(Row, Content)],
) -> Result<Vec<(Row, Vector)>, Trouble<error::Error, error::Error>> {
    let mut images = Vec::new();
    let mut texts = Vec::new();
    for (n, (_, content)) in contents.iter().enumerate() {
        match content {
            Content::Image { file, page, region } => {
                let region = region.as_ref().map(|region| region.as_str().parse());
                let region = region
                    .transpose()
                    .map_err(|error: imaging::Error| Trouble::Item(error.into(), Some(n)))?;
                let part = Part {
                    page: *page,
                    region: region.unwrap_or_default(),
                };
                images.push((file.as_slice(), part));
            }
            Content::Text(text) => texts.push(text.as_str()),
        }
    }
    let vectors = match images.as_slice() {
        [] => embed_texts(model, &texts).map(|vectors| vectors.to_vec()),
        // One image is remembered by itself, so its error names no element of an array.
        [(image, part)] => embed_part(model, image, *part).map(|vector| vec![vector]),
        images => {
            let images = (1..).zip(images);
            embed_images(model, images.map(|(n, &(image, part))| (n, image, part)))
        }
    };
    match vectors {
        Ok(vectors) => {
            let rows = contents.iter().map(|(row, _)| row.clone());
            Ok(rows.zip(vectors).collect())
        }
        Err(error) if error.is_of_input() => {
            let known = match error.get() {
                Some(inference::Error::Element { position, .. }) => Some(position - 1),
                _ => None,
            };
            Err(Trouble::Item(error, known))
        }
        Err(error) => Err(Trouble::Other(error)),
    }
}

/// The contents of rows that are locked; none is a large object that is gone, or that the owner may not read.
fn read(
    client: &Client<'_, '_>,
    table: &Table,
    rows: &[Row],
) -> sql::Result<Vec<(Row, Option<Content>)>> {
    let Table {
        name,
        content,
        page,
        region,
        ..
    } = table;
    let statement = format!(
        "SELECT t.ctid, {content}, {page}, {region} FROM ONLY {name} t WHERE t.ctid = ANY ($1)"
    );
    let read = {
        let _owner = Owner::of(table, &[]);
        let tids = tid::items(rows.iter().map(|row| row.tid));
        client.select(&statement, None, &[tids.into()])?
    };
    let mut contents = HashMap::new();
    for row in read {
        let tid = tid::read(&row)?;
        let content = match table.images {
            true => match row.get::<&[u8]>(2)? {
                Some(image) => Some(Content::Image {
                    file: image.to_vec(),
                    page: row.get(3)?,
                    region: row.get(4)?,
                }),
                None => None,
            },
            false => row.get::<Text>(2)?.map(Content::Text),
        };
        contents.insert(tid, content);
    }
    let mut content = |row: &Row| contents.remove(&row.tid).flatten();
    Ok(rows.iter().map(|row| (row.clone(), content(row))).collect())
}

/// Writes the embeddings of rows that are locked; returns the rows whose triggers did not let that happen, in their new
/// versions.
fn write(
    client: &mut Client<'_, '_>,
    table: &Table,
    rows: &[(Row, Vector)],
) -> sql::Result<Vec<Row>> {
    let Table { name, target, .. } = table;
    let embedded = table.embedded();
    let statement = format!(
        "UPDATE ONLY {name} t SET {target} = e.vector
         FROM ROWS FROM (unnest($1), unnest($2)) e (tid, vector) WHERE t.ctid = e.tid
         RETURNING e.tid, {embedded}, t.xmin::text"
    );
    let tids = tid::items(rows.iter().map(|(row, _)| row.tid));
    let vectors: Vec<Vector> = rows.iter().map(|(_, vector)| vector.clone()).collect();
    // A deferred trigger of the owner's would run at the end of the transaction, with the caller's rights: in a
    // security-restricted operation the server refuses to queue it.
    let _owner = Owner::of(table, &[]);
    let written = client.update(&statement, &[tids.into(), vectors.into()])?;
    let rows = rows.iter().map(|(row, _)| (row.tid, row.clone()));
    let mut left: HashMap<Tid, Row> = rows.collect();
    for row in written {
        let tid = tid::read(&row)?;
        if row.get(2)? == Some(true) {
            left.remove(&tid);
        } else if let Some(left) = left.get_mut(&tid) {
            left.version = row.get(3)?.unwrap_or_default();
        }
    }
    Ok(left.into_values().collect())
}
