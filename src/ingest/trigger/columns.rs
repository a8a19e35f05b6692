//! The columns that a trigger is about, and what else is known of it.

use super::value::{Subject, Value};
use crate::{
    error,
    ingest::{
        error::Error,
        nodes::{cast, nth},
    },
    message,
    role::As,
    sql,
    text::{Text, to_utf8},
    vector::{Vector, base_type},
};
use pgrx::{
    PgLogLevel, PgSqlErrorCode,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};
use std::{
    ffi::{CStr, c_int},
    slice,
};

/// Arguments of a trigger: the model, the mode, and the model's SHA-256.
pub const ARGUMENTS: usize = 3;

/// The columns that a trigger is about, and what else is known of it during a statement.
pub struct Columns {
    source: Column,
    page: Option<Column>,
    region: Option<Column>,
    /// Number of the column of embeddings.
    pub target: i16,
    target_type: pg_sys::Oid,
    pub target_modifier: i32,
    /// Whether the trigger of a table that this one has become a partition of is about the same target.
    pub superseded: bool,
    /// Whether the statement has been warned.
    told: bool,
    /// The target's type, if it is a domain, which may have conditions.
    pub target_domain: Option<pg_sys::Oid>,
}

/// A column and its type, without a domain.
#[derive(Clone, Copy)]
struct Column {
    number: i16,
    r#type: pg_sys::Oid,
}

impl Column {
    /// # Safety
    /// The table has the column.
    unsafe fn of(table: pg_sys::Oid, number: i16) -> Self {
        // SAFETY: the caller says that it is there.
        let (own, modifier) = unsafe { type_of(table, number) };
        let (r#type, _) = base_type(own, modifier);
        Self { number, r#type }
    }
}

/// The columns that a trigger is about, by their numbers.
#[derive(Clone, Copy)]
pub struct Watched {
    /// Images or texts.
    pub source: i16,
    /// Embeddings.
    pub target: i16,
    /// Which page of an image is embedded.
    pub page: Option<i16>,
    /// Which region of it is.
    pub region: Option<i16>,
}

impl Columns {
    /// Those of the trigger that is called. They are found out once per statement: `function` keeps them.
    ///
    /// # Safety
    /// Both are what the server calls a trigger with.
    pub unsafe fn of<'a>(
        call: &pg_sys::TriggerData,
        function: &'a mut pg_sys::FmgrInfo,
    ) -> error::Result<&'a mut Self> {
        // SAFETY: what is kept was put there by this function, in memory that lives as long as `function`.
        unsafe {
            if function.fn_extra.is_null() {
                let columns = Self::read(call)?;
                let kept = pg_sys::MemoryContextAlloc(function.fn_mcxt, size_of::<Self>());
                kept.cast::<Self>().write(columns);
                function.fn_extra = kept;
            }
            Ok(&mut *function.fn_extra.cast())
        }
    }

    /// Reads them from the trigger. Anyone can make one with another condition, so nothing is taken for granted.
    ///
    /// # Safety
    /// `call` is what the server calls a trigger with.
    unsafe fn read(call: &pg_sys::TriggerData) -> error::Result<Self> {
        // SAFETY: the server calls the trigger of the relation, whose columns the condition names.
        unsafe {
            let Some(watched) = of_trigger(&*call.tg_trigger) else {
                return Err(Error::NotAutoEmbed.into());
            };
            let table = (*call.tg_relation).rd_id;
            let column = |number| Column::of(table, number);
            let source = column(watched.source);
            let target = watched.target;
            let can_be_embedded = matches!(
                source.r#type,
                pg_sys::BYTEAOID | pg_sys::OIDOID | pg_sys::TEXTOID | pg_sys::VARCHAROID
            );
            let (own_type, modifier) = type_of(table, target);
            let (target_type, target_modifier) = base_type(own_type, modifier);
            if !can_be_embedded || target_type != Vector::type_oid() {
                return Err(Error::NotAutoEmbed.into());
            }
            Ok(Self {
                source,
                page: watched.page.map(column),
                region: watched.region.map(column),
                target,
                target_type,
                target_modifier,
                superseded: is_superseded(call, target)?,
                told: false,
                target_domain: (own_type != target_type).then_some(own_type),
            })
        }
    }

