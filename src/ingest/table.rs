//! A table with pending rows, as SQL names its parts.

use super::error::Error;
use crate::{
    error::{self, Returned},
    role::As,
    sql::{self, Client},
    text::Text,
    vector::base_type,
};
use pgrx::{
    pg_sys,
    spi::{SpiTupleTable, quote_identifier},
};

/// A table of the current user's. All but `target_name` are expressions, quoted, of a table called `t`.
pub struct Table {
    /// The table.
    pub relation: pg_sys::Oid,
    /// Its owner, as whom its rows are read and written.
    pub owner: pg_sys::Oid,
    /// Its name.
    pub name: String,
    /// Whether policies bind the owner, too.
    pub has_policies: bool,
    /// The column of images or texts.
    source: String,
    /// The column of images or texts as the catalogs name it.
    pub source_name: Text,
    /// The column of embeddings, without the table.
    pub target: String,
    /// The column of embeddings as the catalogs name it.
    pub target_name: Text,
    /// What the source holds, as bytea or text.
    pub content: String,
    /// Whether that is an image.
    pub images: bool,
    /// Which page of an image is meant, as integer; NULL for the picture that is meant where none is named.
    pub page: String,
    /// Which region of that, as text; NULL for all of it.
    pub region: String,
    /// A jsonb object that names a row to people and finds it again: the primary key, or else its ctid. For statements
    /// with the settings [`KEYS`](crate::role::KEYS).
    pub key: String,
}

impl Table {
    /// Looks the table up; fails if the current user does not have the rights of its owner.
    pub fn find(
        client: &Client<'_, '_>,
        relation: pg_sys::Oid,
        source: &Text,
        target: &Text,
    ) -> Returned<Self> {
        let _caller = As::caller();
        let found = client.select(
            "SELECT c.relowner, pg_catalog.pg_has_role(c.relowner, 'USAGE'),
                    pg_catalog.format('%I.%I', n.nspname, c.relname),
                    (SELECT pg_catalog.string_agg(pg_catalog.format('%L, t.%I', a.attname, a.attname), ', ' ORDER BY k.n)
                     FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey) WITH ORDINALITY k (attnum, n),
                          pg_catalog.pg_attribute a
                     WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary
                       AND k.n OPERATOR(pg_catalog.<=) i.indnkeyatts
                       AND a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.=) k.attnum),
                    (SELECT a.atttypid FROM pg_catalog.pg_attribute a
                     WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attname OPERATOR(pg_catalog.=) $2::pg_catalog.name),
                    c.relrowsecurity AND c.relforcerowsecurity
             FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n
             WHERE c.oid OPERATOR(pg_catalog.=) $1 AND n.oid OPERATOR(pg_catalog.=) c.relnamespace",
            Some(1),
            &[relation.into(), source.clone().into()],
        );
        let found = report(found)?.first();
        if found.is_empty() {
            return Err(error::Error::from(Error::NoTable).into());
        }
        let name: Text = report(found.get(3))?.unwrap_or_default();
        let name = name.as_str().to_owned();
        if report(found.get::<bool>(2))? != Some(true) {
            return Err(error::Error::from(Error::NotOwner(name)).into());
        }
        let key: Option<Text> = report(found.get(4))?;
        let key = key.unwrap_or_else(|| Text::from("'ctid', t.ctid::text".to_owned()));
        let r#type: Option<pg_sys::Oid> = report(found.get(5))?.map(|own| base_type(own, -1).0);
        let column = format!("t.{}", quote_identifier(source.as_str()));
        let (images, content) = match r#type {
            Some(pg_sys::BYTEAOID) => (true, format!("{column}::bytea")),
            Some(pg_sys::OIDOID) => (true, large_object(&column)),
            _ => (false, format!("{column}::text")),
        };
        Ok(Self {
            relation,
            owner: report(found.get(1))?.unwrap_or(pg_sys::InvalidOid),
            name,
            has_policies: report(found.get::<bool>(6))? == Some(true),
            source: column,
            source_name: source.clone(),
            target: quote_identifier(target.as_str()),
            target_name: target.clone(),
            content,
            images,
            page: "NULL::integer".to_owned(),
            region: "NULL::text".to_owned(),
            key: format!("jsonb_build_object({})", key.as_str()),
        })
    }

    /// The same, where columns tell which part of an image is meant.
    pub fn with_parts(self, page: Option<&Text>, region: Option<&Text>) -> Self {
        let column =
            |name: &Text, r#type: &str| format!("t.{}::{type}", quote_identifier(name.as_str()));
        Self {
            page: page.map_or(self.page, |name| column(name, "integer")),
            region: region.map_or(self.region, |name| column(name, "text")),
            ..self
        }
    }

    /// Whether a row has a source.
    pub fn sourced(&self) -> String {
        format!("{} IS NOT NULL", self.source)
    }

    /// Whether a row is embedded.
    pub fn embedded(&self) -> String {
        format!("t.{} IS NOT NULL", self.target)
    }

    /// Whether a row is pending.
    pub fn pending(&self) -> String {
        format!("{} AND t.{} IS NULL", self.sourced(), self.target)
    }
}

/// The content of a large object, or NULL where it is gone or the current user may not read it, which would be an error.
fn large_object(oid: &str) -> String {
    format!(
        "CASE WHEN EXISTS (
             SELECT FROM pg_largeobject_metadata m WHERE m.oid = {oid} AND (pg_has_role(m.lomowner, 'USAGE')
                 OR current_setting('lo_compat_privileges')::boolean OR EXISTS (
                 SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                     AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role(a.grantee, 'USAGE') END)))
         THEN lo_get({oid}) END"
    )
}

/// The name of a table as a message has it, if it is there still.
pub fn name(client: &Client<'_, '_>, table: pg_sys::Oid) -> sql::Result<Option<Text>> {
    let statement = "SELECT oid::regclass::text FROM pg_class WHERE oid = $1";
    let found = client.select(statement, Some(1), &[table.into()])?;
    match found.is_empty() {
        true => Ok(None),
        false => found.first().get(1),
    }
}

/// The texts of the first column.
pub fn texts(rows: SpiTupleTable<'_>) -> sql::Result<Vec<Text>> {
    let texts = rows
        .map(|row| row.get(1))
        .collect::<sql::Result<Vec<Option<Text>>>>()?;
    Ok(texts.into_iter().flatten().collect())
}

/// An error of a statement that failed other than by an error of the server's.
pub fn report<T>(result: sql::Result<T>) -> Returned<T> {
    result.map_err(|error| error::Error::from(Error::Statement(error)).into())
}
