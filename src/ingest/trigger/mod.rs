//! The trigger: BEFORE INSERT OR UPDATE, for each row.
//!
//! Invariant: where it has run, the target is the embedding of the source, or of the part of it that the row names, by the
//! trigger's model, or NULL, or what a statement has set that set nothing else and left both alone, or another trigger; without a source it is NULL. Clients that write
//! whole rows back, as they read them some time ago, neither remove an embedding nor bring an old one back.
//!
//! Large objects are read with the rights of whoever writes the row, or later with those of the table's owner. So what is
//! pending was written by somebody who has these.
//!
//! It runs no SQL on the table and so needs no rights on it.

mod columns;
mod cycle;
mod mark;
mod value;

use crate::{
    error::{self, Returned},
    inference::{embed_part, embed_text},
    ingest::{error::Error, model, queue},
    text::to_utf8,
};
pub use columns::of_trigger;
use pgrx::{
    callconv::{BoxRet, FcInfo},
    datum::Datum,
    pg_sys::{self},
    prelude::*,
};
use std::{
    ffi::{CStr, c_int},
    slice,
};

use columns::{ARGUMENTS, Columns, replicates};
use value::{Content, Subject, Value};

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
        let call: &pg_sys::TriggerData = &*(*fcinfo).context.cast();
        let columns = Columns::of(call, &mut *(*fcinfo).flinfo)?;
        Ok(Row(row(call, columns)?))
    }
}

/// The row to be stored.
///
/// # Safety
/// `call` is what the server calls a trigger with, `columns` are those of the trigger.
unsafe fn row(
    call: &pg_sys::TriggerData,
    columns: &mut Columns,
) -> error::Result<pg_sys::HeapTuple> {
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
    if columns.superseded {
        return Ok(new);
    }
    // SAFETY: the trigger, the relation and the rows belong together and live as long as the call.
    unsafe {
        let relation = &*call.tg_relation;
        let description = relation.rd_att;
        let table = relation.rd_id;
        let arguments = slice::from_raw_parts((*call.tg_trigger).tgargs, ARGUMENTS);
        let [model, mode, sha256] = [0, 1, 2].map(|n| CStr::from_ptr(arguments[n]));
        let (subject, given) = columns.read_row(new, description);
        let source = &subject.source;
        let marked = old.is_some() && given.datum.is_none() && mark::is_marking(table);
        // What the target stays, where the subject was left alone.
        let stays = match old {
            _ if source.datum.is_none() => Some(Value {
                datum: None,
                ..given
            }),
            _ if marked => None,
            None => cycle::has_moved(table, sha256, &subject, &given).then_some(given),
            Some(old) => {
                let (old_subject, old_target) = columns.read_row(old, description);
                old_subject.is_same(&subject).then(|| {
                    let target = keep(call, columns, old_target, given);
                    let class = &*relation.rd_rel;
                    if class.relispartition && class.relkind as u8 == pg_sys::RELKIND_RELATION {
                        cycle::kept(table, columns.target, sha256, &old_subject, &target);
                    }
                    target
                })
            }
        };
        let target = match stays {
            Some(target) => target.datum,
            None if (marked || mode == QUEUE) && may_wait(relation, source) => None,
            None => {
                let target = embed(&subject, columns, model, sha256)?;
                if old.is_none() {
                    let target = Value {
                        datum: target,
                        ..given
                    };
                    cycle::inserted(table, columns.target, target);
                }
                target
            }
        };
        if mode == QUEUE && source.datum.is_some() && target.is_none() {
            queue::tell_at_commit();
        }
        if target == given.datum {
            return Ok(new);
        }
        let mut column = c_int::from(columns.target);
        let mut null = target.is_none();
        let mut value = target.unwrap_or(pg_sys::Datum::null());
        // Nobody looks at what a trigger makes of a row.
        if let Some(domain) = columns.target_domain {
            let context = pg_sys::CurrentMemoryContext;
            pg_sys::domain_check(value, null, domain, std::ptr::null_mut(), context);
        }
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

/// The target of a row whose source an UPDATE leaves alone: the old one, unless another was set on purpose.
///
/// # Safety
/// `call` is what the server calls a trigger with; the two are values of the old and the new row.
unsafe fn keep(
    call: &pg_sys::TriggerData,
    columns: &mut Columns,
    old: Value,
    given: Value,
) -> Value {
    // SAFETY: the rows that the values are of are there during the call, and so is the relation.
    unsafe {
        let relation = &*call.tg_relation;
        if given.is_same(&old) {
            return given;
        }
        if cycle::is_excluded(relation.rd_id, columns.target, &given) {
            return old;
        }
        let (detail, hint) = match (given.datum.is_some(), set_columns(call, columns.target)) {
            (true, SetColumns::More) => (
                "The statement leaves the source alone and sets other columns, as clients do that write whole rows back.",
                "To set a vector by hand, set no other column.",
            ),
            (true, _) => return given,
            (false, SetColumns::Alone) => (
                "Where there is a source, its embedding is not removed.",
                "To have rows embedded again, call clip_mark_pending().",
            ),
            (false, _) => return old,
        };
        columns.tell_once(relation, detail, hint);
        old
    }
}

/// What an UPDATE sets.
enum SetColumns {
    /// A column and no other.
    Alone,
    /// It and others.
    More,
    /// Not it, so that another trigger may have set it.
    Others,
}

/// # Safety
/// `call` is what the server calls a trigger with.
unsafe fn set_columns(call: &pg_sys::TriggerData, column: i16) -> SetColumns {
    let (mut sets_it, mut sets_another) = (false, false);
    // SAFETY: the set is that of columns of the relation, from the lowest number that a column can have.
    unsafe {
        let table = (*call.tg_relation).rd_id;
        let mut member = pg_sys::bms_next_member(call.tg_updatedcols, -1);
        while member >= 0 {
            let set = (member + pg_sys::FirstLowInvalidHeapAttributeNumber) as i16;
            if set == column {
                sets_it = true;
            } else if pg_sys::get_attgenerated(table, set) == 0 {
                sets_another = true;
            }
            member = pg_sys::bms_next_member(call.tg_updatedcols, member);
        }
    }
    match (sets_it, sets_another) {
        (true, false) => SetColumns::Alone,
        (true, true) => SetColumns::More,
        (false, _) => SetColumns::Others,
    }
}

/// Whether a source may be read later, with the rights of the table's owner.
///
/// # Safety
/// The relation is open.
unsafe fn may_wait(relation: &pg_sys::RelationData, source: &Value) -> bool {
    source.r#type != pg_sys::OIDOID
        // SAFETY: an open relation has its row of pg_class; roles are looked up in the catalogs.
        || unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), (*relation.rd_rel).relowner) }
}

