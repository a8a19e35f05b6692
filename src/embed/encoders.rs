//! The models that this process has loaded.
//!
//! Invariant: an encoder is made, driven and, to make room for others, dropped on the [`thread`](super::thread); those in
//! use stay, so nothing of ONNX Runtime is torn down when the process exits. A failed or canceled call leaves it ready
//! for the next one.

use super::{Error, thread};
use crate::{error::Result, guc, model::Model};
use clip::{
    cancel::Cancel,
    encoder::{Encoder, Options},
    manifest::Tower,
    session::Runtime,
};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{Builder, scope},
};

/// All encoders of this process, the last used one at the end, each with the directory it reads. The same model may be
/// registered from another directory later, because the first one is gone.
static ENCODERS: Mutex<Vec<(PathBuf, Encoder)>> = Mutex::new(Vec::new());

fn encoders() -> MutexGuard<'static, Vec<(PathBuf, Encoder)>> {
    ENCODERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn position(encoders: &[(PathBuf, Encoder)], identity: &str, directory: &Path) -> Option<usize> {
    encoders
        .iter()
        .position(|(from, encoder)| from == directory && encoder.manifest().identity == identity)
}

/// Whether this process has loaded a tower of the model with this identity.
pub fn is_loaded(identity: &str) -> bool {
    encoders()
        .iter()
        .any(|(_, encoder)| encoder.manifest().identity == identity && encoder.is_loaded())
}

/// Identities of the models that this process has loaded, the last used one first.
pub fn loaded() -> Vec<String> {
    let encoders = encoders();
    let loaded = encoders.iter().filter(|(_, encoder)| encoder.is_loaded());
    let identities = loaded.map(|(_, encoder)| encoder.manifest().identity.clone());
    identities.rev().collect()
}

/// Unloads models that were not used for longest, until `tower` of `model` can be loaded within
/// `clip_pg.model_memory`.
fn make_room(model: &Model, tower: &Tower) -> Result<()> {
    let identity = &model.manifest.identity;
    let is_other = |(from, encoder): &(PathBuf, Encoder)| {
        from != &model.directory || encoder.manifest().identity != *identity
    };
    let mut known = encoders();
    let has_tower = |entry: &(PathBuf, Encoder)| !is_other(entry) && entry.1.has_loaded(tower);
    let mut bytes = match known.iter().any(has_tower) {
        true => 0,
        false => model.manifest.tower_bytes(tower),
    };
    bytes += known
        .iter()
        .map(|(_, encoder)| encoder.loaded_bytes())
        .sum::<u64>();
    let mut unloaded = Vec::new();
    while bytes > guc::model_memory() {
        let Some(index) = known.iter().position(is_other) else {
            break;
        };
        let entry = known.remove(index);
        bytes -= entry.1.loaded_bytes();
        unloaded.push(entry);
    }
    drop(known);
    unload(unloaded)
}

/// Unloads all models.
pub fn unload_all() -> Result<()> {
    let all = std::mem::take(&mut *encoders());
    unload(all)
}

fn unload(unloaded: Vec<(PathBuf, Encoder)>) -> Result<()> {
    if unloaded.is_empty() {
        return Ok(());
    }
    thread::run(move |_| {
        drop(unloaded);
        Ok(())
    })
}

/// Embeds `texts` in one batch; returns them row by row, each of the model's dimensions. If the model has to be loaded,
/// it is to run on `threads` threads, and others may be unloaded.
pub fn encode_texts(model: &Model, threads: usize, texts: Vec<String>) -> Result<Vec<f32>> {
    make_room(model, &model.manifest.text.tower)?;
    with_encoder(model, threads, move |encoder, cancel| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        encoder.encode_texts(&texts, cancel)
    })
}

/// Embeds images in one batch, each as [`imaging::pixels`] gives it, like [`encode_texts`].
pub fn encode_images(model: &Model, threads: usize, images: Vec<Vec<u8>>) -> Result<Vec<f32>> {
    make_room(model, &model.manifest.image.tower)?;
    with_encoder(model, threads, move |encoder, cancel| {
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        encoder.encode_images(&images, cancel)
    })
}

fn with_encoder(
    model: &Model,
    threads: usize,
    work: impl FnOnce(&mut Encoder, &Cancel) -> clip::Result<Vec<f32>> + Send + 'static,
) -> Result<Vec<f32>> {
    let identity = model.manifest.identity.clone();
    let directory = model.directory.clone();
    let known = position(&encoders(), &identity, &directory).is_some();
    let new = (!known).then(|| (guc::onnxruntime_library(), model.manifest.clone()));
    let rows = thread::run(move |cancel| {
        let mut encoders = encoders();
        if let Some((library, manifest)) = new {
            let runtime = Runtime::load(&library)?;
            let options = Options {
                threads: available(threads),
                // Callers choose their batches.
                batch_size: usize::MAX,
            };
            let encoder = Encoder::new(runtime, &directory, manifest, options);
            encoders.push((directory.clone(), encoder));
        }
        let Some(index) = position(&encoders, &identity, &directory) else {
            return Ok(None);
        };
        encoders[index..].rotate_left(1);
        match encoders.last_mut() {
            Some((_, encoder)) => work(encoder, cancel).map(Some),
            None => Ok(None),
        }
    });
    // Only this process's own thread takes encoders away, and it has waited.
    rows?.ok_or_else(|| Error::NoEncoder(model.name.clone()).into())
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
