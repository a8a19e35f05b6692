//! ONNX Runtime: the only file that names `ort`.
//!
//! Invariants: the library is loaded once per process, by absolute path, and its one environment lives in a static,
//! so that nothing of it is torn down at exit. Every failure is an [`Error`]; nothing here panics on a foreign or old
//! library. The functions are called on whatever thread runs the model; threads that ONNX Runtime starts inherit that
//! thread's signal mask.

use crate::{Error, Result, cancel::Cancel};
use half::f16;
use ort::{
    environment::Environment,
    ep,
    logging::LogLevel,
    session::{RunOptions, SessionInputValue, builder::GraphOptimizationLevel},
    value::{Tensor, TensorElementType, TensorRef, ValueType},
};
use serde::{Deserialize, Serialize};
use std::{
    error::Error as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Library and environment of this process; the first successful load stays.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The loaded ONNX Runtime.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads the ONNX Runtime library at `path`, which must be absolute; afterwards the same path costs nothing.
    ///
    /// Fails with [`Error::Runtime`] on a relative path, on a file that is not ONNX Runtime or older than 1.24, and
    /// where this process has already loaded another one.
    pub fn load(path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Runtime {
            path: path.display().to_string(),
            reason,
        };
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((current, environment)) = loaded.as_ref() {
            if current != path {
                return Err(fail(format!(
                    "this process has already loaded \"{}\"",
                    current.display()
                )));
            }
            return Ok(Self {
                environment: environment.clone(),
            });
        }
        if !path.is_absolute() {
            return Err(fail("the path is not absolute".to_owned()));
        }
        let builder = ort::init_from(path).map_err(|error| fail(load_reason(error)))?;
        let environment = builder
            .with_name("clip")
            .with_telemetry(false)
            .build()
            .map_err(|error| fail(error.to_string()))?;
        // What goes wrong is returned; on standard error it would end up in a server's log besides.
        environment.set_log_level(LogLevel::Fatal);
        *loaded = Some((path.to_owned(), environment.clone()));
        Ok(Self { environment })
    }
}

fn load_reason(error: ort::LoadDynamicError) -> String {
    use ort::LoadDynamicError::{BadVersion, Dlopen, InvalidVersionString, MissingApi};
    match error {
        // The error itself only says that dlopen failed; its source is what dlerror said.
        Dlopen { error, .. } => error.source().unwrap_or(&error).to_string(),
        MissingApi { .. } => "the library is not ONNX Runtime".to_owned(),
        InvalidVersionString => "the library does not tell its version".to_owned(),
        BadVersion { version_str, .. } => {
            format!(
                "version {version_str} is too old, 1.{} or later is needed",
                ort::MINOR_VERSION
            )
        }
    }
}

/// Element type of a tensor that texts or images go into, or embeddings come out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit integers.
    Int32,
    /// 64-bit integers.
    Int64,
    /// IEEE half precision.
    Float16,
    /// IEEE single precision.
    Float32,
}

impl Dtype {
    /// Whether token ids go here rather than pixels.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64)
    }
}

/// An input or output of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Element type; `None` for one that no tower is run with.
    pub dtype: Option<Dtype>,
    /// Name of the element type, whichever it is.
    pub element: String,
    /// Length of each axis, negative where the graph leaves it open; empty where it does not tell the number of axes.
    pub shape: Vec<i64>,
}

/// A tensor to run a graph on, cast to `dtype` on the way.
pub struct Feed<'a> {
    /// Name of the graph's input.
    pub name: &'a str,
    /// Element type of the graph's input.
    pub dtype: Dtype,
    /// Length of each axis.
    pub shape: &'a [usize],
    /// The elements, row-major.
    pub data: Data<'a>,
}