/// The embedding of a subject.
///
/// # Safety
/// The subject is of the new row.
unsafe fn embed(
    subject: &Subject,
    columns: &Columns,
    model: &CStr,
    sha256: &CStr,
) -> error::Result<Option<pg_sys::Datum>> {
    // SAFETY: the new row, of which it is a value, is there during the call.
    let Some(content) = (unsafe { subject.source.content() }) else {
        return Ok(None);
    };
    let model = model::of_column(&to_utf8(model.to_bytes()), &sha256.to_string_lossy())?;
    let vector = match content {
        Content::Text(text) => embed_text(&model, &text),
        // SAFETY: as above.
        Content::Image(image) => match unsafe { subject.part() } {
            Ok(part) => embed_part(&model, image, part),
            Err(error) => Err(error.into()),
        },
    };
    match vector {
        // Refused, it would be sent again and again, and nothing after it.
        Err(error) if error.is_of_input() && replicates() => {
            error.warn();
            Ok(None)
        }
        vector => Ok(vector?.with_modifier(columns.target_modifier)?.into_datum()),
    }
}

/// The row that a trigger returns.
struct Row(pg_sys::HeapTuple);

impl_sql_translatable!(Row, "trigger");

// SAFETY: a trigger returns a pointer to a row, and never null as SQL knows it.
unsafe impl BoxRet for Row {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: the server expects a pointer to a row of a trigger function, and knows that it is none of a type.
        unsafe { fcinfo.return_raw_datum(self.0.into()) }
    }
}
