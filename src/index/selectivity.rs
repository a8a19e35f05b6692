//! How many rows `clip_within` leaves, for the planner.
//!
//! Told from what ANALYZE keeps of a column ([`crate::vector::SAMPLE_KIND`]): where the planner knows the center, from its
//! distances to a few of the column's values; where it does not, a parameter or the result of a subquery, from how far
//! those are from each other. A center of another kind, as a text's is among images, is mostly farther from all of
//! them than they are from each other; then the estimate is too high.

use pgrx::{FromDatum, Internal, pg_extern, pg_sys};
use planner::selectivity::{self, Known, UNKNOWN};

use super::within::Ball;
use crate::vector::{self, SAMPLE_KIND, Stored};

/// Estimates `clip_pg.<@` as a condition on one table.
#[pg_extern(sql = false)]
fn clip_within_selectivity(
    root: Internal,
    operator: pg_sys::Oid,
    arguments: Internal,
    relation: i32,
) -> f64 {
    let (Some(root), Some(arguments)) = (root.unwrap(), arguments.unwrap()) else {
        return UNKNOWN;
    };
    let mut column = Column::default();
    let mut other = std::ptr::null_mut();
    let mut on_left = false;
    // SAFETY: the planner calls the function with its own state and the operator's arguments. The constant that the other
    // one may be lives as long as the call.
    unsafe {
        let known = pg_sys::get_restriction_variable(
            root.cast_mut_ptr(),
            arguments.cast_mut_ptr(),
            relation,
            &mut column.0,
            &mut other,
            &mut on_left,
        );
        if !known || !on_left {
            return UNKNOWN;
        }
        let (center, radius) = parts(other);
        let share = column.share_within(operator, center, radius);
        // Never none at all, but by NULL: there may be rows that no sample shows.
        share.map_or(0.0, |share| share.clamp(1.0 / column.rows(), 1.0))
    }
}

/// Estimates `clip_pg.<@` as a condition on two tables: of whichever the center is, the other's values are what it is
/// compared with.
#[pg_extern(sql = false)]
fn clip_within_join_selectivity(
    root: Internal,
    operator: pg_sys::Oid,
    arguments: Internal,
    _kind: i16,
    join: Internal,
) -> f64 {
    let (Some(root), Some(arguments), Some(join)) =
        (root.unwrap(), arguments.unwrap(), join.unwrap())
    else {
        return UNKNOWN;
    };
    let mut column = Column::default();
    // SAFETY: the planner calls the function with its own state, the operator's two arguments and the join. What constants
    // there are among them lives as long as the call.
    unsafe {
        let root: *mut pg_sys::PlannerInfo = root.cast_mut_ptr();
        let arguments = arguments.cast_mut_ptr();
        let (Some(vector), Some(ball)) = (nth(arguments, 0), nth(arguments, 1)) else {
            return UNKNOWN;
        };
        pg_sys::examine_variable(root, vector, 0, &mut column.0);
        let (_, radius) = parts(pg_sys::estimate_expression_value(root, ball));
        let Some(share) = column.share_within(operator, Known::No, radius) else {
            return 0.0;
        };
        let share = share.clamp(column.rows().powi(-2), 1.0);
        let join = &*join.cast_mut_ptr::<pg_sys::SpecialJoinInfo>();
        match join.jointype {
            // Of rows that have a match, or none.
            pg_sys::JoinType::JOIN_SEMI | pg_sys::JoinType::JOIN_ANTI => {
                (share * rows(&*root, join.syn_righthand)).min(1.0)
            }
            _ => share,
        }
    }
}

/// The center and the radius of a ball.
///
/// # Safety
/// `ball` is an expression of that type, which outlives the result.
unsafe fn parts<'a>(ball: *mut pg_sys::Node) -> (Known<Stored<'a>>, Known<f64>) {
    // SAFETY: an expression of this type is a node, as the caller vouches, and is looked at as what its tag says; a row of
    // the type has these two columns.
    unsafe {
        match (*ball).type_ {
            pg_sys::NodeTag::T_Const => {
                let constant = &*ball.cast::<pg_sys::Const>();
                match Ball::from_datum(constant.constvalue, constant.constisnull) {
                    Some(ball) => (Known::Value(ball.center), Known::Value(ball.radius)),
                    None => (Known::Null, Known::Null),
                }
            }
            pg_sys::NodeTag::T_RowExpr => {
                let arguments = (*ball.cast::<pg_sys::RowExpr>()).args;
                match (nth(arguments, 0), nth(arguments, 1)) {
                    (Some(center), Some(radius)) => (constant(center), constant(radius)),
                    _ => (Known::No, Known::No),
                }
            }
            _ => (Known::No, Known::No),
        }
    }
}

/// What an expression is, if it is a constant.
///
/// # Safety
/// If it is, its type is that which `T` reads.
unsafe fn constant<T: FromDatum>(node: *mut pg_sys::Node) -> Known<T> {
    // SAFETY: an expression is a node, looked at as what its tag says; the caller vouches for the type of a constant.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_Const {
            return Known::No;
        }
        let constant = &*node.cast::<pg_sys::Const>();
        let value = T::from_datum(constant.constvalue, constant.constisnull);
        value.map_or(Known::Null, Known::Value)
    }
}

/// Whether a ball is known to have another center than a vector. What is not known may be the same.
///
/// # Safety
/// Both are expressions of these types.
pub unsafe fn is_another_center(ball: *mut pg_sys::Node, vector: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller vouches for the types of both.
    unsafe {
        match (parts(ball).0, constant::<Stored<'_>>(vector)) {
            (Known::Value(center), Known::Value(vector)) => *center != *vector,
            _ => false,
        }
    }
}

