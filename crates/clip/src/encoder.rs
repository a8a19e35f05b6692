//! Texts and preprocessed images to unit vectors, by a model's own ONNX graphs.
//!
//! A tower is loaded, after its files were checked against the manifest, when it is first used: who only searches by
//! text never loads the image tower. Dropping an encoder frees its sessions; a process that is about to exit should
//! rather keep it in a static, because tearing ONNX Runtime down has crashed others.

use crate::{
    Error, Result,
    cancel::Cancel,
    manifest::{ImageTower, Input, Manifest, ModelFile, Role, Tower},
    session::{Data, Feed, Output, Runtime, Session},
    tokenize::{Tokenizer, Tokens},
};
use imaging::preprocess::Preprocess;
use std::path::{Path, PathBuf};

/// How an [`Encoder`] uses the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads per run; 1 starts none.
    pub threads: usize,
    /// Rows per run at most.
    pub batch_size: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: 1,
            batch_size: 8,
        }
    }
}

/// A model in a directory, loaded as far as it was used.
pub struct Encoder {
    runtime: Runtime,
    directory: PathBuf,
    manifest: Manifest,
    options: Options,
    tokenizer: Option<Tokenizer>,
    sessions: Vec<(String, Session)>,
}

/// Embeddings row by row, and how long one is.
pub(crate) type Rows = (usize, Vec<f32>);

impl Encoder {
    /// The model that `manifest` describes, whose files lie in `directory`. Loads nothing yet.
    pub fn new(runtime: Runtime, directory: &Path, manifest: Manifest, options: Options) -> Self {
        Self {
            runtime,
            directory: directory.to_owned(),
            manifest,
            options,
            tokenizer: None,
            sessions: Vec::new(),
        }
    }

    /// The model's description.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Embeds `texts`; returns them row by row, `texts.len() × dimensions`, each of unit L2 norm and finite.
    pub fn encode_texts(&mut self, texts: &[&str], cancel: &Cancel) -> Result<Vec<f32>> {
        let tower = self.manifest.text.tower.clone();
        self.encode(&tower, texts, |encoder, batch| {
            encoder.run_texts(batch, cancel)
        })
    }

    /// Embeds images; each is RGB, 8 bits per sample, height × width × 3 as [`imaging::pixels`] gives it.
    /// Returns `images.len() × dimensions` values like [`Encoder::encode_texts`].
    pub fn encode_images(&mut self, images: &[&[u8]], cancel: &Cancel) -> Result<Vec<f32>> {
        let tower = self.manifest.image.tower.clone();
        self.encode(&tower, images, |encoder, batch| {
            encoder.run_images(batch, cancel)
        })
    }

