//! What a scan costs, for the planner: what [`planner::cost`] asks, from the server's catalogs, settings and plans.

use graph::effort::{PROBE, beam, fewest, pages_of_directory, visits_before_exact_pass};
use pgrx::{pg_guard, pg_sys};
use planner::cost::{Costs, Index, Prices, Query, Settings, Wanted};

use super::effort::Effort;
use super::filter;
use super::known::{Known, known};
use super::scan::is_exact;
use super::selectivity::{is_another_center, nth};
use crate::guc;

#[pg_guard]
#[allow(clippy::too_many_arguments)] // As the server calls it.
pub unsafe extern "C-unwind" fn estimate(
    root: *mut pg_sys::PlannerInfo,
    path: *mut pg_sys::IndexPath,
    loops: f64,
    startup_cost: *mut pg_sys::Cost,
    total_cost: *mut pg_sys::Cost,
    selectivity: *mut pg_sys::Selectivity,
    correlation: *mut f64,
    pages: *mut f64,
) {
    // SAFETY: the planner calls this with a path that it is about to make, of an index and a table that it has looked up.
    let estimate = unsafe { Estimate::of(root, path, loops) };
    // SAFETY: the planner's own variables.
    unsafe {
        *startup_cost = estimate.startup;
        *total_cost = estimate.total;
        *selectivity = estimate.selectivity;
        *correlation = 0.0;
        *pages = estimate.pages;
    }
}

/// The cost of what a scan cannot do: more than a plan that the server has disabled, and small enough that no sum, product or
/// difference of the planner's is infinite or no number. Such a one, of a sort on top of the scan, compares as the cheapest.
const NEVER: f64 = 1e100;

/// What the planner is told of a scan.
struct Estimate {
    startup: f64,
    total: f64,
    selectivity: f64,
    pages: f64,
}

impl Estimate {
    /// # Safety
    /// Both are of the planner at work, which knows the sizes of the tables by now.
    unsafe fn of(root: *mut pg_sys::PlannerInfo, path: *mut pg_sys::IndexPath, loops: f64) -> Self {
        // SAFETY: the path has its index, as the caller vouches.
        let index = unsafe { &*(*path).indexinfo };
        let pages = f64::from(index.pages);
        // SAFETY: the path is one of the planner's, as the caller vouches.
        if unsafe { cannot_scan(&*path) } {
            #[cfg(not(any(
                feature = "pg14",
                feature = "pg15",
                feature = "pg16",
                feature = "pg17"
            )))]
            // SAFETY: nobody else refers to the path.
            unsafe {
                (*path).path.disabled_nodes += 2;
            }
            return Self {
                startup: NEVER,
                total: NEVER,
                selectivity: 1.0,
                pages,
            };
        }
        #[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
        // SAFETY: the caller vouches for both.
        unsafe {
            add_conditions(root, path);
        }
        let mut generic = pg_sys::GenericCosts::default();
        // SAFETY: what the server's own access methods call, with what they are called with.
        unsafe { pg_sys::genericcostestimate(root, path, loops, &mut generic) };

        // SAFETY: the path is one of the planner's, as the caller vouches.
        let passing = unsafe { passing(root, &*path) };
        // SAFETY: the planner has the index locked, as the caller vouches.
        let (scan, effort) = unsafe { costs(root, index, loops, passing) };
        // SAFETY: the path is one of the planner's, as the caller vouches.
        let path = unsafe { &*path };
        let ordered = !path.indexorderbys.is_null();
        // A scan in the order of another vector than the condition's does not end at its radius.
        // SAFETY: the path is one of the planner's, as the caller vouches.
        let ends = unsafe { is_bounded(path) && !(ordered && is_about_another(path)) };
        let rows = match ends {
            true => nodes(index) * generic.indexSelectivity,
            false => nodes(index) * passing,
        };
        let rows = rows.max(1.0);
        let (startup, total) = if ordered && effort.exact {
            // All of them are put in order before the first.
            (scan.pass(), scan.pass())
        } else if ordered || !is_exact(ordered) {
            let wanted = match ordered {
                // SAFETY: the planner's own state and table, as the caller vouches.
                true => Wanted::by(&unsafe { query(&*root, &*index.rel) }),
                false => Wanted::Some,
            };
            scan.line(rows, wanted)
        } else {
            // Each page is done with before the next.
            (0.0, scan.pass())
        };
        Self {
            // What the vector costs that distances are from: the model runs once.
            startup: startup + generic.indexStartupCost,
            total: total + generic.indexStartupCost,
            selectivity: generic.indexSelectivity,
            pages,
        }
    }
}

