//! What an embedding costs, for the planner.
//!
//! Running a model takes milliseconds, and a function that takes milliseconds for each row of a table makes any plan
//! good that calls it for fewer rows. But where no argument holds a column, the model runs once: for the other
//! rows the [memo](crate::inference) answers.

use pgrx::{Internal, pg_catalog::pg_proc::PgProc, pg_sys, prelude::*};

/// Support function of the functions that run models.
///
/// Answers requests for the cost of a call whose arguments are the same for all rows; the planner itself charges the
/// others by the function's COST.
#[pg_extern(immutable, strict, parallel_safe)]
fn clip_embed_support(request: Internal) -> Internal {
    let answer = request.unwrap().filter(|datum| {
        let node: *mut pg_sys::Node = datum.cast_mut_ptr();
        // SAFETY: the planner calls a support function with a node of its own, whose tag tells the type.
        let request: &mut pg_sys::SupportRequestCost = unsafe {
            match (*node).type_ {
                pg_sys::NodeTag::T_SupportRequestCost => &mut *node.cast(),
                _ => return false,
            }
        };
        charge_once(request)
    });
    // The node, or NULL for no answer.
    Internal::from(Some(answer.unwrap_or(pg_sys::Datum::null())))
}

/// Charges the function's COST as start-up cost; returns false where its arguments differ between rows.
fn charge_once(request: &mut pg_sys::SupportRequestCost) -> bool {
    // SAFETY: the planner's node, where there is one, is the expression to be planned; with this tag it is a call.
    let arguments: *mut pg_sys::Node = unsafe {
        match request.node.as_ref() {
            Some(node) if node.type_ == pg_sys::NodeTag::T_FuncExpr => {
                (*request.node.cast::<pg_sys::FuncExpr>()).args.cast()
            }
            _ => return false,
        }
    };
    // SAFETY: both only read an expression, here the list of the call's arguments.
    let differ = unsafe {
        pg_sys::contain_var_clause(arguments) || pg_sys::contain_volatile_functions(arguments)
    };
    let Some(function) = PgProc::new(request.funcid).filter(|_| !differ) else {
        return false;
    };
    // SAFETY: reads a setting of this process.
    let operator = unsafe { pg_sys::cpu_operator_cost };
    request.startup = f64::from(function.procost()) * operator;
    request.per_tuple = operator;
    true
}