    /// Whether any tower is loaded.
    pub fn is_loaded(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether `tower` is loaded.
    pub fn has_loaded(&self, tower: &Tower) -> bool {
        self.sessions.iter().any(|(file, _)| *file == tower.file)
    }

    /// Bytes of the files of all towers that are loaded.
    pub fn loaded_bytes(&self) -> u64 {
        let Manifest { text, image, .. } = &self.manifest;
        let mut towers = vec![&text.tower];
        if image.tower.file != text.tower.file {
            towers.push(&image.tower);
        }
        towers.retain(|tower| self.has_loaded(tower));
        let bytes = towers.iter().map(|tower| self.manifest.tower_bytes(tower));
        bytes.sum()
    }

    /// Gives the encoder what registration has loaded already.
    pub(crate) fn set_loaded(&mut self, tokenizer: Tokenizer, sessions: Vec<(String, Session)>) {
        self.tokenizer = Some(tokenizer);
        self.sessions = sessions;
    }

    /// For registration, which tries out what it is about to describe.
    pub(crate) fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// What registration has found out.
    pub(crate) fn into_manifest(self) -> Manifest {
        self.manifest
    }

    /// Embeds `texts` in one run.
    pub(crate) fn run_texts(&mut self, texts: &[&str], cancel: &Cancel) -> Result<Rows> {
        let padding = self.manifest.text.tokenizer.padding;
        let tokens = self.tokenizer()?.batch(texts, padding)?;
        let tower = self.manifest.text.tower.clone();
        let size = self.manifest.image.size;
        let idle = vec![0.0; tower.idle_rows * samples(size)];
        self.run(&tower, &Batch::new(tokens, idle, size), texts.len(), cancel)
    }

    /// Embeds `images` in one run.
    pub(crate) fn run_images(&mut self, images: &[&[u8]], cancel: &Cancel) -> Result<Rows> {
        let ImageTower {
            tower,
            size,
            preprocess,
        } = &self.manifest.image;
        let (tower, size) = (tower.clone(), *size);
        let pixels = normalized(images, preprocess, size)?;
        let spec = &self.manifest.text.tokenizer;
        let count = tower.idle_rows * spec.context_length;
        let idle = Tokens {
            ids: vec![i64::from(spec.pad_id); count],
            mask: vec![1; count],
            rows: tower.idle_rows,
            length: spec.context_length,
        };
        self.run(
            &tower,
            &Batch::new(idle, pixels, size),
            images.len(),
            cancel,
        )
    }

    fn tokenizer(&mut self) -> Result<&Tokenizer> {
        match &mut self.tokenizer {
            Some(tokenizer) => Ok(tokenizer),
            empty => Ok(empty.insert(load_tokenizer(&self.directory, &self.manifest)?)),
        }
    }

    fn run(&mut self, tower: &Tower, batch: &Batch, rows: usize, cancel: &Cancel) -> Result<Rows> {
        let session = self.session(&tower.file, cancel)?;
        let outputs = session.run(&batch.feeds(&tower.inputs), &[&tower.output], cancel)?;
        let fail = |reason: String| Error::Inference {
            file: tower.file.clone(),
            reason,
        };
        let Some(Output { shape, mut values }) = outputs.into_iter().next() else {
            return Err(fail("the graph has no output".to_owned()));
        };
        let dimensions = match shape.as_slice() {
            &[found, dimensions] if found == rows && dimensions > 0 => dimensions,
            _ => {
                return Err(fail(format!(
                    "output \"{}\" has the shape {shape:?} for {rows} rows",
                    tower.output
                )));
            }
        };
        for row in values.chunks_exact_mut(dimensions) {
            normalize(row).map_err(|reason| Error::InvalidEmbedding {
                file: tower.file.clone(),
                reason,
            })?;
        }
        Ok((dimensions, values))
    }

    fn session(&mut self, file: &str, cancel: &Cancel) -> Result<&mut Session> {
        let loaded = self.sessions.iter().position(|(name, _)| name == file);
        let index = match loaded {
            Some(index) => index,
            None => {
                verify(&self.directory, &self.manifest, file, cancel)?;
                let session = Session::open(
                    &self.runtime,
                    &self.directory,
                    file,
                    self.options.threads,
                    cancel,
                )?;
                self.sessions.push((file.to_owned(), session));
                self.sessions.len() - 1
            }
        };
        let missing = || Error::MissingModelFile {
            file: file.to_owned(),
            reason: "not loaded".to_owned(),
        };
        self.sessions
            .get_mut(index)
            .map(|(_, session)| session)
            .ok_or_else(missing)
    }

    /// Embeds `inputs` by `tower`, as many in one run as it takes and the options say.
    fn encode<I>(
        &mut self,
        tower: &Tower,
        inputs: &[I],
        run: impl Fn(&mut Self, &[I]) -> Result<Rows>,
    ) -> Result<Vec<f32>> {
        let wanted = self.manifest.dimensions;
        let rows_per_run = match tower.single {
            true => 1,
            false => self.options.batch_size.max(1),
        };
        let mut all = Vec::with_capacity(inputs.len() * wanted);
        for batch in inputs.chunks(rows_per_run) {
            let (dimensions, rows) = run(self, batch)?;
            if dimensions != wanted {
                return Err(Error::Inference {
                    file: tower.file.clone(),
                    reason: format!("{dimensions} dimensions instead of {wanted}"),
                });
            }
            all.extend(rows);
        }
        Ok(all)
    }
}

/// What goes into a graph, for all of its inputs.
pub(crate) struct Batch {
    tokens: Tokens,
    token_shape: [usize; 2],
    /// BERT's segment ids.
    zeros: Vec<i64>,
    /// `rows × 3 × height × width`.
    pixels: Vec<f32>,
    pixel_shape: [usize; 4],
}

impl Batch {
    /// `pixels` holds whole normalised images of `[height, width]`.
    pub(crate) fn new(tokens: Tokens, pixels: Vec<f32>, [height, width]: [u32; 2]) -> Self {
        Self {
            token_shape: [tokens.rows, tokens.length],
            zeros: vec![0; tokens.ids.len()],
            tokens,
            pixel_shape: [
                pixels.len() / samples([height, width]).max(1),
                3,
                height as usize,
                width as usize,
            ],
            pixels,
        }
    }

