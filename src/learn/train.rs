//! Classifiers by logistic regression on labelled embeddings.

use std::collections::HashMap;

use classifier::{Activation, Class, Classifier, check_size};
use learn::logistic::{self, Options};
use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::gather::Gathered;
use super::{Error, interrupt};
use crate::aggregate::{self, argument, state, state_or_new};
use crate::classify::Value;
use crate::error::{Result, Returned};
use crate::text::Text;
use crate::vector::Stored;

/// The penalty where none is given.
const L2: f64 = 0.03;

#[derive(Clone, PartialEq)]
struct Parameters {
    l2: f64,
    balanced: bool,
    model: Option<Text>,
}

struct State {
    gathered: Gathered,
    /// The number of each row's label, and those of all labels in the order in which they came.
    labels: Vec<usize>,
    numbers: HashMap<String, usize>,
    parameters: Parameters,
}

/// Keeps a labelled embedding; parameters that are NULL or not declared have their defaults.
#[pg_extern(sql = false)]
fn clip_train_step(
    mut internal: Internal,
    label: Option<Text>,
    vector: Option<Stored<'_>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (Some(label), Some(vector)) = (label, vector) else {
        return Ok(internal);
    };
    // SAFETY: where they are declared, they are a double precision, a boolean and a text.
    let parameters = unsafe {
        Parameters {
            l2: argument(fcinfo, 3).unwrap_or(L2),
            balanced: argument(fcinfo, 4).unwrap_or(false),
            model: argument(fcinfo, 5),
        }
    };
    let state = state_or_new(&mut internal, fcinfo, |memory| {
        logistic::check(parameters.l2)?;
        Ok(State {
            gathered: Gathered::new(memory.value()),
            labels: Vec::new(),
            numbers: HashMap::new(),
            parameters: parameters.clone(),
        })
    })?;
    state.check(&parameters)?;
    state.add(label.as_str(), &vector)?;
    Ok(internal)
}

#[pg_extern(sql = false)]
fn clip_train_final(mut internal: Internal) -> Returned<Option<Value>> {
    let state = state::<State>(&mut internal).filter(|state| state.gathered.len() > 0);
    let Some(state) = state else {
        return Ok(None);
    };
    Ok(Some(Value::from(&state.classifier()?)))
}

// SAFETY: the two functions above are those of `clip_train`, in all its declarations.
unsafe impl aggregate::State for State {}

impl State {
    fn check(&self, parameters: &Parameters) -> Result<()> {
        let own = &self.parameters;
        let same = [
            ("l2", own.l2 == parameters.l2),
            ("balanced", own.balanced == parameters.balanced),
            ("model", own.model == parameters.model),
        ];
        match same.iter().find(|(_, same)| !same) {
            Some((name, _)) => Err(Error::Changed(name).into()),
            None => Ok(()),
        }
    }

    fn add(&mut self, label: &str, vector: &[half::f16]) -> Result<()> {
        self.labels.try_reserve(1).map_err(learn::Error::from)?;
        if self.gathered.push(vector)? {
            let number = match self.numbers.get(label) {
                Some(&number) => number,
                None => {
                    let number = self.numbers.len();
                    check_size(number + 1, vector.len())?;
                    self.numbers.insert(label.to_owned(), number);
                    number
                }
            };
            self.labels.push(number);
        }
        Ok(())
    }

    fn classifier(&self) -> Result<Classifier> {
        let mut labels: Vec<(&String, usize)> = self
            .numbers
            .iter()
            .map(|(label, &number)| (label, number))
            .collect();
        // Whatever the order of the rows was.
        labels.sort_unstable();
        let mut classes = vec![0; labels.len()];
        for (class, &(_, number)) in labels.iter().enumerate() {
            classes[number] = class;
        }
        let rows = self.gathered.rows()?;
        let (origin, _) = super::origin(self.parameters.model.as_ref(), rows.dims())?;
        let of_rows: Vec<usize> = self.labels.iter().map(|&number| classes[number]).collect();
        let options = Options {
            penalty: self.parameters.l2,
            balanced: self.parameters.balanced,
        };
        let linear = logistic::train(&rows, &of_rows, labels.len(), options, &interrupt)?;
        let vectors = linear.weights.chunks_exact(rows.dims());
        let classes = labels.iter().zip(vectors).zip(linear.biases);
        let classes = classes.map(|((&(label, _), vector), bias)| Class {
            bias,
            ..Class::new(Some(label.clone()), vector.to_vec())
        });
        Ok(Classifier::new(
            origin,
            Activation::Softmax,
            1.0,
            classes.collect(),
        )?)
    }
}
