//! The trigger: BEFORE INSERT OR UPDATE, for each row.
//!
//! Invariant: where it has run, the target is the embedding of the source by the trigger's model, or NULL, or what an
//! UPDATE has set that left the source alone; without a source it is NULL. It runs no SQL and so needs no rights on the
//! table.

use super::{Error, queue};
use crate::{
    embed::{embed_image, embed_text, to_utf8},
    error::{self, Returned},
    vector::Vector,
};
use pgrx::{
    callconv::{BoxRet, FcInfo},
    datum::Datum,
    pg_sys::{self, NodeTag},
    prelude::*,
    varlena::{varlena_to_byte_slice, varsize_any},
};
use std::{
    ffi::{CStr, c_int},
    slice,
};

/// Rows are embedded by `clip_backfill` rather than by the trigger.
const QUEUE: &CStr = c"queue";

/// Arguments of a trigger: the model, the mode, and the model's SHA-256.
const ARGUMENTS: usize = 3;

/// The trigger function. The conditions and arguments of the trigger are written by `clip_auto_embed`.
#[pg_extern(sql = false)]
fn auto_embed(fcinfo: pg_sys::FunctionCallInfo) -> Returned<Row> {
    // SAFETY: the server calls it with arguments, and where it is called as a trigger, with what that needs.
    unsafe {
        if !pgrx::trigger_support::called_as_trigger(fcinfo) {
            return Err(error::Error::from(Error::NotAutoEmbed).into());
        }
        let call: &pg_sys::TriggerData = &*(*fcinfo).context.cast();
        let columns = Columns::of(call, &mut *(*fcinfo).flinfo)?;
        Ok(Row(row(call, &columns)?))
    }
}

/// The row to be stored.
///
/// # Safety
/// `call` is what the server calls a trigger with, `columns` are those of the trigger.
unsafe fn row(call: &pg_sys::TriggerData, columns: &Columns) -> error::Result<pg_sys::HeapTuple> {
    let event = call.tg_event;
    let operation = event & pg_sys::TRIGGER_EVENT_OPMASK;
    let before_row = pg_sys::TRIGGER_EVENT_BEFORE | pg_sys::TRIGGER_EVENT_ROW;
    let level = event & (pg_sys::TRIGGER_EVENT_TIMINGMASK | pg_sys::TRIGGER_EVENT_ROW);
    let (old, new) = match operation {
        pg_sys::TRIGGER_EVENT_INSERT if level == before_row => (None, call.tg_trigtuple),
        pg_sys::TRIGGER_EVENT_UPDATE if level == before_row => {
            (Some(call.tg_trigtuple), call.tg_newtuple)
        }
        _ => return Err(Error::NotAutoEmbed.into()),
    };
    // SAFETY: the trigger, the relation and the rows belong together and live as long as the call.
    unsafe {
        let description = (*call.tg_relation).rd_att;
        let source = Value::read(new, columns, description);
        let arguments = slice::from_raw_parts((*call.tg_trigger).tgargs, ARGUMENTS);
        let [model, mode, sha256] = [0, 1, 2].map(|n| CStr::from_ptr(arguments[n]));
        let same = old.is_some_and(|old| Value::read(old, columns, description).is_same(&source));
        let vector = || !pg_sys::heap_attisnull(new, c_int::from(columns.target), description);
        if mode == QUEUE && source.datum.is_some() && !(same && vector()) {
            queue::tell_at_commit();
        }
        if same && source.datum.is_some() {
            return Ok(new);
        }
        let target = match source.content() {
            Some(content) if mode != QUEUE => {
                let model = super::model(&to_utf8(model.to_bytes()), &sha256.to_string_lossy())?;
                let vector = match content {
                    Content::Text(text) => embed_text(&model, &text)?,
                    Content::Image(image) => embed_image(&model, image)?,
                };
                vector.with_modifier(columns.target_modifier)?.into_datum()
            }
            _ => None,
        };
        let mut column = c_int::from(columns.target);
        let mut null = target.is_none();
        let mut value = target.unwrap_or(pg_sys::Datum::null());
        Ok(pg_sys::heap_modify_tuple_by_cols(
            new,
            description,
            1,
            &mut column,
            &mut value,
            &mut null,
        ))
    }
}