    /// The tensors for `inputs`.
    pub(crate) fn feeds<'a>(&'a self, inputs: &'a [Input]) -> Vec<Feed<'a>> {
        let feed = |input: &'a Input| {
            let (shape, data): (&[usize], _) = match input.role {
                Role::TokenIds => (&self.token_shape, Data::Integers(&self.tokens.ids)),
                Role::AttentionMask => (&self.token_shape, Data::Integers(&self.tokens.mask)),
                Role::TokenTypes => (&self.token_shape, Data::Integers(&self.zeros)),
                Role::Pixels => (&self.pixel_shape, Data::Floats(&self.pixels)),
            };
            Feed {
                name: &input.name,
                dtype: input.dtype,
                shape,
                data,
            }
        };
        inputs.iter().map(feed).collect()
    }
}

/// Samples of an RGB image of `[height, width]`.
fn samples([height, width]: [u32; 2]) -> usize {
    height as usize * width as usize * 3
}

/// Images of `[height, width]` as a vision tower takes them.
pub(crate) fn normalized(
    images: &[&[u8]],
    preprocess: &Preprocess,
    size: [u32; 2],
) -> Result<Vec<f32>> {
    let expected = samples(size);
    let mut values = vec![0.0; images.len() * expected];
    for (pixels, values) in images.iter().zip(values.chunks_exact_mut(expected.max(1))) {
        if pixels.len() != expected {
            return Err(Error::PixelCount {
                expected,
                found: pixels.len(),
            });
        }
        imaging::normalize(pixels, preprocess, values);
    }
    Ok(values)
}

/// Checks the graph `file` and the files that hold its weights.
fn verify(directory: &Path, manifest: &Manifest, file: &str, cancel: &Cancel) -> Result<()> {
    let tower = [&manifest.text.tower, &manifest.image.tower]
        .into_iter()
        .find(|tower| tower.file == file);
    let weights = tower
        .into_iter()
        .flat_map(|tower| &tower.weights)
        .map(String::as_str);
    for path in std::iter::once(file).chain(weights) {
        recorded(manifest, path)?.verify(directory, cancel)?;
    }
    Ok(())
}

fn load_tokenizer(directory: &Path, manifest: &Manifest) -> Result<Tokenizer> {
    let spec = &manifest.text.tokenizer;
    let contents = recorded(manifest, &spec.file)?.contents(directory)?;
    Tokenizer::new(&contents, spec.clone())
}

fn recorded<'a>(manifest: &'a Manifest, path: &str) -> Result<&'a ModelFile> {
    manifest.file(path).ok_or_else(|| Error::MissingModelFile {
        file: path.to_owned(),
        reason: "the model's description does not list it".to_owned(),
    })
}

/// Scales `row` to length 1.
fn normalize(row: &mut [f32]) -> std::result::Result<(), &'static str> {
    let norm = row
        .iter()
        .map(|&value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt();
    if !norm.is_finite() {
        return Err("it is not finite");
    }
    if norm == 0.0 {
        return Err("all its elements are 0");
    }
    for value in row {
        *value = (f64::from(*value) / norm) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
