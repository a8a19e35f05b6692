//! `clip_within(v, q, radius)` as an index condition.
//!
//! An access method sees only operators of its operator class, and those have two arguments. So the function is one in
//! SQL that the planner replaces by its body, `v <@ ROW(q, radius)`: an operator on a vector and a ball.

use pgrx::prelude::*;
use pgrx::{FromDatum, pg_sys};

use crate::datum::is_argument;
use crate::error::Returned;
use crate::vector::{self, Stored};

/// A value of the composite type `clip_pg.ball`.
pub struct Ball<'a> {
    pub center: Stored<'a>,
    pub radius: f64,
}

impl_sql_translatable!(Ball<'_>, "clip_pg.ball");
// NULL in whole or in part is no ball.
is_argument!(<'fcx> Ball<'fcx>);

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

impl Ball<'_> {
    /// None also where one of the two parts is NULL.
    ///
    /// # Safety
    /// The datum is of the type `clip_pg.ball` and outlives the result.
    unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        // SAFETY: a value of a composite type is a tuple, which is plain after this.
        let tuple = unsafe { pg_sys::pg_detoast_datum(datum.cast_mut_ptr()) }.cast();
        let part = |number| {
            let mut null = false;
            // SAFETY: the type has two columns, 1 and 2.
            let value = unsafe { pg_sys::GetAttributeByNum(tuple, number, &mut null) };
            (value, null)
        };
        let ((center, no_center), (radius, no_radius)) = (part(1), part(2));
        // SAFETY: the first column is a clip_vector, the second a double precision.
        unsafe {
            Some(Self {
                center: Stored::from_datum(center, no_center)?,
                radius: f64::from_datum(radius, no_radius)?,
            })
        }
    }
}