/// Adds conditions on filter columns that the planner leaves to the executor. Before PostgreSQL 17 these are `= ANY (…)` in
/// a scan in an order, for all but the first column of an index: a B-tree would lose its order by them. Before 16 they are
/// truth values, which it knows for its own access methods only.
///
/// # Safety
/// Both are of the planner at work, and nobody else has the path yet.
#[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
unsafe fn add_conditions(root: *mut pg_sys::PlannerInfo, path: *mut pg_sys::IndexPath) {
    // SAFETY: the path, its index and their lists are the planner's, of elements as they are taken for. The list of
    // conditions is another path's, too, so that it is a copy that is added to.
    unsafe {
        let index = (*path).indexinfo;
        let ordered = !(*path).indexorderbys.is_null();
        let restrictions = (0..).map_while(|number| nth((*index).indrestrictinfo, number));
        for restriction in restrictions.map(|node| node.cast::<pg_sys::RestrictInfo>()) {
            if (*restriction).pseudoconstant
                || !pg_sys::restriction_is_securely_promotable(restriction, (*index).rel)
                || conditions(&*path).any(|condition| condition.restriction == restriction)
            {
                continue;
            }
            let clause: *mut pg_sys::Node = (*restriction).clause.cast();
            let found = match (*clause).type_ {
                pg_sys::NodeTag::T_ScalarArrayOpExpr if ordered => {
                    let column = column_of_array(root, index, clause.cast());
                    column.map(|column| (column, restriction))
                }
                #[cfg(not(feature = "pg16"))]
                _ => truth_value(root, index, clause),
                #[cfg(feature = "pg16")]
                _ => None,
            };
            let Some((column, condition)) = found else {
                continue;
            };
            let mut added =
                pgrx::PgBox::<pg_sys::IndexClause>::alloc_node(pg_sys::NodeTag::T_IndexClause);
            added.rinfo = restriction;
            added.indexquals = pg_sys::lappend(std::ptr::null_mut(), condition.cast());
            added.indexcol = column as pg_sys::AttrNumber;
            // In the order of the columns, as the planner has them.
            let before = conditions(&*path).take_while(|other| other.column <= column);
            let place = before.count() as i32;
            let list = pg_sys::list_copy((*path).indexclauses);
            (*path).indexclauses = pg_sys::list_insert_nth(list, place, added.into_pg().cast());
        }
    }
}

/// The filter column that a condition is the value of, or its opposite, and a condition that it is true, or false.
///
/// # Safety
/// All are of the planner at work.
#[cfg(any(feature = "pg14", feature = "pg15"))]
unsafe fn truth_value(
    root: *mut pg_sys::PlannerInfo,
    index: *mut pg_sys::IndexOptInfo,
    clause: *mut pg_sys::Node,
) -> Option<(usize, *mut pg_sys::RestrictInfo)> {
    // SAFETY: the expression and the index are the planner's, as the caller vouches; a node of this tag is such an
    // expression, and an opposite has one argument. An index has as many columns as it says.
    unsafe {
        let opposite = (*clause).type_ == pg_sys::NodeTag::T_BoolExpr
            && (*clause.cast::<pg_sys::BoolExpr>()).boolop == pg_sys::BoolExprType::NOT_EXPR;
        let value = match opposite {
            true => nth((*clause.cast::<pg_sys::BoolExpr>()).args, 0)?,
            false => clause,
        };
        let equal = pg_sys::Oid::from(pg_sys::BooleanEqualOperator);
        let column = (1..(*index).nkeycolumns as usize).find(|&column| {
            pg_sys::op_in_opfamily(equal, *(*index).opfamily.add(column))
                && pg_sys::match_index_to_operand(value, column as i32, index)
        })?;
        let condition = pg_sys::make_opclause(
            equal,
            pg_sys::BOOLOID,
            false,
            value.cast(),
            pg_sys::makeBoolConst(!opposite, false).cast(),
            pg_sys::InvalidOid,
            pg_sys::InvalidOid,
        );
        let nothing = std::ptr::null_mut();
        let restriction = pg_sys::make_restrictinfo(
            root, condition, true, false, false, 0, nothing, nothing, nothing,
        );
        Some((column, restriction))
    }
}