/// An element of a list of nodes.
///
/// # Safety
/// It is a list of nodes, or null for an empty one.
pub unsafe fn nth(list: *mut pg_sys::List, number: usize) -> Option<*mut pg_sys::Node> {
    // SAFETY: a list has as many elements as it says, which is looked at first; those of a list of nodes are pointers.
    unsafe {
        let list = list.as_ref()?;
        (number < list.length as usize).then(|| (*list.elements.add(number)).ptr_value.cast())
    }
}

/// Rows of the one table of a set; one where it is of several.
///
/// # Safety
/// Both are of the planner at work.
unsafe fn rows(root: &pg_sys::PlannerInfo, tables: pg_sys::Relids) -> f64 {
    let mut table = 0;
    // SAFETY: the set and the array are the planner's, as the caller vouches: a member of a set of tables is the number of
    // one in the array.
    unsafe {
        if !pg_sys::bms_get_singleton_member(tables, &mut table) {
            return 1.0;
        }
        (*root.simple_rel_array.add(table as usize))
            .as_ref()
            .map_or(1.0, |table| table.rows.max(1.0))
    }
}

/// What the planner has found out about an expression, mostly a column.
#[derive(Default)]
struct Column(pg_sys::VariableStatData);

impl Column {
    /// Rows of its table.
    fn rows(&self) -> f64 {
        // SAFETY: the planner has found the table, if it is one.
        unsafe { self.0.rel.as_ref() }.map_or(1.0, |table| table.tuples.max(1.0))
    }

    /// The share of its values within a ball; `None` where one is NULL.
    ///
    /// # Safety
    /// The planner is at work, and the operator is one on the column.
    unsafe fn share_within(
        &mut self,
        operator: pg_sys::Oid,
        center: Known<Stored<'_>>,
        radius: Known<f64>,
    ) -> Option<f64> {
        if matches!(center, Known::Null) {
            return None;
        }
        let share = selectivity::within(radius, |radius| {
            // SAFETY: the caller vouches for the planner and for the operator.
            unsafe { self.sampled(operator, &center, radius) }
        })?;
        Some(share * (1.0 - self.null_fraction()))
    }

    /// The share of its sampled values within a ball, where there are any and this user may know of them.
    ///
    /// # Safety
    /// As for [`Column::share_within`].
    unsafe fn sampled(
        &mut self,
        operator: pg_sys::Oid,
        center: &Known<Stored<'_>>,
        radius: f64,
    ) -> Option<f64> {
        // SAFETY: the planner is at work, as the caller vouches: the row of statistics is there until it is released, and holds
        // values of the column's type.
        unsafe {
            if self.0.statsTuple.is_null()
                || !pg_sys::statistic_proc_security_check(&mut self.0, pg_sys::get_opcode(operator))
            {
                return None;
            }
            let slot = Slot::of(self.0.statsTuple, self.0.atttype)?;
            match center {
                Known::Value(center) => {
                    let mut distances: Vec<f64> = slot
                        .values()
                        .iter()
                        .filter_map(|&value| Stored::from_datum(value, false))
                        .map(|value| vector::distance(&value, center))
                        .collect();
                    selectivity::of_sample(&mut distances, radius)
                }
                Known::Null | Known::No => selectivity::of_pairs(slot.numbers(), radius),
            }
        }
    }

    fn null_fraction(&self) -> f64 {
        if self.0.statsTuple.is_null() {
            return 0.0;
        }
        // SAFETY: a row of pg_statistic.
        let statistics = unsafe {
            &*pg_sys::GETSTRUCT(self.0.statsTuple).cast::<pg_sys::FormData_pg_statistic>()
        };
        statistics.stanullfrac.into()
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        if let Some(free) = self.0.freefunc
            && !self.0.statsTuple.is_null()
            && !std::thread::panicking()
        {
            // SAFETY: the server's macro ReleaseVariableStats. After an error it releases what it has cached itself.
            unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| free(self.0.statsTuple)) }
        }
    }
}

/// What statistics of a column say of its distances.
struct Slot(pg_sys::AttStatsSlot);

impl Slot {
    /// # Safety
    /// `statistics` is a row of `pg_statistic`, for a column of the type.
    unsafe fn of(statistics: pg_sys::HeapTuple, kind: pg_sys::Oid) -> Option<Self> {
        let mut slot = pg_sys::AttStatsSlot::default();
        // SAFETY: the caller vouches for the row; the server allocates what it fills the slot with.
        let found = unsafe {
            pg_sys::get_attstatsslot(
                &mut slot,
                statistics,
                SAMPLE_KIND.into(),
                pg_sys::InvalidOid,
                (pg_sys::ATTSTATSSLOT_VALUES | pg_sys::ATTSTATSSLOT_NUMBERS) as i32,
            )
        };
        let slot = found.then_some(Self(slot))?;
        // Numbers of private use may be used by others.
        (slot.0.valuetype == kind).then_some(slot)
    }

    fn values(&self) -> &[pg_sys::Datum] {
        // SAFETY: the server has allocated as many.
        unsafe { slice(self.0.values, self.0.nvalues) }
    }

    fn numbers(&self) -> &[f32] {
        // SAFETY: the server has allocated as many.
        unsafe { slice(self.0.numbers, self.0.nnumbers) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: the server has filled it.
            unsafe { pg_sys::free_attstatsslot(&mut self.0) }
        }
    }
}

/// # Safety
/// There are `count` elements, or none where the pointer is null.
unsafe fn slice<'a, T>(first: *const T, count: i32) -> &'a [T] {
    if first.is_null() {
        return &[];
    }
    // SAFETY: the pointer is not null, so that there are as many, as the caller vouches.
    unsafe { std::slice::from_raw_parts(first, count as usize) }
}
