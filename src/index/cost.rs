//! What a scan costs, for the planner.
//!
//! A scan in an order visits a node of the graph for each row that it returns and more on its way there; each is a page,
//! read at random, an exact distance and an estimate of the distance to each neighbour. When it has visited so many that
//! a pass over the whole index costs no more, it makes one. So the first rows are cheap, some thousand are dear, and
//! there is a bound to what all of them cost. The planner knows lines only, from the first row to the last, of which
//! `LIMIT` takes a part: the line that it is told goes through what the rows cost that this query takes.

use graph::layout::Shape;
use graph::scan::visits_before_exact_pass;
use pgrx::{pg_guard, pg_sys};

use super::scan::is_exact;
use super::selectivity::{is_another_center, nth};
use super::{options, pages};
use crate::guc;
use crate::vector::base_type;

// Costs in the planner's unit, which is a page of a table read in order. Measured on cached tables of 100 000 and
// 1 000 000 vectors of 512 dimensions, m = 16 (benches/sql/planner.py): such a page with its seven rows takes about a
// microsecond, a visit four with its share of heap pages. At the default costs a page read at random counts as four
// units already, for disks; where random_page_cost says that it is not slower than others, one, the processor's part is
// what makes up the difference. The numbers below are between the two: a visit is .7 units besides its page.
//
// The plan that is chosen by them is the cheaper one, or takes at most a fifth longer, in 22 of 24 cells of the bench at
// 100 000 rows, and was in 21 at 1 000 000 before scans kept to the graph for longer. The others are filters that pass a topic, where half of the queries ask for something
// else and come to the exact pass: what that costs is known here, but not that it comes to it.

/// Nodes visited for a row. A batch of `ef` rows keeps a beam of twice as many nodes and looks at some to find its way;
/// batches double, and the last is not used up, so that of 2.3 to 3.2 visits for each row of a batch between 1.6 and 3.2
/// come to one that is wanted.
const VISITS_PER_ROW: f64 = 2.5;
/// What a visit takes whatever the node's size, in operators.
const VISIT_OPERATORS: f64 = 100.0;
/// Bytes of neighbours' codes that are worked on in the time of an operator: 32 codes of 40 bytes take .4 units.
const CODE_BYTES_PER_OPERATOR: f64 = 8.0;
/// Dimensions of an exact distance in the time of an operator: .04 units for 512.
const DIMENSIONS_PER_OPERATOR: f64 = 32.0;
/// What an exact pass does for a node besides, in operators: to find it on its page, and to put it in order.
const PASS_OPERATORS: f64 = 24.0;
/// Below it, `cursor_tuple_fraction` was set by somebody; its default says nothing of the rows that are wanted.
const DEFAULT_CURSOR_FRACTION: f64 = 0.1;
/// What the planner takes for the share of rows that a `LIMIT` of unknown value asks for.
const UNKNOWN_LIMIT_FRACTION: f64 = 0.1;
/// For all rows in an order a sort is right whatever it costs: what a scan found late, it left out before it came to its
/// exact pass. Less than what the server adds where a kind of plan is disabled.
const AVOIDED: f64 = 1e9;
/// Dimensions of an index that is not there, only supposed to be.
const SUPPOSED_DIMENSIONS: usize = 512;

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
    // SAFETY: all of it is the planner's, and lives as long as the call.
    unsafe {
        let index = &*(*path).indexinfo;
        let ordered = !(*path).indexorderbys.is_null();
        let bounded = !(*path).indexclauses.is_null();
        *correlation = 0.0;
        *pages = f64::from(index.pages);
        if cannot_scan(path) {
            *startup_cost = f64::INFINITY;
            *total_cost = f64::INFINITY;
            *selectivity = 1.0;
            #[cfg(feature = "pg18")]
            {
                (*path).path.disabled_nodes += 2;
            }
            return;
        }
        let mut generic = pg_sys::GenericCosts::default();
        pg_sys::genericcostestimate(root, path, loops, &mut generic);
        *selectivity = generic.indexSelectivity;

        let scan = Costs::of(root, index, loops);
        // A scan in the order of another vector than the condition's does not end at its radius.
        let ends = bounded && !(ordered && is_about_another(path));
        let rows = match ends {
            true => (scan.nodes * generic.indexSelectivity).max(1.0),
            false => scan.nodes,
        };
        let (startup, total) = if ordered && guc::exact_search() {
            // All of them are put in order before the first.
            (scan.pass(), scan.pass())
        } else if ordered || !is_exact(ordered) {
            let taken = if ordered {
                Taken::by(&*root, &*index.rel)
            } else {
                Taken::Some
            };
            line(&scan, rows, taken)
        } else {
            // Each page is done with before the next.
            (0.0, scan.pass())
        };
        // What the vector costs that distances are from: the model runs once.
        *startup_cost = startup + generic.indexStartupCost;
        *total_cost = total + generic.indexStartupCost;
    }
}

