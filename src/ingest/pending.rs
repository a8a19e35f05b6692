//! Embedding a batch of the pending rows of a table: those with a source and without a target.
//!
//! Rows are visited in the order of their places in the table and locked while they are embedded, so that several
//! sessions share the work. A row that cannot be embedded is listed in `clip_pg.embed_error` with its version, and left
//! alone until it changes or its next attempt is due.

use super::{Error, role::As};
use crate::{
    embed::{self, Text, embed_image, embed_images, embed_texts},
    error::{self, Returned},
    guc,
    model::{self, Model},
    vector::Vector,
};
use pgrx::{
    datum::DatumWithOid,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
    spi::{SpiClient, quote_identifier},
};

type Spi<T> = std::result::Result<T, spi::Error>;

/// Embeds up to `size` pending rows that come after the place `after`. Returns where to go on, NULL at the end of the
/// table, and how many rows were embedded and could not be.
#[pg_extern(sql = false)]
fn embed_pending(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    model: Text,
    after: Text,
    size: i32,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(next, Option<Text>),
            name!(embedded, i64),
            name!(failed, i64),
        ),
    >,
    ErrorReport,
> {
    let model = model::resolve(Some(model.as_str())).map_err(ErrorReport::from)?;
    let row = pgrx::Spi::connect_mut(|client| {
        let table = Table::find(client, relation, source.as_str(), target.as_str())?;
        table.embed(client, &model, &after, size)
    })?;
    Ok(TableIterator::once(row))
}

/// A table as SQL names its parts. All but `target` are expressions or lists of them, quoted.
struct Table {
    relation: pg_sys::Oid,
    owner: pg_sys::Oid,
    name: String,
    source: String,
    target: String,
    /// The source's contents, as bytea or text.
    content: String,
    images: bool,
    /// A jsonb object that names a row to people and finds it again.
    key: String,
    target_name: Text,
}

/// A row that is locked.
struct Row {
    place: Text,
    key: Text,
    version: Text,
    content: Content,
}

enum Content {
    Image(Option<Vec<u8>>),
    Text(String),
}

