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
    // SAFETY: the planner calls a support function with a node and expects it back, or NULL for no answer.
    let answer = request.unwrap().and_then(|datum| unsafe {
        let node: *mut pg_sys::Node = datum.cast_mut_ptr();
        if (*node).type_ != pg_sys::NodeTag::T_SupportRequestCost {
            return None;
        }
        charge_once(&mut *node.cast::<pg_sys::SupportRequestCost>()).then_some(datum)
    });
    Internal::from(Some(answer.unwrap_or(pg_sys::Datum::null())))
}

/// Charges the function's COST as start-up cost; returns false where its arguments differ between rows.
///
/// # Safety
/// The request comes from the planner.
unsafe fn charge_once(request: &mut pg_sys::SupportRequestCost) -> bool {
    // SAFETY: the node, where there is one, is the expression to be planned; FuncExpr is checked for.
    unsafe {
        if request.node.is_null() || (*request.node).type_ != pg_sys::NodeTag::T_FuncExpr {
            return false;
        }
        let arguments: *mut pg_sys::Node = (*request.node.cast::<pg_sys::FuncExpr>()).args.cast();
        if pg_sys::contain_var_clause(arguments) || pg_sys::contain_volatile_functions(arguments) {
            return false;
        }
        let Some(function) = PgProc::new(request.funcid) else {
            return false;
        };
        request.startup = f64::from(function.procost()) * pg_sys::cpu_operator_cost;
        request.per_tuple = pg_sys::cpu_operator_cost;
    }
    true
}
