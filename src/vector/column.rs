//! A column of vectors that a caller names by its table, and the column that tells that table's rows apart.

use std::ffi::CStr;

use pgrx::{IntoDatum, pg_sys};

use super::{Error, Vector, error::Result};
use crate::role::As;
use crate::sql;
use crate::text::{Text, to_utf8};

/// The relation `$1` and its columns `$2` and `$3`, as SQL names them, whether `$2` is of the type `$4`, its type, and
/// the schema of the extension.
const DEFINITION: &str = "
SELECT format('%I.%I', n.nspname, c.relname), quote_ident(e.attname), quote_ident(i.attname),
       clip_pg.base_type(e.atttypid) = $4, format_type(e.atttypid, e.atttypmod), quote_ident(s.nspname)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_extension x ON x.extname = 'clip_pg'
JOIN pg_namespace s ON s.oid = x.extnamespace
LEFT JOIN pg_attribute e ON e.attrelid = c.oid AND e.attname = $2 AND e.attnum > 0 AND NOT e.attisdropped
LEFT JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = $3 AND NOT i.attisdropped
WHERE c.oid = $1";

/// A column of vectors. All parts are as SQL names them.
pub struct Column {
    /// The table, partitioned table or view.
    pub table: String,
    /// The column.
    pub embedding: String,
    /// The column that tells rows apart.
    pub id: String,
    /// Where the operators are.
    pub schema: String,
}

impl Column {
    /// Looks the names up.
    ///
    /// # Errors
    /// When there is no such relation or column, or the column holds no vectors.
    pub fn find(relation: pg_sys::Oid, embedding: &CStr, id: &CStr) -> Result<Self> {
        let given = [embedding, id].map(|name| to_utf8(name.to_bytes()));
        let (texts, is_vector) = {
            let _caller = As::caller();
            sql::connect(|client| {
                let [embedding, id] = given.clone().map(Text::from);
                let arguments = [
                    relation.into(),
                    embedding.into(),
                    id.into(),
                    Vector::type_oid().into(),
                ];
                let row = client.select_kept(DEFINITION, Some(1), &arguments)?.first();
                if row.is_empty() {
                    return Ok((None, None));
                }
                let text = |number| row.get::<Text>(number);
                let texts = [text(1)?, text(2)?, text(3)?, text(5)?, text(6)?];
                Ok::<_, sql::Error>((Some(texts), row.get::<bool>(4)?))
            })?
        };
        let [Some(name), embedding, id, kind, Some(schema)] = texts.unwrap_or_default() else {
            return Err(Error::NoTable(relation.to_u32()));
        };
        let [name, schema] = [name, schema].map(|text| text.as_str().to_owned());
        let missing = |column: &String| Error::NoColumn {
            column: column.clone(),
            table: name.clone(),
        };
        let embedding = embedding.ok_or_else(|| missing(&given[0]))?;
        let id = id.ok_or_else(|| missing(&given[1]))?;
        if is_vector != Some(true) {
            let [column, _] = given;
            let kind = kind.map_or_else(String::new, |kind| kind.as_str().to_owned());
            return Err(Error::NotVectors {
                column,
                table: name,
                kind,
            });
        }
        let [embedding, id] = [embedding, id].map(|text| text.as_str().to_owned());
        Ok(Self {
            table: name,
            embedding,
            id,
            schema,
        })
    }
}
