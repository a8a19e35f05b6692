//! `clip_within(v, q, radius)` as an index condition.
//!
//! An access method sees only operators of its operator class, and those have two arguments. So the function is one in
//! SQL that the planner replaces by its body, `v <@ ROW(q, radius)`: an operator on a vector and a ball.

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, pg_extern, pg_sys};

use crate::error::Returned;
use crate::vector::{self, Stored};

/// A value of the composite type `clip_pg.ball`.
pub struct Ball<'a> {
    pub center: Stored<'a>,
    pub radius: f64,
}

/// Whether a vector is within the radius of the ball's center, by cosine distance.
#[pg_extern(sql = false)]
fn clip_vector_in_ball(vector: Stored<'_>, ball: Option<Ball<'_>>) -> Returned<Option<bool>> {
    let Some(ball) = ball else {
        return Ok(None);
    };
    vector::check_dimensions(&vector, &ball.center)?;
    let distance = kernels::cosine_distance::<half::f16>(&vector, &ball.center);
    Ok(Some(distance <= ball.radius))
}

impl FromDatum for Ball<'_> {
    /// `None` also where one of the two parts is NULL.
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller's promise that this is a value of the type, which has these two columns.
        unsafe {
            let tuple = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast();
            let part = |number| {
                let mut null = false;
                let value = pg_sys::GetAttributeByNum(tuple, number, &mut null);
                (value, null)
            };
            let ((center, no_center), (radius, no_radius)) = (part(1), part(2));
            Some(Self {
                center: Stored::from_datum(center, no_center)?,
                radius: f64::from_datum(radius, no_radius)?,
            })
        }
    }
}

// SAFETY: arguments of SQL type clip_pg.ball, which live as long as the call.
unsafe impl<'fcx> ArgAbi<'fcx> for Ball<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller's promise about the argument. NULL, in whole or in part, goes the other way.
        unsafe { Self::unbox_nullable_arg(arg) }
            .into_option()
            .unwrap_or_else(|| panic!("argument must not be null"))
    }

    unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> pgrx::nullable::Nullable<Self> {
        // SAFETY: the caller's promise about the argument.
        unsafe { arg.unbox_arg_using_from_datum::<Self>() }.into()
    }
}

// SAFETY: the conversion above is that of this SQL type.
unsafe impl SqlTranslatable for Ball<'_> {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Ball);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("clip_pg.ball"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("clip_pg.ball")));
}