    /// Subject and target of a row.
    ///
    /// # Safety
    /// The row is described by `description`, that of the table.
    pub unsafe fn read_row(
        &self,
        row: pg_sys::HeapTuple,
        description: pg_sys::TupleDesc,
    ) -> (Subject, Value) {
        // SAFETY: the caller says which row this is, and the types are those that the table's columns had as this was read.
        unsafe {
            let read = |column: Column| Value::read(row, column.number, column.r#type, description);
            (
                Subject {
                    source: read(self.source),
                    page: self.page.map_or(Value::NONE, read),
                    region: self.region.map_or(Value::NONE, read),
                },
                Value::read(row, self.target, self.target_type, description),
            )
        }
    }

    /// Says once in a statement that the target was kept. Nobody who could do otherwise reads what applying changes of
    /// another server has to say.
    ///
    /// # Safety
    /// The relation is the trigger's.
    pub unsafe fn tell_once(&mut self, relation: &pg_sys::RelationData, detail: &str, hint: &str) {
        if self.told || replicates() {
            return;
        }
        self.told = true;
        // SAFETY: the relation has the column, and the server's names are strings that end with 0.
        let [column, table] = unsafe {
            let column = pg_sys::get_attname(relation.rd_id, self.target, false);
            let table = (*relation.rd_rel).relname.data.as_ptr();
            [column, table].map(|name| to_utf8(CStr::from_ptr(name).to_bytes()))
        };
        let message = format!("embedding in column \"{column}\" of table \"{table}\" was kept");
        let code = PgSqlErrorCode::ERRCODE_WARNING;
        let report = ErrorReport::new(code, message, "");
        let report = report.set_detail(detail).set_hint(hint);
        message::tell(PgLogLevel::WARNING, code, &report);
    }
}

/// Whether changes of another server are being applied.
pub fn replicates() -> bool {
    // SAFETY: reads a variable of this process.
    unsafe { pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int }
}

/// Whether the target is kept current by another trigger, because the table was attached to one that has its own.
///
/// # Safety
/// `call` is what the server calls a trigger with.
unsafe fn is_superseded(call: &pg_sys::TriggerData, target: i16) -> error::Result<bool> {
    // SAFETY: the relation has at least the trigger that is called; strings are the server's.
    unsafe {
        let this = &*call.tg_trigger;
        let relation = &*call.tg_relation;
        let triggers = &*relation.trigdesc;
        let triggers = slice::from_raw_parts(triggers.triggers, triggers.numtriggers as usize);
        let others: Vec<&CStr> = triggers
            .iter()
            .filter(|other| other.tgfoid == this.tgfoid && other.tgoid != this.tgoid)
            .filter(|other| of_trigger(other).is_some_and(|watched| watched.target == target))
            .map(|other| CStr::from_ptr(other.tgname))
            .collect();
        if others.is_empty() {
            return Ok(false);
        }
        let column = pg_sys::get_attname(relation.rd_id, target, false);
        let column = Text::from(to_utf8(CStr::from_ptr(column).to_bytes()));
        let keeper: Option<Text> = sql::connect(|client| {
            let _superuser = As::superuser();
            let found = client.select(
                "SELECT (clip_pg.keeper($1, $2::name)).trigger::text",
                Some(1),
                &[relation.rd_id.into(), column.into()],
            );
            found.and_then(|rows| rows.first().get(1))
        })
        .map_err(Error::Statement)?;
        let keeper = keeper.unwrap_or_default();
        Ok(others
            .iter()
            .any(|name| to_utf8(name.to_bytes()) == keeper.as_str()))
    }
}

/// Type and type modifier of a column.
///
/// # Safety
/// The table has the column.
unsafe fn type_of(table: pg_sys::Oid, column: i16) -> (pg_sys::Oid, i32) {
    let (mut oid, mut modifier, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: the table has the column; the function writes to the three that it is handed.
    unsafe {
        pg_sys::get_atttypetypmodcoll(table, column, &mut oid, &mut modifier, &mut collation);
    }
    (oid, modifier)
}

/// The columns of a trigger, from the condition `NEW.source IS NOT NULL OR NEW.target IS NOT NULL`, which may go on with a
/// page, which is a number, and a region: there the server keeps them, for each partition its own.
///
/// # Safety
/// The trigger is one of a relation that is open.
pub unsafe fn of_trigger(trigger: &pg_sys::Trigger) -> Option<Watched> {
    if trigger.tgqual.is_null() || trigger.tgnargs as usize != ARGUMENTS {
        return None;
    }
    // SAFETY: the server wrote the condition, which it reads into new nodes, and it is a string as long as the relation is
    // open.
    let condition: &pg_sys::BoolExpr =
        unsafe { cast(pg_sys::stringToNode(trigger.tgqual).cast())? };
    let column = |position| {
        // SAFETY: what a condition is made of are lists of nodes and nodes.
        let tested: &pg_sys::Var = unsafe {
            let test: &pg_sys::NullTest = cast(nth(condition.args, position)?)?;
            cast(test.arg.cast())?
        };
        (tested.varattno > 0).then_some((tested.varattno, tested.vartype))
    };
    let (mut page, mut region) = (None, None);
    for (number, own) in (2..4).map_while(column) {
        match base_type(own, -1).0 {
            pg_sys::INT4OID => page = Some(number),
            _ => region = Some(number),
        }
    }
    Some(Watched {
        source: column(0)?.0,
        target: column(1)?.0,
        page,
        region,
    })
}
