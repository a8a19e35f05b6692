//! The trigger: BEFORE INSERT OR UPDATE, for each row.
//!
//! Invariant: where it has run, the target is the embedding of the source by the trigger's model, or NULL. It runs no
//! SQL and so needs no rights on the table.

use super::Error;
use crate::{
    embed::{embed_image, embed_text, to_utf8},
    error::{self, Returned},
    model,
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

/// The trigger function. The conditions and arguments of the trigger are written by `clip_auto_embed`.
#[pg_extern(sql = false)]
fn auto_embed(fcinfo: pg_sys::FunctionCallInfo) -> Returned<Row> {
    // SAFETY: the server calls it with arguments, and where it is called as a trigger, with what that needs.
    unsafe {
        if !pgrx::trigger_support::called_as_trigger(fcinfo) {
            return Err(error::Error::from(Error::NotAutoEmbed).into());
        }
        Ok(Row(row(&*(*fcinfo).context.cast())?))
    }
}

/// The row to be stored.
///
/// # Safety
/// `call` is what the server calls a trigger with.
unsafe fn row(call: &pg_sys::TriggerData) -> error::Result<pg_sys::HeapTuple> {
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
        let definition = Definition::of(&*call.tg_trigger)?;
        let description = (*call.tg_relation).rd_att;
        let source = Value::read(new, definition.source, description);
        if let Some(old) = old
            && Value::read(old, definition.source, description).is_same(&source)
        {
            return Ok(new);
        }
        let target = match source.content() {
            Some(content) if definition.mode != QUEUE => {
                let model = model::resolve(Some(&to_utf8(definition.model.to_bytes())))?;
                let vector = match content {
                    Content::Text(text) => embed_text(&model, &text)?,
                    Content::Image(image) => embed_image(&model, image)?,
                };
                vector.into_datum()
            }
            _ => None,
        };
        let mut column = c_int::from(definition.target);
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

/// What `clip_auto_embed` wrote into a trigger.
struct Definition<'a> {
    source: i16,
    target: i16,
    model: &'a CStr,
    mode: &'a CStr,
}

impl<'a> Definition<'a> {
    /// Reads the columns from the condition `NEW.source IS NOT NULL OR NEW.target IS NOT NULL`, where the server keeps
    /// them by number, for each partition its own.
    ///
    /// # Safety
    /// The trigger is the server's.
    unsafe fn of(trigger: &'a pg_sys::Trigger) -> error::Result<Self> {
        // SAFETY: the condition is a node that the server wrote, the arguments are as many strings as it says. Every
        // node is looked at as what its tag says.
        unsafe {
            if trigger.tgqual.is_null() || trigger.tgnargs != 2 {
                return Err(Error::NotAutoEmbed.into());
            }
            let condition: *mut pg_sys::Node = pg_sys::stringToNode(trigger.tgqual).cast();
            if (*condition).type_ != NodeTag::T_BoolExpr {
                return Err(Error::NotAutoEmbed.into());
            }
            let tests = (*condition.cast::<pg_sys::BoolExpr>()).args;
            let [source, target] = [0, 1].map(|position| column(tests, position));
            let (Some(source), Some(target)) = (source, target) else {
                return Err(Error::NotAutoEmbed.into());
            };
            let arguments = slice::from_raw_parts(trigger.tgargs, 2);
            Ok(Self {
                source,
                target,
                model: CStr::from_ptr(arguments[0]),
                mode: CStr::from_ptr(arguments[1]),
            })
        }
    }
}

/// The number of the column that the test at a position of a condition is about.
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
        ((*tested).type_ == NodeTag::T_Var).then(|| (*tested.cast::<pg_sys::Var>()).varattno)
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
    /// The row is described by `description` and has the column.
    unsafe fn read(row: pg_sys::HeapTuple, column: i16, description: pg_sys::TupleDesc) -> Self {
        let mut null = false;
        // SAFETY: the contract.
        unsafe {
            let datum = pg_sys::heap_getattr(row, column.into(), description, &mut null);
            Self {
                datum: (!null).then_some(datum),
                r#type: pg_sys::getBaseType(pg_sys::SPI_gettypeid(description, column.into())),
            }
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