/// Whether the planner offers what a scan cannot do: the order of several distances, or none and no condition, where rows
/// can be had from the table.
///
/// # Safety
/// The path is the planner's.
unsafe fn cannot_scan(path: *const pg_sys::IndexPath) -> bool {
    // SAFETY: the contract; both are lists of the planner's or null.
    unsafe {
        let orders = (*path).indexorderbys.as_ref();
        let orders = orders.map_or(0, |orders| orders.length);
        orders > 1 || orders == 0 && (*path).indexclauses.is_null()
    }
}

/// Whether all conditions are known to be about another vector than the order.
///
/// # Safety
/// The path is the planner's, with an order.
unsafe fn is_about_another(path: *const pg_sys::IndexPath) -> bool {
    // SAFETY: the contract; nodes are looked at as what their tags say.
    unsafe {
        let right = |node: *mut pg_sys::Node| match (*node).type_ {
            pg_sys::NodeTag::T_OpExpr => nth((*node.cast::<pg_sys::OpExpr>()).args, 1),
            _ => None,
        };
        let Some(vector) = nth((*path).indexorderbys, 0).and_then(right) else {
            return false;
        };
        let count = (*path).indexclauses.as_ref().map_or(0, |list| list.length);
        (0..count as usize)
            .filter_map(|number| nth((*path).indexclauses, number))
            .filter_map(|clause| {
                let restriction = (*clause.cast::<pg_sys::IndexClause>()).rinfo;
                right((*restriction).clause.cast())
            })
            .all(|ball| is_another_center(ball, vector))
    }
}

/// Start-up and total cost of a scan on the graph that has so many rows, such that what lies between the two is right for
/// as many as are taken.
fn line(scan: &Costs, rows: f64, taken: Taken) -> (f64, f64) {
    let first = scan.of_rows(1.0);
    let all = scan.of_rows(rows);
    match taken {
        Taken::All => (AVOIDED, AVOIDED),
        Taken::Some => (first, all),
        Taken::Share(share) if scan.ends_before(share * rows) => (AVOIDED, AVOIDED),
        Taken::Share(share) => {
            let taken = scan.of_rows(share * rows);
            (first, all.max(first + (taken - first) / share))
        }
        // The executor's own costs of all rows, at random from the table, keep this from being taken for all of them.
        Taken::Page { filtered } => {
            let page = scan.of_rows((guc::ef_search() as f64 / filtered).min(rows));
            (first, first + (page - first) / UNKNOWN_LIMIT_FRACTION)
        }
    }
}

/// What of an index's rows a query takes, as far as it is known.
enum Taken {
    /// All of them.
    All,
    /// Some, nobody knows how many.
    Some,
    /// A share of those that pass all filters.
    Share(f64),
    /// As many as a reader wants to see at once, where filters leave a share of the rows.
    Page { filtered: f64 },
}