impl Table {
    fn find(
        client: &SpiClient<'_>,
        relation: pg_sys::Oid,
        source: &str,
        target: &str,
    ) -> Returned<Self> {
        let found = client.select(
            "SELECT c.relowner, pg_catalog.pg_has_role(c.relowner, 'USAGE'),
                    pg_catalog.format('%I.%I', n.nspname, c.relname),
                    (SELECT pg_catalog.string_agg(pg_catalog.format('%L, t.%I', a.attname, a.attname), ', ' ORDER BY k.n)
                     FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey) WITH ORDINALITY k (attnum, n),
                          pg_catalog.pg_attribute a
                     WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary
                       AND a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.=) k.attnum),
                    (SELECT CASE t.typbasetype WHEN 0 THEN t.oid ELSE t.typbasetype END
                     FROM pg_catalog.pg_attribute a, pg_catalog.pg_type t
                     WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attname OPERATOR(pg_catalog.=) $2::pg_catalog.name
                       AND t.oid OPERATOR(pg_catalog.=) a.atttypid)
             FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n
             WHERE c.oid OPERATOR(pg_catalog.=) $1 AND n.oid OPERATOR(pg_catalog.=) c.relnamespace",
            Some(1),
            &[relation.into(), Text::from(source.to_owned()).into()],
        );
        let found = report(found)?.first();
        let name = report(found.get::<Text>(3))?;
        let Some(name) = name else {
            return Err(error::Error::from(Error::NoTable).into());
        };
        let name = name.as_str().to_owned();
        if report(found.get::<bool>(2))? != Some(true) {
            return Err(error::Error::from(Error::NotOwner(name)).into());
        }
        let owner = report(found.get::<pg_sys::Oid>(1))?.unwrap_or(pg_sys::InvalidOid);
        let key = report(found.get::<Text>(4))?;
        let key = key.map_or("'ctid', t.ctid::text".to_owned(), |key| {
            key.as_str().to_owned()
        });
        let r#type = report(found.get::<pg_sys::Oid>(5))?;
        let column = format!("t.{}", quote_identifier(source));
        let content = match r#type {
            Some(pg_sys::BYTEAOID) => column.clone(),
            Some(pg_sys::OIDOID) => format!(
                "CASE WHEN EXISTS (SELECT FROM pg_largeobject_metadata m WHERE m.oid = {column}) \
                 THEN lo_get({column}) END"
            ),
            _ => format!("{column}::text"),
        };
        Ok(Self {
            relation,
            owner,
            name,
            source: column,
            target: quote_identifier(target),
            content,
            images: matches!(r#type, Some(pg_sys::BYTEAOID | pg_sys::OIDOID)),
            key: format!("jsonb_build_object({key})"),
            target_name: Text::from(target.to_owned()),
        })
    }

    fn embed(
        &self,
        client: &mut SpiClient<'_>,
        model: &Model,
        after: &Text,
        size: i32,
    ) -> Returned<(Option<Text>, i64, i64)> {
        let excluded = report(self.excluded(client))?;
        let rows = report(self.lock(client, after, size, &excluded))?;
        let next = rows.last().map(|row| row.place.clone());
        let contents: Vec<&Content> = rows.iter().map(|row| &row.content).collect();
        let outcomes = embed(model, &contents)?;
        let mut embedded = (Vec::new(), Vec::new(), Vec::new());
        let mut failed = 0;
        for (row, outcome) in rows.into_iter().zip(outcomes) {
            match outcome {
                Ok(vector) => {
                    embedded.0.push(row.place);
                    embedded.1.push(vector);
                    embedded.2.push(row.key);
                }
                Err(error) => {
                    report(self.list(client, row, error))?;
                    failed += 1;
                }
            }
        }
        let (places, vectors, keys) = embedded;
        let written = report(self.write(client, places, vectors))?;
        report(self.delist(client, keys))?;
        if next.is_none() {
            report(self.prune(client))?;
        }
        Ok((next, written, failed))
    }

    /// Keys and versions of the rows that are not to be tried now.
    fn excluded(&self, client: &SpiClient<'_>) -> Spi<Vec<Text>> {
        let _superuser = As::superuser();
        let rows = client.select(
            "SELECT key::text || ' ' || version FROM clip_pg.embed_error
             WHERE relation = $1 AND target = $2::name AND (retry_at IS NULL OR retry_at > now())",
            None,
            &[self.relation.into(), self.target_name.clone().into()],
        )?;
        texts(rows)
    }

    /// Locks pending rows and reads them.
    fn lock(
        &self,
        client: &mut SpiClient<'_>,
        after: &Text,
        size: i32,
        excluded: &[Text],
    ) -> Spi<Vec<Row>> {
        let Self {
            name,
            source,
            target,
            content,
            key,
            ..
        } = self;
        let statement = format!(
            "SELECT t.ctid::text, {key}::text, t.xmin::text, {content} FROM ONLY {name} t
             WHERE t.ctid > $1::tid AND {source} IS NOT NULL AND t.{target} IS NULL
               AND {key}::text || ' ' || t.xmin::text <> ALL ($3)
             LIMIT $2 FOR NO KEY UPDATE OF t SKIP LOCKED"
        );
        let _owner = As::role(self.owner);
        let arguments = [after.clone().into(), size.into(), excluded.to_vec().into()];
        let rows = client.update(&statement, None, &arguments)?;
        rows.map(|row| {
            let text = |column| -> Spi<Text> {
                Ok(row
                    .get(column)?
                    .unwrap_or_else(|| Text::from(String::new())))
            };
            Ok(Row {
                place: text(1)?,
                key: text(2)?,
                version: text(3)?,
                content: if self.images {
                    Content::Image(row.get::<&[u8]>(4)?.map(<[u8]>::to_vec))
                } else {
                    Content::Text(text(4)?.as_str().to_owned())
                },
            })
        })
        .collect()
    }

    /// Writes the embeddings of rows that are locked; returns how many.
    fn write(
        &self,
        client: &mut SpiClient<'_>,
        places: Vec<Text>,
        vectors: Vec<Vector>,
    ) -> Spi<i64> {
        let Self { name, target, .. } = self;
        let statement = format!(
            "UPDATE ONLY {name} t SET {target} = e.vector
             FROM ROWS FROM (unnest($1::tid[]), unnest($2)) e (place, vector) WHERE t.ctid = e.place"
        );
        let _owner = As::role(self.owner);
        let written = client.update(&statement, None, &[places.into(), vectors.into()])?;
        let written = written.len() as i64;
        // Deferred triggers of the owner's would run at the end of the transaction, with the caller's rights. They are
        // run here instead, where the server refuses to.
        client.update("SET CONSTRAINTS ALL IMMEDIATE", None, &[])?;
        Ok(written)
    }

    /// Lists a row that could not be embedded.
    fn list(&self, client: &mut SpiClient<'_>, row: Row, error: error::Error) -> Spi<()> {
        let again = error.may_pass();
        let state = error.sqlstate();
        let error = ErrorReport::from(error);
        let _superuser = As::superuser();
        let arguments: [DatumWithOid; 7] = [
            self.relation.into(),
            self.target_name.clone().into(),
            row.key.into(),
            row.version.into(),
            Text::from(state).into(),
            Text::from(error.message().to_owned()).into(),
            again.into(),
        ];
        client.update(
            "INSERT INTO clip_pg.embed_error AS e
             VALUES ($1, $2::name, $3::jsonb, $4, $5, $6, 1, now(), CASE WHEN $7 THEN now() + interval '1 minute' END)
             ON CONFLICT (relation, target, key) DO UPDATE SET version = $4, sqlstate = $5, message = $6,
                attempts = CASE WHEN e.version = $4 THEN e.attempts + 1 ELSE 1 END, at = now(),
                retry_at = CASE WHEN NOT $7 THEN NULL WHEN e.version <> $4 THEN now() + interval '1 minute'
                    WHEN e.attempts < 5 THEN now() + interval '1 minute' * 2 ^ e.attempts END",
            None,
            &arguments,
        )?;
        Ok(())
    }

    /// Takes rows off the list.
    fn delist(&self, client: &mut SpiClient<'_>, keys: Vec<Text>) -> Spi<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let _superuser = As::superuser();
        client.update(
            "DELETE FROM clip_pg.embed_error WHERE relation = $1 AND target = $2::name AND key::text = ANY ($3)",
            None,
            &[self.relation.into(), self.target_name.clone().into(), keys.into()],
        )?;
        Ok(())
    }

    /// Takes rows off the list that are no longer pending, because they were changed or deleted.
    fn prune(&self, client: &mut SpiClient<'_>) -> Spi<()> {
        let listed = {
            let _superuser = As::superuser();
            let rows = client.select(
                "SELECT key::text FROM clip_pg.embed_error WHERE relation = $1 AND target = $2::name",
                None,
                &[self.relation.into(), self.target_name.clone().into()],
            )?;
            texts(rows)?
        };
        if listed.is_empty() {
            return Ok(());
        }
        let Self {
            name,
            source,
            target,
            key,
            ..
        } = self;
        let statement = format!(
            "SELECT k FROM unnest($1) k WHERE NOT EXISTS
             (SELECT FROM ONLY {name} t WHERE {source} IS NOT NULL AND t.{target} IS NULL AND {key}::text = k)"
        );
        let settled = {
            let _owner = As::role(self.owner);
            texts(client.select(&statement, None, &[listed.into()])?)?
        };
        self.delist(client, settled)
    }
}