/// Elements of a [`Feed`].
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// Token ids and masks, for integer inputs.
    Integers(&'a [i64]),
    /// Pixels, for float inputs.
    Floats(&'a [f32]),
}

/// What a graph computed, cast to single precision.
pub struct Output {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: Vec<f32>,
}

/// One ONNX graph, ready to run.
pub struct Session {
    session: ort::session::Session,
    file: String,
}

impl Session {
    /// Loads `directory`/`file` to run on `threads` threads.
    ///
    /// Fails with [`Error::UnloadableModel`] on anything ONNX Runtime does not accept, external data that is missing
    /// or too short included.
    pub fn open(
        runtime: &Runtime,
        directory: &Path,
        file: &str,
        threads: usize,
        cancel: &Cancel,
    ) -> Result<Self> {
        let refused = |error: ort::Error| Error::UnloadableModel {
            file: file.to_owned(),
            reason: error.to_string(),
        };
        let mut builder = session_builder(runtime, threads).map_err(refused)?;
        let canceler = builder.canceler();
        let running = cancel.during(move || {
            let _ = canceler.cancel();
        })?;
        let session = builder.commit_from_file(directory.join(file));
        drop(running);
        cancel.check()?;
        Ok(Self {
            session: session.map_err(refused)?,
            file: file.to_owned(),
        })
    }

    /// The graph's inputs.
    pub fn inputs(&self) -> Vec<Port> {
        self.session.inputs().iter().map(port).collect()
    }

    /// The graph's outputs.
    pub fn outputs(&self) -> Vec<Port> {
        self.session.outputs().iter().map(port).collect()
    }

    /// Runs the graph; returns those of its `outputs`.
    pub fn run(
        &mut self,
        feeds: &[Feed],
        outputs: &[&str],
        cancel: &Cancel,
    ) -> Result<Vec<Output>> {
        let fail = |reason: String| Error::Inference {
            file: self.file.clone(),
            reason,
        };
        let failed = |error: ort::Error| fail(error.to_string());
        let mut inputs = Vec::with_capacity(feeds.len());
        for feed in feeds {
            inputs.push((feed.name, tensor(feed).map_err(failed)?));
        }
        let options = Arc::new(RunOptions::new().map_err(failed)?);
        let terminated = Arc::clone(&options);
        let running = cancel.during(move || {
            let _ = terminated.terminate();
        })?;
        let values = self.session.run_with_options(inputs, &*options);
        drop(running);
        cancel.check()?;
        let values = values.map_err(failed)?;
        outputs
            .iter()
            .map(|name| {
                let value = values
                    .get(name)
                    .ok_or_else(|| fail(format!("the graph has no output \"{name}\"")))?;
                output(value).map_err(failed)
            })
            .collect()
    }
}

fn session_builder(
    runtime: &Runtime,
    threads: usize,
) -> ort::Result<ort::session::builder::SessionBuilder> {
    let builder = ort::session::Session::builder(&runtime.environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads.max(1))?
        .with_intra_op_spinning(false)?
        // Plans made for one shape are kept for ever; texts come in many, and no model ran faster with them.
        .with_memory_pattern(false)?
        .with_execution_providers([ep::CPU::default().with_arena_allocator(ARENA).build()])?;
    Ok(builder)
}

/// Whether sessions keep freed memory for the next run. Without, clip-mini's image tower takes half as long again per
/// image at 8 rows per run (14.1 ms instead of 9.6), because every run maps and clears its pages anew.
const ARENA: bool = true;

fn port(outlet: &ort::value::Outlet) -> Port {
    let (dtype, element, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let element = format!("{ty:?}").to_lowercase();
            (dtype(*ty), element, shape.iter().copied().collect())
        }
        _ => (None, "no tensor".to_owned(), Vec::new()),
    };
    Port {
        name: outlet.name().to_owned(),
        dtype,
        element,
        shape,
    }
}

fn dtype(element: TensorElementType) -> Option<Dtype> {
    match element {
        TensorElementType::Int32 => Some(Dtype::Int32),
        TensorElementType::Int64 => Some(Dtype::Int64),
        TensorElementType::Float16 => Some(Dtype::Float16),
        TensorElementType::Float32 => Some(Dtype::Float32),
        _ => None,
    }
}

/// Borrows the elements where their type is the graph's, else casts them. A feed of the wrong kind becomes a tensor of
/// the type it has; the run then fails with ONNX Runtime's own words.
fn tensor<'a>(feed: &Feed<'a>) -> ort::Result<SessionInputValue<'a>> {
    let shape = feed.shape.to_vec();
    Ok(match (feed.data, feed.dtype) {
        (Data::Integers(data), Dtype::Int32) => Tensor::from_array((
            shape,
            data.iter().map(|&value| value as i32).collect::<Vec<_>>(),
        ))?
        .into(),
        (Data::Integers(data), _) => TensorRef::from_array_view((shape, data))?.into(),
        (Data::Floats(data), Dtype::Float16) => Tensor::from_array((
            shape,
            data.iter()
                .map(|&value| f16::from_f32(value))
                .collect::<Vec<_>>(),
        ))?
        .into(),
        (Data::Floats(data), _) => TensorRef::from_array_view((shape, data))?.into(),
    })
}

fn output(value: &ort::value::DynValue) -> ort::Result<Output> {
    let (shape, values) = match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            (shape, values.iter().map(|value| value.to_f32()).collect())
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape, values.to_vec())
        }
    };
    let shape = shape
        .iter()
        .map(|&length| usize::try_from(length).unwrap_or(0))
        .collect();
    Ok(Output { shape, values })
}