impl Taken {
    /// By what the query, or one that it is part of, says by `LIMIT`.
    ///
    /// The planner's `limit_tuples` is for a sort at the top of the query: it is unknown to window functions, to set-
    /// returning functions among the results, and within a query that a `LIMIT` is around. `tuple_fraction` is what all
    /// of these pass on: a number of rows of 1 or more, a fraction below, 0 for all rows. A fraction is the planner's guess
    /// for a `LIMIT` of unknown value, which is a small number in practice; without a `LIMIT`, it is that of a cursor,
    /// which will mostly be read to its end.
    ///
    /// # Safety
    /// Both are the planner's, which knows the sizes of the tables by now.
    unsafe fn by(root: &pg_sys::PlannerInfo, rel: &pg_sys::RelOptInfo) -> Self {
        // SAFETY: the contract.
        unsafe {
            let query = &*root.parse;
            let fraction = root.tuple_fraction;
            let groups = query.hasAggs
                || root.hasHavingQual
                || !query.groupClause.is_null()
                || !query.groupingSets.is_null();
            if groups || fraction <= 0.0 {
                return if is_limited(root) {
                    Self::Some
                } else {
                    Self::All
                };
            }
            if fraction >= 1.0 {
                return Self::Share((fraction / results(root, rel)).min(1.0));
            }
            if is_limited(root) {
                let filtered = (rel.rows / rel.tuples.max(1.0)).clamp(f64::MIN_POSITIVE, 1.0);
                return Self::Page { filtered };
            }
            if fraction < DEFAULT_CURSOR_FRACTION {
                Self::Share(fraction)
            } else {
                Self::All
            }
        }
    }
}

/// Whether the query has a `LIMIT` that is not NULL, or is part of one that has. Only the latter know where the rows end
/// that this one is asked for.
///
/// # Safety
/// `root` is the planner's.
unsafe fn is_limited(root: &pg_sys::PlannerInfo) -> bool {
    // SAFETY: the contract; a node is looked at as what its tag says.
    unsafe {
        let mut next: *const pg_sys::PlannerInfo = root;
        while let Some(root) = next.as_ref() {
            if let Some(limit) = (*root.parse).limitCount.as_ref()
                && (limit.type_ != pg_sys::NodeTag::T_Const
                    || !(*std::ptr::from_ref(limit).cast::<pg_sys::Const>()).constisnull)
            {
                return true;
            }
            next = root.parent_root;
        }
        false
    }
}

