//! The trigger: BEFORE INSERT OR UPDATE, for each row.
//!
//! Invariant: where it has run, the target is the embedding of the source by the trigger's model, or NULL, or what a
//! statement has set that set nothing else and left the source alone, or another trigger; without a source it is NULL. Clients that write
//! whole rows back, as they read them some time ago, neither remove an embedding nor bring an old one back.
//!
//! Large objects are read with the rights of whoever writes the row, or later with those of the table's owner. So what is
//! pending was written by somebody who has these.
//!
//! It runs no SQL on the table and so needs no rights on it.

mod cycle;
mod mark;
mod value;

use crate::{
    error::{self, Returned},
    inference::{embed_image, embed_text},
    ingest::{error::Error, model, queue},
    message,
    role::As,
    sql,
    text::{Text, to_utf8},
    vector::{Vector, base_type},
};
use pgrx::{
    PgLogLevel, PgSqlErrorCode,
    callconv::{BoxRet, FcInfo},
    datum::Datum,
    pg_sys::{self, NodeTag, panic::ErrorReport},
    prelude::*,
};
use std::{
    ffi::{CStr, c_int},
    slice,
};
use value::{Content, Value};

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
        let (source, given) = columns.read_row(new, description);
        let marked = old.is_some() && given.datum.is_none() && mark::is_marking(table);
        // What the target stays, where the source was left alone.
        let stays = match old {
            _ if source.datum.is_none() => Some(Value {
                datum: None,
                ..given
            }),
            _ if marked => None,
            None => cycle::has_moved(table, sha256, &source, &given).then_some(given),
            Some(old) => {
                let (old_source, old_target) = columns.read_row(old, description);
                old_source.is_same(&source).then(|| {
                    let target = keep(call, columns, old_target, given);
                    let class = &*relation.rd_rel;
                    if class.relispartition && class.relkind as u8 == pg_sys::RELKIND_RELATION {
                        cycle::kept(table, columns.target, sha256, &old_source, &target);
                    }
                    target
                })
            }
        };
        let target = match stays {
            Some(target) => target.datum,
            None if (marked || mode == QUEUE) && may_wait(relation, &source) => None,
            None => {
                let target = embed(&source, columns, model, sha256)?;
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
    // SAFETY: the contract.
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
    // SAFETY: the contract.
    source.r#type != pg_sys::OIDOID
        || unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), (*relation.rd_rel).relowner) }
}

/// The embedding of a source.
///
/// # Safety
/// The source is a value of the new row.
unsafe fn embed(
    source: &Value,
    columns: &Columns,
    model: &CStr,
    sha256: &CStr,
) -> error::Result<Option<pg_sys::Datum>> {
    // SAFETY: the contract.
    let Some(content) = (unsafe { source.content() }) else {
        return Ok(None);
    };
    let model = model::of_column(&to_utf8(model.to_bytes()), &sha256.to_string_lossy())?;
    let vector = match content {
        Content::Text(text) => embed_text(&model, &text),
        Content::Image(image) => embed_image(&model, image),
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

/// Whether changes of another server are being applied.
fn replicates() -> bool {
    // SAFETY: reads a variable of this process.
    unsafe { pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int }
}

/// The columns that a trigger is about, and what else is known of it during a statement.
struct Columns {
    source: i16,
    source_type: pg_sys::Oid,
    target: i16,
    target_type: pg_sys::Oid,
    target_modifier: i32,
    /// Whether the trigger of a table that this one has become a partition of is about the same target.
    superseded: bool,
    /// Whether the statement has been warned.
    told: bool,
    /// The target's type, if it is a domain, which may have conditions.
    target_domain: Option<pg_sys::Oid>,
}

impl Columns {
    /// Those of the trigger that is called. They are found out once per statement: `function` keeps them.
    ///
    /// # Safety
    /// Both are what the server calls a trigger with.
    unsafe fn of<'a>(
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
        // SAFETY: the trigger and the relation belong together.
        unsafe {
            let Some((source, target)) = columns(&*call.tg_trigger) else {
                return Err(Error::NotAutoEmbed.into());
            };
            let table = (*call.tg_relation).rd_id;
            let (source_type, modifier) = type_of(table, source);
            let (source_type, _) = base_type(source_type, modifier);
            let can_be_embedded = matches!(
                source_type,
                pg_sys::BYTEAOID | pg_sys::OIDOID | pg_sys::TEXTOID | pg_sys::VARCHAROID
            );
            let (own_type, modifier) = type_of(table, target);
            let (target_type, target_modifier) = base_type(own_type, modifier);
            if !can_be_embedded || target_type != Vector::type_oid() {
                return Err(Error::NotAutoEmbed.into());
            }
            Ok(Self {
                source,
                source_type,
                target,
                target_type,
                target_modifier,
                superseded: is_superseded(call, target)?,
                told: false,
                target_domain: (own_type != target_type).then_some(own_type),
            })
        }
    }

    /// Source and target of a row.
    ///
    /// # Safety
    /// The row is described by `description`, that of the table.
    unsafe fn read_row(
        &self,
        row: pg_sys::HeapTuple,
        description: pg_sys::TupleDesc,
    ) -> (Value, Value) {
        // SAFETY: the contract.
        unsafe {
            (
                Value::read(row, self.source, self.source_type, description),
                Value::read(row, self.target, self.target_type, description),
            )
        }
    }

    /// Says once in a statement that the target was kept. Nobody who could do otherwise reads what applying changes of
    /// another server has to say.
    ///
    /// # Safety
    /// The relation is the trigger's.
    unsafe fn tell_once(&mut self, relation: &pg_sys::RelationData, detail: &str, hint: &str) {
        if self.told || replicates() {
            return;
        }
        self.told = true;
        // SAFETY: the contract; strings are the server's.
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
            .filter(|other| columns(other).is_some_and(|(_, column)| column == target))
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