/// The filter column that a condition `= ANY (…)` is on, if it is one that the index takes.
///
/// # Safety
/// All are of the planner at work.
#[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
unsafe fn column_of_array(
    root: *mut pg_sys::PlannerInfo,
    index: *mut pg_sys::IndexOptInfo,
    array: *mut pg_sys::ScalarArrayOpExpr,
) -> Option<usize> {
    // SAFETY: the expression and the index are the planner's, as the caller vouches; the first has two arguments, the other
    // as many columns as it says.
    unsafe {
        let (left, right) = (nth((*array).args, 0)?, nth((*array).args, 1)?);
        let table = (*(*index).rel).relid as i32;
        if !(*array).useOr
            || pg_sys::bms_is_member(table, pg_sys::pull_varnos(root, right))
            || pg_sys::contain_volatile_functions(right)
        {
            return None;
        }
        (1..(*index).nkeycolumns as usize).find(|&column| {
            let collation = *(*index).indexcollations.add(column);
            pg_sys::match_index_to_operand(left, column as i32, index)
                && (collation == pg_sys::InvalidOid || collation == (*array).inputcollid)
                && pg_sys::op_in_opfamily((*array).opno, *(*index).opfamily.add(column))
        })
    }
}

/// Whether the planner offers what a scan cannot do: the order of several distances, or none and no condition on the
/// vector, where rows can be had from the table, or to find what is NULL.
///
/// # Safety
/// The path is one of the planner at work.
unsafe fn cannot_scan(path: &pg_sys::IndexPath) -> bool {
    // SAFETY: a list of the planner's or null.
    let orders = unsafe { path.indexorderbys.as_ref() }.map_or(0, |orders| orders.length);
    // SAFETY: the path is one of the planner's, as the caller vouches.
    unsafe { orders > 1 || orders == 0 && !is_bounded(path) || looks_for_null(path) }
}

/// Whether there is a condition on the vector that the index itself keeps to.
///
/// # Safety
/// The path is one of the planner at work.
unsafe fn is_bounded(path: &pg_sys::IndexPath) -> bool {
    // SAFETY: the path is one of the planner's, as the caller vouches.
    let mut conditions = unsafe { conditions(path) };
    conditions.any(|Condition { column, clause, .. }| {
        // SAFETY: a node of the planner's.
        column == 0 && unsafe { (*clause).type_ } != pg_sys::NodeTag::T_NullTest
    })
}

/// Whether there is a condition that the vector is NULL.
///
/// # Safety
/// The path is one of the planner at work.
unsafe fn looks_for_null(path: &pg_sys::IndexPath) -> bool {
    // SAFETY: the path is one of the planner's, as the caller vouches.
    let mut conditions = unsafe { conditions(path) };
    conditions.any(|Condition { column, clause, .. }| {
        // SAFETY: a node of the planner's; one of this tag is such a test.
        column == 0
            && unsafe {
                (*clause).type_ == pg_sys::NodeTag::T_NullTest
                    && (*clause.cast::<pg_sys::NullTest>()).nulltesttype
                        == pg_sys::NullTestType::IS_NULL
            }
    })
}

/// A condition of an index scan.
struct Condition {
    /// The column of the index, from 0.
    column: usize,
    restriction: *mut pg_sys::RestrictInfo,
    clause: *mut pg_sys::Node,
}

/// The conditions of a path.
///
/// # Safety
/// The path is one of the planner at work.
unsafe fn conditions(path: &pg_sys::IndexPath) -> impl Iterator<Item = Condition> {
    (0..).map_while(|number| {
        // SAFETY: a list of the planner's or null, of index clauses, each of which has its restriction.
        unsafe {
            let clause = nth(path.indexclauses, number)?.cast::<pg_sys::IndexClause>();
            Some(Condition {
                column: (*clause).indexcol as usize,
                restriction: (*clause).rinfo,
                clause: (*(*clause).rinfo).clause.cast(),
            })
        }
    })
}

/// The share of an index's rows that pass the conditions on its filter columns, as far as they narrow the scan.
///
/// # Safety
/// Both are of the planner at work.
unsafe fn passing(root: *mut pg_sys::PlannerInfo, path: &pg_sys::IndexPath) -> f64 {
    // SAFETY: the path and its index are the planner's, which has as many columns as it says; a restriction is what the
    // server estimates the selectivity of.
    unsafe {
        let index = &*path.indexinfo;
        let mut list: *mut pg_sys::List = std::ptr::null_mut();
        for condition in conditions(path) {
            if condition.column > 0 && narrows(index, &condition) {
                list = pg_sys::lappend(list, condition.restriction.cast());
            }
        }
        let relation = (*index.rel).relid as i32;
        let share = pg_sys::clauselist_selectivity(
            root,
            list,
            relation,
            pg_sys::JoinType::JOIN_INNER,
            std::ptr::null_mut(),
        );
        pg_sys::list_free(list);
        share.clamp(1.0 / nodes(index), 1.0)
    }
}

