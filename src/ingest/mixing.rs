//! Warns where a query compares vectors of two models, which means nothing, whatever their dimensions.
//!
//! A vector does not say which model it is by. But while a query is planned it shows where one comes from: a column
//! that `clip_auto_embed` keeps current or that is generated, or a call of an embedding function. A model that comes
//! as a parameter, or a vector that does, is not known, and no warning says nothing.

use super::{
    nodes::{cast, nth},
    trigger,
};
use crate::{
    guc, message, model,
    text::{Text, to_utf8},
};
use pgrx::{
    FromDatum, Internal, PgLogLevel, PgRelation, PgSqlErrorCode,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};
use std::{cell::Cell, ffi::CStr};

thread_local! {
    /// Start of the statement that was warned about.
    static WARNED: Cell<i64> = const { Cell::new(0) };
}

/// Support function of the functions that compare two vectors; simplifies nothing.
#[pg_extern(sql = false)]
fn distance_support(request: Internal) -> Internal {
    if let Some(request) = request.unwrap() {
        // SAFETY: the planner calls a support function with a node, and a request to simplify with a function call, which
        // may lack what it is part of.
        unsafe {
            if let Some(request) = cast::<pg_sys::SupportRequestSimplify>(request.cast_mut_ptr())
                && let Some(root) = request.root.as_ref()
            {
                check(root, (*request.fcall).args);
            }
        }
    }
    Internal::from(Some(pg_sys::Datum::null()))
}

/// # Safety
/// The planner is at work on the query of `root`, and on the arguments of a call in it.
unsafe fn check(root: &pg_sys::PlannerInfo, arguments: *mut pg_sys::List) {
    // SAFETY: what is being planned is there, the query and the list of arguments, which are expressions of the query.
    let [one, other] = unsafe {
        let scope = Scope {
            query: &*root.parse,
            outer: Outer::Planned(root.parent_root),
        };
        [0, 1].map(|n| nth(arguments, n).and_then(|node| scope.model_of(node)))
    };
    let (Some(one), Some(other)) = (one, other) else {
        return;
    };
    // SAFETY: reads a variable of this process.
    let statement = unsafe { pg_sys::GetCurrentStatementStartTimestamp() };
    if is_same(&one, &other) || WARNED.replace(statement) == statement {
        return;
    }
    let message = format!("comparing vectors of the models \"{one}\" and \"{other}\"");
    let code = PgSqlErrorCode::ERRCODE_WARNING;
    let report = ErrorReport::new(code, message, "")
        .set_hint("Their distance means nothing. A query should be embedded by the model of the column, which clip_column_model() tells.");
    message::tell(PgLogLevel::WARNING, code, &report);
}

/// Whether two names stand for one model. What cannot be found out is none of this module's business.
fn is_same(one: &str, other: &str) -> bool {
    let identity = |name| match model::find(name) {
        Ok(Some(model)) => Some(model.manifest.identity.clone()),
        _ => None,
    };
    one == other
        || match (identity(one), identity(other)) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
}

/// A query and those that it is part of.
struct Scope<'a> {
    query: &'a pg_sys::Query,
    outer: Outer<'a>,
}

#[derive(Clone, Copy)]
enum Outer<'a> {
    /// A query that is being planned, null for none.
    Planned(*mut pg_sys::PlannerInfo),
    /// The query that a subquery in an expression belongs to.
    Scope(&'a Scope<'a>),
}

impl Scope<'_> {
    /// The model that an expression's vector is by, if that can be told.
    ///
    /// # Safety
    /// `node` is an expression of the query, which the planner is at work on.
    unsafe fn model_of(&self, node: *mut pg_sys::Node) -> Option<String> {
        // SAFETY: the planner changes no expression meanwhile; what a node has below it are nodes of the same query, but for
        // a sublink, which has a query of its own.
        unsafe {
            if let Some(call) = cast(node) {
                return model_of_call(call);
            }
            if let Some(variable) = cast(node) {
                return self.model_of_variable(variable);
            }
            // A column of a domain.
            if let Some(relabel) = cast::<pg_sys::RelabelType>(node) {
                return self.model_of(relabel.arg.cast());
            }
            let sublink = cast::<pg_sys::SubLink>(node)?;
            let select = sublink.subselect.cast::<pg_sys::Query>().as_ref()?;
            if sublink.subLinkType != pg_sys::SubLinkType::EXPR_SUBLINK {
                return None;
            }
            let entry = nth(select.targetList, 0)?.cast::<pg_sys::TargetEntry>();
            let scope = Scope {
                query: select,
                outer: Outer::Scope(self),
            };
            scope.model_of((*entry).expr.cast())
        }
    }

    /// The model of a column of what a query reads from.
    ///
    /// # Safety
    /// The variable is of an expression of the query, which the planner is at work on.
    unsafe fn model_of_variable(&self, variable: &pg_sys::Var) -> Option<String> {
        // SAFETY: queries around one that is planned are there as long as that; what is in a range table are entries, which
        // say themselves what they are of.
        unsafe {
            let mut outer = Outer::Scope(self);
            for _ in 0..variable.varlevelsup {
                outer = match outer {
                    Outer::Scope(scope) => scope.outer,
                    Outer::Planned(root) => Outer::Planned(root.as_ref()?.parent_root),
                };
            }
            let scope = match outer {
                Outer::Scope(scope) => scope,
                Outer::Planned(root) => {
                    let root = root.as_ref()?;
                    &Scope {
                        query: &*root.parse,
                        outer: Outer::Planned(root.parent_root),
                    }
                }
            };
            let number = usize::try_from(variable.varno).ok()?.checked_sub(1)?;
            let entry = nth(scope.query.rtable, number)?.cast::<pg_sys::RangeTblEntry>();
            match (*entry).rtekind {
                // A constraint is simplified before its variables are given their number in the query: what has theirs
                // is another table.
                pg_sys::RTEKind::RTE_RELATION
                    if pg_sys::get_atttype((*entry).relid, variable.varattno)
                        == variable.vartype =>
                {
                    model_of_column((*entry).relid, variable.varattno)
                }
                pg_sys::RTEKind::RTE_FUNCTION => {
                    let function = nth((*entry).functions, 0)?.cast::<pg_sys::RangeTblFunction>();
                    scope.model_of((*function).funcexpr)
                }
                _ => None,
            }
        }
    }
}