/// The columns that a trigger is about.
#[derive(Clone, Copy)]
struct Columns {
    source: i16,
    source_type: pg_sys::Oid,
    target: i16,
    target_modifier: i32,
}

impl Columns {
    /// Those of the trigger that is called. They are found out once per statement: `function` keeps them.
    ///
    /// # Safety
    /// Both are what the server calls a trigger with.
    unsafe fn of(
        call: &pg_sys::TriggerData,
        function: &mut pg_sys::FmgrInfo,
    ) -> error::Result<Self> {
        // SAFETY: what is kept was put there by this function, in memory that lives as long as `function`.
        unsafe {
            if let Some(known) = function.fn_extra.cast::<Self>().as_ref() {
                return Ok(*known);
            }
            let columns = Self::read(call)?;
            let kept = pg_sys::MemoryContextAlloc(function.fn_mcxt, size_of::<Self>());
            kept.cast::<Self>().write(columns);
            function.fn_extra = kept;
            Ok(columns)
        }
    }

    /// Reads them from the trigger. Anyone can make one with another condition, so nothing is taken for granted.
    ///
    /// # Safety
    /// `call` is what the server calls a trigger with.
    unsafe fn read(call: &pg_sys::TriggerData) -> error::Result<Self> {
        // SAFETY: the trigger and the relation belong together.
        unsafe {
            let Some((source, target)) = columns(&*call.tg_trigger) else {
                return Err(Error::NotAutoEmbed.into());
            };
            let table = (*call.tg_relation).rd_id;
            let (source_type, _) = type_of(table, source);
            let source_type = pg_sys::getBaseType(source_type);
            let can_be_embedded = matches!(
                source_type,
                pg_sys::BYTEAOID | pg_sys::OIDOID | pg_sys::TEXTOID | pg_sys::VARCHAROID
            );
            let (target_type, target_modifier) = type_of(table, target);
            if !can_be_embedded || target_type != Vector::type_oid() {
                return Err(Error::NotAutoEmbed.into());
            }
            Ok(Self {
                source,
                source_type,
                target,
                target_modifier,
            })
        }
    }
}