/// Whether a condition on a filter column is one that words can decide.
///
/// # Safety
/// Both are of the planner at work.
unsafe fn narrows(index: &pg_sys::IndexOptInfo, condition: &Condition) -> bool {
    // SAFETY: expressions of the planner's; what has one of these tags is that. The index has as many columns.
    unsafe {
        let operator = match (*condition.clause).type_ {
            pg_sys::NodeTag::T_OpExpr => (*condition.clause.cast::<pg_sys::OpExpr>()).opno,
            pg_sys::NodeTag::T_ScalarArrayOpExpr => {
                (*condition.clause.cast::<pg_sys::ScalarArrayOpExpr>()).opno
            }
            _ => return true,
        };
        let family = *index.opfamily.add(condition.column);
        let mut strategy = pg_sys::get_op_opfamily_strategy(operator, family);
        if strategy == 0 {
            strategy = pg_sys::get_op_opfamily_strategy(pg_sys::get_commutator(operator), family);
        }
        let r#type = *index.opcintype.add(condition.column);
        let collation = *index.indexcollations.add(condition.column);
        filter::narrows(strategy as u16, r#type, collation)
    }
}

/// Whether all conditions are known to be about another vector than the order.
///
/// # Safety
/// The path is one of the planner at work.
unsafe fn is_about_another(path: &pg_sys::IndexPath) -> bool {
    let right = |node: *mut pg_sys::Node| {
        // SAFETY: expressions of the planner's; one of this tag is an operator with its list of arguments.
        unsafe {
            match (*node).type_ {
                pg_sys::NodeTag::T_OpExpr => nth((*node.cast::<pg_sys::OpExpr>()).args, 1),
                _ => None,
            }
        }
    };
    // SAFETY: a list of the planner's or null.
    let order = unsafe { nth(path.indexorderbys, 0) };
    let Some(vector) = order.and_then(right) else {
        return false;
    };
    // SAFETY: the path is one of the planner's, as the caller vouches.
    let mut balls = unsafe { conditions(path) }
        .filter(|condition| condition.column == 0)
        .filter_map(|condition| right(condition.clause));
    balls
        // SAFETY: the operators on the vector have vectors and balls for arguments.
        .all(|ball| unsafe { is_another_center(ball, vector) })
}

/// What the query, or one that it is part of, says of the rows that it takes.
///
/// The planner's `limit_tuples` is for a sort at the top of the query: it is unknown to window functions, to set-
/// returning functions among the results, and within a query that a `LIMIT` is around. `tuple_fraction` is what all
/// of these pass on.
///
/// # Safety
/// Both are of the planner at work, which knows the sizes of the tables by now.
unsafe fn query(root: &pg_sys::PlannerInfo, rel: &pg_sys::RelOptInfo) -> Query {
    // SAFETY: the planner's state has its query.
    let query = unsafe { &*root.parse };
    Query {
        fraction: root.tuple_fraction,
        // SAFETY: the caller vouches for the planner.
        limited: unsafe { is_limited(root) },
        grouped: query.hasAggs
            || root.hasHavingQual
            || !query.groupClause.is_null()
            || !query.groupingSets.is_null(),
        // SAFETY: the caller vouches for the planner, which knows the sizes.
        results: unsafe { results(root, rel) },
        filtered: rel.rows / rel.tuples.max(1.0),
    }
}

/// Whether the query has a `LIMIT` that is not NULL, or is part of one that has. Only the latter know where the rows end
/// that this one is asked for.
///
/// # Safety
/// `root` is a state of the planner at work.
unsafe fn is_limited(root: &pg_sys::PlannerInfo) -> bool {
    let mut next: *const pg_sys::PlannerInfo = root;
    // SAFETY: the planner's states of a query and of those that it is part of are there while it plans; the first of them
    // has no parent.
    while let Some(root) = unsafe { next.as_ref() } {
        // SAFETY: each state has its query, whose limit is an expression or null.
        if let Some(limit) = unsafe { (*root.parse).limitCount.as_ref() } {
            let is_null = limit.type_ == pg_sys::NodeTag::T_Const
                // SAFETY: a node of this tag is a constant.
                && unsafe { (*std::ptr::from_ref(limit).cast::<pg_sys::Const>()).constisnull };
            if !is_null {
                return true;
            }
        }
        next = root.parent_root;
    }
    false
}

/// Rows of the query's joined tables, as far as it can be told before they are joined: those that the filters on `rel`
/// leave, all partitions together, and of these what the filters on the other tables leave, as though each of its rows
/// belonged to one of theirs.
///
/// # Safety
/// Both are of the planner at work, which knows the sizes of the tables by now.
unsafe fn results(root: &pg_sys::PlannerInfo, rel: &pg_sys::RelOptInfo) -> f64 {
    let count = usize::try_from(root.simple_rel_array_size).unwrap_or(0);
    // SAFETY: the planner has filled the array, of as many elements, before it looks for paths.
    let tables = unsafe { std::slice::from_raw_parts(root.simple_rel_array, count) };
    let own = match rel.top_parent_relids.is_null() {
        true => rel.relid as usize,
        // SAFETY: a set of the planner's that is not null has a member.
        false => unsafe { pg_sys::bms_next_member(rel.top_parent_relids, -1) as usize },
    };
    let mut results = 1.0;
    for (number, &table) in tables.iter().enumerate() {
        // SAFETY: an element is a table of the planner's or null.
        let Some(table) = (unsafe { table.as_ref() }) else {
            continue;
        };
        if number == own {
            results *= table.rows;
        } else if table.reloptkind == pg_sys::RelOptKind::RELOPT_BASEREL && table.tuples > 0.0 {
            results *= (table.rows / table.tuples).min(1.0);
        }
    }
    results.max(1.0)
}

/// Nodes of an index, taken to be as many as rows.
fn nodes(index: &pg_sys::IndexOptInfo) -> f64 {
    index.tuples.max(1.0)
}

/// What scans of an index cost, made so many times over, with a filter that such a share of the rows passes; and how hard
/// they look.
///
/// # Safety
/// Both are of the planner at work, which has the index locked.
unsafe fn costs(
    root: *mut pg_sys::PlannerInfo,
    index: &pg_sys::IndexOptInfo,
    loops: f64,
    passing: f64,
) -> (Costs<impl Fn(f64) -> f64>, Effort) {
    // SAFETY: the caller vouches for the index.
    let Known {
        shape,
        dimensions,
        effort,
        summarized,
    } = unsafe { known(index) };
    let listed = shape.map_or(1, |shape| shape.listed());
    let (mut random_page, mut next_page) = (0.0, 0.0);
    // SAFETY: the server writes to both.
    unsafe {
        pg_sys::get_tablespace_page_costs(index.reltablespace, &mut random_page, &mut next_page);
    }
    // SAFETY: settings of this process, whose one thread this is.
    let (operator, tuple) = unsafe { (pg_sys::cpu_operator_cost, pg_sys::cpu_index_tuple_cost) };
    let (nodes, pages) = (nodes(index), index.pages);
    // Pages that are read again, also by another scan, may be cached by then.
    let pages_read = move |visits: f64| {
        // SAFETY: the planner is at work as long as its costs are asked for.
        let read =
            unsafe { pg_sys::index_pages_fetched(visits * loops, pages, f64::from(pages), root) };
        read / loops
    };
    let index = Index {
        nodes,
        pages: f64::from(pages),
        dimensions,
        neighbour_bytes: shape.map_or(0, |shape| shape.degree * shape.code_bytes),
        visits_before_pass: visits_before_exact_pass(nodes),
        passing,
        beam: match passing < 1.0 {
            true => beam(effort.ef, passing, fewest(nodes)),
            false => 2 * effort.ef,
        } as f64,
        listed_pages: nodes / listed as f64,
        first_listed_pages: pages_of_directory(nodes, summarized, listed),
        visits_before_list: PROBE as f64,
        code_bytes: shape.map_or(0, |shape| shape.code_bytes),
    };
    let prices = Prices {
        random_page,
        next_page,
        operator,
        tuple,
    };
    let settings = Settings {
        ef_search: effort.ef,
        max_scan_tuples: guc::max_scan_tuples(),
        exact_fallback: guc::exact_fallback(),
    };
    (Costs::new(index, prices, settings, pages_read), effort)
}
