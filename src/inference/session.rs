//! Models that this process runs itself.
//!
//! Invariant: an encoder is made, driven and, to make room for others, dropped on the [`thread`](super::thread); those in
//! use stay, so nothing of ONNX Runtime is torn down when the process exits. A failed or canceled call leaves it ready
//! for the next one.

use super::{Engine, Inputs, thread};
use crate::{error::Result, guc, model::Model};
use clip::{
    encoder::{Encoder, Options},
    session::Runtime,
};
use lru::LruCache;
use std::{
    path::PathBuf,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    thread::{Builder, scope},
};

/// Runs models in the session, on as many threads as `clip_pg.threads` says.
pub struct Session;

impl Engine for Session {
    fn name(&self) -> &'static str {
        "backend"
    }

    fn has_loaded(&self, identity: &str) -> bool {
        encoders()
            .iter()
            .any(|(known, encoder)| known.identity == identity && encoder.is_loaded())
    }

    fn embed(&self, model: &Model, inputs: Inputs) -> Result<Option<Vec<f32>>> {
        embed(model, guc::threads(), inputs).map(Some)
    }
}

/// Which model, and where its files are: it may be registered from another directory later, because the first one is gone.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Source {
    identity: String,
    directory: PathBuf,
}

type Encoders = LruCache<Source, Encoder>;

/// All encoders of this process.
static ENCODERS: LazyLock<Mutex<Encoders>> = LazyLock::new(|| Mutex::new(LruCache::unbounded()));

fn encoders() -> MutexGuard<'static, Encoders> {
    ENCODERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Identities of the models that this process has loaded, the last used one first.
pub fn loaded() -> Vec<String> {
    let encoders = encoders();
    let loaded = encoders.iter().filter(|(_, encoder)| encoder.is_loaded());
    loaded.map(|(source, _)| source.identity.clone()).collect()
}

/// Unloads all models.
pub fn unload_all() -> Result<()> {
    let all = std::mem::replace(&mut *encoders(), LruCache::unbounded());
    unload(all.into_iter().map(|(_, encoder)| encoder).collect())
}

/// Embeds `inputs` in one batch; returns them row by row, each of the model's dimensions. If the model has to be loaded, it
/// is to run on `threads` threads, and others may be unloaded.
pub fn embed(model: &Model, threads: usize, inputs: Inputs) -> Result<Vec<f32>> {
    let source = Source {
        identity: model.manifest.identity.clone(),
        directory: model.directory.clone(),
    };
    make_room(model, &source, inputs)?;
    let model = model.clone();
    let library = guc::onnxruntime_library();
    let inputs = Owned::from(inputs);
    thread::run(move |cancel| {
        let mut encoders = encoders();
        let encoder = encoders.try_get_or_insert_mut(source, || {
            let options = Options {
                threads: available(threads),
                // Callers choose their batches.
                batch_size: usize::MAX,
            };
            let runtime = Runtime::load(&library)?;
            Ok::<_, clip::Error>(Encoder::new(
                runtime,
                &model.directory,
                model.manifest.clone(),
                options,
            ))
        })?;
        match inputs {
            Owned::Texts(texts) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                encoder.encode_texts(&texts, cancel)
            }
            Owned::Images(images) => {
                let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
                encoder.encode_images(&images, cancel)
            }
        }
    })
}

/// [`Inputs`] for another thread, which may outlive the call that gave them where the process ends.
enum Owned {
    Texts(Vec<String>),
    Images(Vec<Vec<u8>>),
}

impl From<Inputs<'_>> for Owned {
    fn from(inputs: Inputs) -> Self {
        match inputs {
            Inputs::Texts(texts) => {
                Self::Texts(texts.iter().map(|&text| text.to_owned()).collect())
            }
            Inputs::Images(images) => Self::Images(images.to_vec()),
        }
    }
}

/// Unloads models that were not used for longest, until the tower of `model` for `inputs` can be loaded within
/// `clip_pg.model_memory`.
fn make_room(model: &Model, source: &Source, inputs: Inputs) -> Result<()> {
    let tower = match inputs {
        Inputs::Texts(_) => &model.manifest.text.tower,
        Inputs::Images(_) => &model.manifest.image.tower,
    };
    let mut encoders = encoders();
    let known = encoders.peek(source);
    let mut bytes = match known.is_some_and(|encoder| encoder.has_loaded(tower)) {
        true => 0,
        false => model.manifest.tower_bytes(tower),
    };
    bytes += encoders
        .iter()
        .map(|(_, encoder)| encoder.loaded_bytes())
        .sum::<u64>();
    let mut unloaded = Vec::new();
    while bytes > guc::model_memory() {
        let mut oldest_first = encoders.iter().rev().map(|(known, _)| known);
        let Some(oldest) = oldest_first.find(|known| *known != source).cloned() else {
            break;
        };
        let encoder = encoders.pop(&oldest);
        bytes -= encoder.as_ref().map_or(0, Encoder::loaded_bytes);
        unloaded.extend(encoder);
    }
    drop(encoders);
    unload(unloaded)
}

fn unload(unloaded: Vec<Encoder>) -> Result<()> {
    if unloaded.is_empty() {
        return Ok(());
    }
    thread::run(move |_| {
        drop(unloaded);
        Ok(())
    })
}

/// How many of `wanted` threads can be had now, this one included. ONNX Runtime does not load a model where the system refuses
/// it one of the threads that it was told to start; on fewer, the model runs more slowly.
fn available(wanted: usize) -> usize {
    let gate = Mutex::new(());
    scope(|scope| {
        let _closed = gate.lock();
        let wait = || drop(gate.lock());
        let others = (1..wanted).map_while(|_| Builder::new().spawn_scoped(scope, wait).ok());
        1 + others.count()
    })
}