/// The model of a table's column.
///
/// # Safety
/// The table is locked, as one in a query that is planned is.
unsafe fn model_of_column(table: pg_sys::Oid, column: i16) -> Option<String> {
    // SAFETY: a table that is locked can be opened, and is closed again when it is dropped; its triggers are as many as it
    // says, and the first argument of one of this extension's is a string.
    unsafe {
        let relation = PgRelation::open(table);
        let mut known = None;
        if let Some(triggers) = relation.trigdesc.as_ref() {
            for n in 0..triggers.numtriggers as usize {
                let trigger = &*triggers.triggers.add(n);
                let columns = trigger::of_trigger(trigger);
                if columns.is_some_and(|columns| columns.target == column)
                    && is_own(trigger.tgfoid, c"auto_embed")
                {
                    let model = CStr::from_ptr((*trigger.tgargs).cast());
                    known = Some(to_utf8(model.to_bytes()));
                    // The trigger of the table that this one is a partition of counts.
                    if trigger.tgisclone {
                        break;
                    }
                }
            }
        }
        if known.is_some() {
            return known;
        }
        if pg_sys::get_attgenerated(table, column) == 0 {
            return None;
        }
        let expression = pg_sys::build_column_default(relation.as_ptr(), column.into());
        model_of_call(cast(expression)?)
    }
}

/// The model that a function call embeds by, if it is one of an embedding function.
///
/// # Safety
/// `call` is an expression of the planner's.
unsafe fn model_of_call(call: &pg_sys::FuncExpr) -> Option<String> {
    use pg_sys::CoercionForm::{COERCE_EXPLICIT_CAST, COERCE_IMPLICIT_CAST};
    if matches!(call.funcformat, COERCE_EXPLICIT_CAST | COERCE_IMPLICIT_CAST) {
        // To the dimensions of a column.
        // SAFETY: arguments of a call are a list of expressions.
        return unsafe { model_of_call(cast(nth(call.args, 0)?)?) };
    }
    // SAFETY: while a query is planned the catalogs can be read.
    let embeds = |name| unsafe { is_own(call.funcid, name) };
    let position = if embeds(c"clip_embed_text") || embeds(c"clip_embed_image") {
        1
    } else if embeds(c"clip_query") {
        7
    } else {
        return None;
    };
    // SAFETY: arguments of a call are a list of expressions. One that is a constant is a text, or NULL, as the function has
    // it declared.
    unsafe {
        let Some(argument) = model_argument(call.args, position) else {
            return Some(guc::model());
        };
        let constant: &pg_sys::Const = cast(argument)?;
        let name = Text::from_datum(constant.constvalue, constant.constisnull);
        Some(name.map_or_else(guc::model, |name| name.as_str().to_owned()))
    }
}

/// The argument `model` of a call, by its place or, where the call is not planned yet, by its name.
///
/// # Safety
/// `arguments` are those of a call.
unsafe fn model_argument(
    arguments: *mut pg_sys::List,
    position: usize,
) -> Option<*mut pg_sys::Node> {
    // SAFETY: arguments are a list of expressions, and the name of one that has a name is a string.
    unsafe {
        let count = arguments.as_ref()?.length as usize;
        (0..count).find_map(|n| {
            let argument = nth(arguments, n)?;
            match cast::<pg_sys::NamedArgExpr>(argument) {
                Some(named) => (CStr::from_ptr(named.name) == c"model").then_some(named.arg.cast()),
                None => (n == position).then_some(argument),
            }
        })
    }
}

/// Whether a function is this extension's of that name.
///
/// # Safety
/// To be called where the catalogs can be read.
unsafe fn is_own(function: pg_sys::Oid, name: &CStr) -> bool {
    // SAFETY: the catalogs are read; the server returns a C string or null.
    unsafe {
        let known = pg_sys::get_func_name(function);
        !known.is_null()
            && CStr::from_ptr(known) == name
            && pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function)
                == pg_sys::get_extension_oid(c"clip_pg".as_ptr(), true)
    }
}
