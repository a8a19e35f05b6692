//! Classifiers out of the mean directions of labelled embeddings.

use std::collections::BTreeMap;

use classifier::{Activation, Class, Classifier, Direction, check_size};
use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::Error;
use crate::aggregate::{self, argument, state, state_or_new};
use crate::classify::Value;
use crate::error::{Result, Returned};
use crate::text::Text;
use crate::vector::Stored;

/// The factor from similarity to logit where no model is named: CLIP's, which its training may not exceed.
const SCALE: f64 = 100.0;

/// The sum of each label's embeddings: however many there are, they take as much memory.
struct State {
    dims: usize,
    labels: BTreeMap<String, Direction>,
    model: Option<Text>,
}

/// Adds an embedding to those of its label.
#[pg_extern(sql = false)]
fn clip_centroids_step(
    mut internal: Internal,
    label: Option<Text>,
    vector: Option<Stored<'_>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (Some(label), Some(vector)) = (label, vector) else {
        return Ok(internal);
    };
    if kernels::norm::<half::f16>(&vector) == 0.0 {
        return Ok(internal);
    }
    // SAFETY: the model is a text where it is declared.
    let model = unsafe { argument::<Text>(fcinfo, 3) };
    let sums = state_or_new(&mut internal, fcinfo, |_| {
        Ok(State {
            dims: vector.len(),
            labels: BTreeMap::new(),
            model: model.clone(),
        })
    })?;
    sums.add(label.as_str(), &vector, &model)?;
    Ok(internal)
}

#[pg_extern(sql = false)]
fn clip_centroids_final(mut internal: Internal) -> Returned<Option<Value>> {
    let Some(state) = state::<State>(&mut internal) else {
        return Ok(None);
    };
    Ok(Some(Value::from(&state.classifier()?)))
}

// SAFETY: the two functions above are those of `clip_centroids`, in all its declarations.
unsafe impl aggregate::State for State {}

impl State {
    fn add(&mut self, label: &str, vector: &[half::f16], model: &Option<Text>) -> Result<()> {
        if self.dims != vector.len() {
            return Err(halves::Error::DifferentDimensions(self.dims, vector.len()).into());
        }
        if self.model != *model {
            return Err(Error::Changed("model").into());
        }
        if let Some(direction) = self.labels.get_mut(label) {
            direction.add(vector);
        } else {
            check_size(self.labels.len() + 1, self.dims)?;
            let mut direction = Direction::new(self.dims);
            direction.add(vector);
            self.labels.insert(label.to_owned(), direction);
        }
        Ok(())
    }

    fn classifier(&self) -> Result<Classifier> {
        let (origin, scale) = super::origin(self.model.as_ref(), self.dims)?;
        let class = |(label, direction): (&String, &Direction)| {
            let centroid = direction
                .unit()
                .ok_or_else(|| Error::NoDirection(label.clone()))?;
            Ok(Class::new(Some(label.clone()), centroid))
        };
        let classes: std::result::Result<Vec<Class>, Error> =
            self.labels.iter().map(class).collect();
        Ok(Classifier::new(
            origin,
            Activation::Softmax,
            scale.unwrap_or(SCALE),
            classes?,
        )?)
    }
}
