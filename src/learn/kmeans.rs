//! Clusters of a collection.

use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::gather::Gathered;
use super::{Error, interrupt};
use crate::aggregate::{self, argument, state, state_or_new};
use crate::error::{Error as AnyError, Result, Returned};
use crate::vector::{Stored, Vector};

struct State {
    gathered: Gathered,
    k: i32,
    seed: i32,
}

/// Keeps a vector; `k` and, where it is declared, the seed are those of the first one.
#[pg_extern(sql = false)]
fn clip_kmeans_step(
    mut internal: Internal,
    vector: Option<Stored<'_>>,
    k: Option<i32>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(vector) = vector else {
        return Ok(internal);
    };
    let k = k.ok_or(AnyError::from(Error::Null("k")))?;
    // SAFETY: the seed is an integer where it is declared.
    let seed = unsafe { argument::<i32>(fcinfo, 3) }.unwrap_or(0);
    let state = state_or_new(&mut internal, fcinfo, |memory| {
        learn::kmeans::check(k.into())?;
        Ok(State {
            gathered: Gathered::new(memory.value()),
            k,
            seed,
        })
    })?;
    state.add(&vector, k, seed)?;
    Ok(internal)
}

#[pg_extern(sql = false)]
fn clip_kmeans_final(mut internal: Internal) -> Returned<Option<Vec<Vector>>> {
    let state = state::<State>(&mut internal).filter(|state| state.gathered.len() > 0);
    let Some(state) = state else {
        return Ok(None);
    };
    Ok(Some(state.centres()?))
}

// SAFETY: the two functions above are those of `clip_kmeans`, in all its declarations.
unsafe impl aggregate::State for State {}

impl State {
    fn add(&mut self, vector: &[half::f16], k: i32, seed: i32) -> Result<()> {
        for (name, same) in [("k", k == self.k), ("seed", seed == self.seed)] {
            if !same {
                return Err(Error::Changed(name).into());
            }
        }
        self.gathered.push(vector)?;
        Ok(())
    }

    fn centres(&self) -> Result<Vec<Vector>> {
        let rows = self.gathered.rows()?;
        let clusters = learn::kmeans::cluster(&rows, self.k.into(), self.seed as u64, &interrupt)?;
        let centres = clusters.iter().map(|centre| Vector::from_f32(centre));
        Ok(centres.collect::<std::result::Result<_, _>>()?)
    }
}
