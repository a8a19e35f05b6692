//! The table that files are imported into.

use crate::{
    error::{self, Returned},
    ingest::{
        error::Error,
        table::{name, report},
    },
    role::As,
    sql::{self, Client},
    text::Text,
};
use pgrx::{pg_sys, spi::quote_identifier};

/// Columns of a table by what they are filled with; without a name, that is not kept.
pub struct Columns {
    pub image: String,
    pub path: String,
    pub size: Option<String>,
    pub sha256: Option<String>,
    pub taken: Option<String>,
}

impl Columns {
    /// Fails where a table lacks one of them, or has it of another type.
    pub fn check(&self, table: pg_sys::Oid) -> Returned<()> {
        let wanted = [
            (Some(&self.image), "bytea"),
            (Some(&self.path), "text"),
            (self.size.as_ref(), "bigint"),
            (self.sha256.as_ref(), "bytea"),
            (self.taken.as_ref(), "timestamp without time zone"),
        ];
        let mut seen = Vec::new();
        sql::connect(|client| {
            let _caller = As::caller();
            let Some(table_name) = report(name(client, table))? else {
                return Err(error::Error::from(Error::NoRelation(table.to_u32())).into());
            };
            for (column, wanted) in wanted {
                let Some(column) = column else {
                    continue;
                };
                let table_name = || table_name.as_str().to_owned();
                if seen.contains(&column) {
                    return Err(error::Error::from(Error::ColumnTwice(column.clone())).into());
                }
                seen.push(column);
                match report(type_of(client, table, column))? {
                    None => {
                        return Err(error::Error::from(Error::NoImportColumn {
                            column: column.clone(),
                            table: table_name(),
                            wanted,
                        })
                        .into());
                    }
                    Some(found) if found.as_str() != wanted => {
                        return Err(error::Error::from(Error::ImportColumnType {
                            column: column.clone(),
                            table: table_name(),
                            found: found.as_str().to_owned(),
                            wanted,
                        })
                        .into());
                    }
                    Some(_) => {}
                }
            }
            Ok(())
        })
    }
}

/// The name of a column's type.
fn type_of(client: &Client<'_, '_>, table: pg_sys::Oid, column: &str) -> sql::Result<Option<Text>> {
    let found = client.select(
        "SELECT atttypid::regtype::text FROM pg_attribute
         WHERE attrelid = $1 AND attname = $2::name AND attnum > 0 AND NOT attisdropped",
        Some(1),
        &[table.into(), Text::from(column.to_owned()).into()],
    )?;
    match found.is_empty() {
        true => Ok(None),
        false => found.first().get(1),
    }
}

/// Statements on the table. Their parameters are the five values of a file, whether they are kept or not: its contents, path,
/// size, hash and date.
pub struct Statements {
    /// Of files, given as paths and sizes: whether a row has the path, and whether its contents have the size.
    pub look_up: String,
    /// Whether a row has a hash, which is the one parameter.
    pub find_copy: Option<String>,
    pub insert: String,
    pub update: String,
}

impl Statements {
    /// On a table of some name.
    pub fn on(table: &str, columns: &Columns) -> Self {
        let [image, path] = [&columns.image, &columns.path].map(quote_identifier);
        let all = [
            Some(&columns.image),
            Some(&columns.path),
            columns.size.as_ref(),
            columns.sha256.as_ref(),
            columns.taken.as_ref(),
        ];
        let kept = (1..).zip(all).filter_map(|(n, column)| Some((n, column?)));
        let (values, names): (Vec<String>, Vec<String>) = kept
            .map(|(n, column): (i32, _)| (format!("${n}"), quote_identifier(column)))
            .unzip();
        let (values, names) = (values.join(", "), names.join(", "));
        let find_copy = columns.sha256.as_ref().map(|column| {
            let column = quote_identifier(column);
            format!("SELECT EXISTS (SELECT FROM {table} WHERE {column} = $1)")
        });
        Self {
            look_up: format!(
                "SELECT t.path IS NOT NULL, t.size = f.size
                 FROM ROWS FROM (unnest($1, $2)) WITH ORDINALITY f (path, size, n)
                 LEFT JOIN (SELECT DISTINCT ON (1) {path} AS path, octet_length({image}) AS size
                            FROM {table} WHERE {path} = ANY ($1)) t USING (path)
                 ORDER BY f.n"
            ),
            find_copy,
            insert: format!("INSERT INTO {table} ({names}) VALUES ({values})"),
            update: format!("UPDATE {table} SET ({names}) = ROW ({values}) WHERE {path} = $2"),
        }
    }
}