/// Rows of the query's joined tables, as far as it can be told before they are joined: those that the filters on `rel`
/// leave, all partitions together, and of these what the filters on the other tables leave, as though each of its rows
/// belonged to one of theirs.
///
/// # Safety
/// Both are the planner's, which knows the sizes of the tables by now.
unsafe fn results(root: &pg_sys::PlannerInfo, rel: &pg_sys::RelOptInfo) -> f64 {
    // SAFETY: the contract; the array has as many elements, some null.
    unsafe {
        let tables = std::slice::from_raw_parts(
            root.simple_rel_array,
            usize::try_from(root.simple_rel_array_size).unwrap_or(0),
        );
        let own = match rel.top_parent_relids.is_null() {
            true => rel.relid as usize,
            false => pg_sys::bms_next_member(rel.top_parent_relids, -1) as usize,
        };
        let mut results = 1.0;
        for (number, &table) in tables.iter().enumerate() {
            let Some(table) = table.as_ref() else {
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
}

/// What things cost in an index.
struct Costs {
    /// Nodes, taken to be as many as rows.
    nodes: f64,
    /// Nodes of the first batch.
    first: f64,
    /// Nodes to be visited before the scan leaves the graph.
    leave: f64,
    pages: u32,
    /// Scans of which each may find cached what others have read.
    loops: f64,
    /// Reading a page at random, and in order.
    random_page: f64,
    next_page: f64,
    /// A visit, and a node of an exact pass, once it is read.
    visit: f64,
    pass_node: f64,
    root: *mut pg_sys::PlannerInfo,
}

impl Costs {
    /// # Safety
    /// All of it is the planner's, and the index is locked.
    unsafe fn of(root: *mut pg_sys::PlannerInfo, index: &pg_sys::IndexOptInfo, loops: f64) -> Self {
        // SAFETY: the contract.
        let (shape, dimensions) = unsafe { shape(index) };
        let (mut random_page, mut next_page) = (0.0, 0.0);
        // SAFETY: writes to both.
        unsafe {
            pg_sys::get_tablespace_page_costs(
                index.reltablespace,
                &mut random_page,
                &mut next_page,
            );
        }
        // SAFETY: settings of the server, which has one thread.
        let (operator, tuple) =
            unsafe { (pg_sys::cpu_operator_cost, pg_sys::cpu_index_tuple_cost) };
        let distance = dimensions as f64 / DIMENSIONS_PER_OPERATOR;
        let codes = shape.map_or(0, |shape| shape.degree * shape.code_bytes) as f64;
        let nodes = index.tuples.max(1.0);
        Self {
            nodes,
            first: (VISITS_PER_ROW * guc::ef_search() as f64).min(nodes),
            leave: visits_before_exact_pass(nodes).min(guc::max_scan_tuples() as f64),
            pages: index.pages,
            loops,
            random_page,
            next_page,
            visit: tuple
                + operator * (VISIT_OPERATORS + distance + codes / CODE_BYTES_PER_OPERATOR),
            pass_node: operator * (distance + PASS_OPERATORS),
            root,
        }
    }

    /// A scan in an order for so many rows.
    fn of_rows(&self, rows: f64) -> f64 {
        let visits = (VISITS_PER_ROW * rows).clamp(self.first, self.nodes.max(self.first));
        // The first batch is always whole.
        let leave = self.leave.max(self.first);
        if visits <= leave {
            self.on_graph(visits)
        } else if guc::exact_fallback() {
            self.on_graph(leave) + self.pass()
        } else {
            self.on_graph(visits.min(self.most()))
        }
    }

    fn on_graph(&self, visits: f64) -> f64 {
        // Pages that are read again, also by another scan, may be cached by then.
        // SAFETY: the planner is at work.
        let read = unsafe {
            pg_sys::index_pages_fetched(
                visits * self.loops,
                self.pages,
                f64::from(self.pages),
                self.root,
            )
        };
        read / self.loops * self.random_page + visits * self.visit
    }

    /// A pass over all pages.
    fn pass(&self) -> f64 {
        f64::from(self.pages) * self.next_page + self.nodes * self.pass_node
    }

    /// Nodes that a scan may visit which makes no exact pass.
    fn most(&self) -> f64 {
        (guc::max_scan_tuples() as f64).max(self.first)
    }

    /// Whether a scan would end before it has as many rows.
    fn ends_before(&self, rows: f64) -> bool {
        !guc::exact_fallback() && VISITS_PER_ROW * rows > self.most()
    }
}

/// How an index's nodes are laid out, and how many dimensions it has.
///
/// # Safety
/// The index is the planner's, which has it locked.
unsafe fn shape(index: &pg_sys::IndexOptInfo) -> (Option<Shape>, usize) {
    // SAFETY: the contract; it is closed again.
    let (m, dimensions) = unsafe {
        if index.hypothetical {
            (options::DEFAULT_M as usize, SUPPOSED_DIMENSIONS)
        } else {
            let relation = pg_sys::index_open(index.indexoid, pg_sys::NoLock as i32);
            let (r#type, modifier) = pages::column(relation);
            let m = options::m(relation);
            pg_sys::index_close(relation, pg_sys::NoLock as i32);
            let (_, modifier) = base_type(r#type, modifier);
            (m, usize::try_from(modifier).unwrap_or(SUPPOSED_DIMENSIONS))
        }
    };
    (Shape::new(dimensions, m).ok(), dimensions)
}