/// The texts of the first column.
fn texts(rows: spi::SpiTupleTable<'_>) -> Spi<Vec<Text>> {
    let texts = rows
        .map(|row| row.get(1))
        .collect::<Spi<Vec<Option<Text>>>>()?;
    Ok(texts.into_iter().flatten().collect())
}

/// Embeds what can be. Fails where no row is at fault.
fn embed(model: &Model, contents: &[&Content]) -> error::Result<Vec<error::Result<Vector>>> {
    let mut outcomes = Vec::with_capacity(contents.len());
    for batch in contents.chunks(guc::batch_size()) {
        embed_around_faults(model, batch, &mut outcomes)?;
    }
    Ok(outcomes)
}

/// Embeds a batch at once, or without the row at fault, or in halves where the error does not tell which that is.
fn embed_around_faults(
    model: &Model,
    contents: &[&Content],
    outcomes: &mut Vec<error::Result<Vector>>,
) -> error::Result<()> {
    let error = match embed_batch(model, contents) {
        Ok(vectors) => {
            outcomes.extend(vectors.into_iter().map(Ok));
            return Ok(());
        }
        Err(error) if !error.is_of_input() => return Err(error),
        Err(error) => error,
    };
    if contents.len() == 1 {
        outcomes.push(Err(error));
        return Ok(());
    }
    let middle = match &error {
        error::Error::Embed(embed::Error::Element { position, .. }) => position - 1..*position,
        _ => contents.len() / 2..contents.len() / 2,
    };
    embed_around_faults(model, &contents[..middle.start], outcomes)?;
    embed_around_faults(model, &contents[middle.clone()], outcomes)?;
    embed_around_faults(model, &contents[middle.end..], outcomes)
}

fn embed_batch(model: &Model, contents: &[&Content]) -> error::Result<Vec<Vector>> {
    let mut images = Vec::new();
    let mut texts = Vec::new();
    for content in contents {
        match content {
            Content::Image(Some(image)) => images.push(image.as_slice()),
            Content::Image(None) => return Err(Error::NoLargeObject.into()),
            Content::Text(text) => texts.push(text.as_str()),
        }
    }
    if texts.is_empty() {
        // One image is remembered by itself, so its error names no place in an array.
        match images.as_slice() {
            [image] => Ok(vec![embed_image(model, image)?]),
            images => embed_images(model, (1..).zip(images.iter().copied())),
        }
    } else {
        Ok(embed_texts(model, &texts)?.to_vec())
    }
}

/// An error of a statement that failed other than by an error of the server's.
fn report<T>(result: Spi<T>) -> Returned<T> {
    result.map_err(|error| error::Error::from(Error::Statement(error)).into())
}