/// Type and type modifier of a column.
///
/// # Safety
/// The table has the column.
unsafe fn type_of(table: pg_sys::Oid, column: i16) -> (pg_sys::Oid, i32) {
    let (mut oid, mut modifier, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: writes to the three.
    unsafe {
        pg_sys::get_atttypetypmodcoll(table, column, &mut oid, &mut modifier, &mut collation);
    }
    (oid, modifier)
}

/// The numbers of a trigger's source and target, from the condition `NEW.source IS NOT NULL OR NEW.target IS NOT NULL`,
/// where the server keeps them, for each partition its own.
///
/// # Safety
/// The trigger is the server's.
pub unsafe fn columns(trigger: &pg_sys::Trigger) -> Option<(i16, i16)> {
    // SAFETY: the condition is a node that the server wrote; every node is looked at as what its tag says.
    unsafe {
        if trigger.tgqual.is_null() || trigger.tgnargs as usize != ARGUMENTS {
            return None;
        }
        let condition: *mut pg_sys::Node = pg_sys::stringToNode(trigger.tgqual).cast();
        if (*condition).type_ != NodeTag::T_BoolExpr {
            return None;
        }
        let tests = (*condition.cast::<pg_sys::BoolExpr>()).args;
        Some((column(tests, 0)?, column(tests, 1)?))
    }
}

/// The number of the table's column that the test at a position of a condition is about.
///
/// # Safety
/// `tests` is a list of expressions.
unsafe fn column(tests: *mut pg_sys::List, position: usize) -> Option<i16> {
    // SAFETY: the contract; the length is checked, and every node looked at as what its tag says.
    unsafe {
        if position >= (*tests).length as usize {
            return None;
        }
        let test: *mut pg_sys::Node = (*(*tests).elements.add(position)).ptr_value.cast();
        if (*test).type_ != NodeTag::T_NullTest {
            return None;
        }
        let tested: *mut pg_sys::Node = (*test.cast::<pg_sys::NullTest>()).arg.cast();
        if (*tested).type_ != NodeTag::T_Var {
            return None;
        }
        Some((*tested.cast::<pg_sys::Var>()).varattno).filter(|&column| column > 0)
    }
}

/// A column of a row: bytea, a type that is stored like text, or the OID of a large object.
struct Value {
    datum: Option<pg_sys::Datum>,
    r#type: pg_sys::Oid,
}

/// What is to be embedded.
enum Content<'a> {
    Text(String),
    Image(&'a [u8]),
}

impl Value {
    /// # Safety
    /// The row is described by `description` and has the columns.
    unsafe fn read(
        row: pg_sys::HeapTuple,
        columns: &Columns,
        description: pg_sys::TupleDesc,
    ) -> Self {
        let mut null = false;
        let column = c_int::from(columns.source);
        // SAFETY: the contract.
        let datum = unsafe { pg_sys::heap_getattr(row, column, description, &mut null) };
        Self {
            datum: (!null).then_some(datum),
            r#type: columns.source_type,
        }
    }

    /// Whether the two are the same. An UPDATE that leaves the column alone is known by what is stored in the row
    /// itself, be it a pointer; only where that differs, and the lengths do not, the contents are read.
    unsafe fn is_same(&self, other: &Self) -> bool {
        let (Some(old), Some(new)) = (self.datum, other.datum) else {
            return self.datum.is_none() && other.datum.is_none();
        };
        if self.r#type == pg_sys::OIDOID {
            return old == new;
        }
        // SAFETY: of the other types every value is a varlena; what is read of them was made by the server.
        unsafe {
            let [stored_old, stored_new] = [old, new].map(|datum| {
                let pointer = datum.cast_mut_ptr::<u8>();
                slice::from_raw_parts(pointer, varsize_any(pointer.cast()))
            });
            stored_old == stored_new
                || pg_sys::toast_raw_datum_size(old) == pg_sys::toast_raw_datum_size(new)
                    && bytes(old) == bytes(new)
        }
    }

    /// What the value holds, read from wherever it is kept.
    unsafe fn content(&self) -> Option<Content<'_>> {
        let datum = self.datum?;
        // SAFETY: the datum is of the type; lo_get takes one OID and returns bytea.
        Some(unsafe {
            match self.r#type {
                pg_sys::OIDOID => {
                    // Sees a large object that the same command has made, as in VALUES (lo_import(…)).
                    pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
                    let function = pg_sys::F_LO_GET_OID;
                    let image = pg_sys::OidFunctionCall1Coll(function, pg_sys::InvalidOid, datum);
                    pg_sys::PopActiveSnapshot();
                    Content::Image(bytes(image))
                }
                pg_sys::BYTEAOID => Content::Image(bytes(datum)),
                _ => Content::Text(to_utf8(bytes(datum))),
            }
        })
    }
}

/// # Safety
/// `datum` is a varlena that lives as long as the result; a copy lives as long as the trigger's call.
unsafe fn bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the contract.
    unsafe { varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr())) }
}

/// The row that a trigger returns.
struct Row(pg_sys::HeapTuple);

impl_sql_translatable!(Row, "trigger");

// SAFETY: a trigger returns a pointer to a row, and never null as SQL knows it.
unsafe impl BoxRet for Row {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: see above.
        unsafe { fcinfo.return_raw_datum(self.0.into()) }
    }
}
