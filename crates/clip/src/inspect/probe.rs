//! The runs that registration learns from.

use super::{
    ports::{self, Side},
    scale,
};
use crate::{
    Error, Result,
    cancel::Cancel,
    encoder::{Batch, Encoder, Options, Rows, normalized},
    manifest::{Manifest, Tower},
    session::{Runtime, Session},
    tokenize::{Padding, Tokenizer},
};
use std::path::Path;

/// Threads per run; a probe is over before more would pay.
pub(super) const THREADS: usize = 1;
/// Texts of different lengths and meanings.
const TEXTS: [&str; 4] = [
    "cat",
    LONG_TEXT,
    "a page of printed text",
    "1897: nº 12, d'après l'original",
];
const LONG_TEXT: &str = "two dogs running through deep snow near a red house";
/// Cosine distance that counts as the same embedding: above the noise of another order of summation, some 1e-14 in
/// single precision, and below what counted padding or a quantisation shared between rows does.
const SAME: f64 = 1e-9;
/// Output of graphs with both towers, `[images, texts]`.
const LOGITS: &str = "logits_per_image";

/// A model under examination.
pub(super) struct Probe<'a> {
    encoder: Encoder,
    runtime: &'a Runtime,
    directory: &'a Path,
    cancel: &'a Cancel,
}

impl<'a> Probe<'a> {
    /// A probe of the model in `directory`, described by a provisional `manifest`.
    pub(super) fn new(
        runtime: &'a Runtime,
        directory: &'a Path,
        manifest: Manifest,
        cancel: &'a Cancel,
    ) -> Self {
        let options = Options {
            threads: THREADS,
            ..Options::default()
        };
        let encoder = Encoder::new(runtime.clone(), directory, manifest, options);
        Self {
            encoder,
            runtime,
            directory,
            cancel,
        }
    }

    /// Gives the encoder what is loaded already.
    pub(super) fn load(&mut self, tokenizer: Tokenizer, sessions: Vec<(String, Session)>) {
        self.encoder.set_loaded(tokenizer, sessions);
    }

    /// The description as far as it was found out.
    pub(super) fn finish(self) -> Manifest {
        self.encoder.into_manifest()
    }

    /// Finds out how the text tower can be run; returns its dimensions.
    ///
    /// The embeddings to keep are those of single texts, filled up as the manifest says. `spare` is whether filling up
    /// may be spared where that changes nothing.
    pub(super) fn texts(&mut self, spare: bool) -> Result<usize> {
        let (dimensions, reference) = self.settle(Side::Text)?;
        self.longest_text()?;
        if spare {
            let change =
                |manifest: &mut Manifest| manifest.text.tokenizer.padding = Padding::Longest;
            self.attempt(Side::Text, &reference, change)?;
        }
        Ok(dimensions)
    }

    /// Embeds a text that is cut to the context length. Shorter ones, filled up, need not reach the last position.
    fn longest_text(&mut self) -> Result<()> {
        let length = self.encoder.manifest().text.tokenizer.context_length;
        let words = LONG_TEXT.split(' ').count();
        let text = format!("{LONG_TEXT} ").repeat(length.div_ceil(words));
        match self.encoder.run_texts(&[&text], self.cancel) {
            Ok(_) => Ok(()),
            Err(Error::Inference { file, reason }) => Err(Error::ContextLength {
                file,
                length,
                reason,
            }),
            Err(error) => Err(error),
        }
    }

    /// Finds out how the image tower can be run; returns its dimensions.
    pub(super) fn images(&mut self) -> Result<usize> {
        self.settle(Side::Image).map(|(dimensions, _)| dimensions)
    }

    /// Scale and bias of the logits that the graph `file` computes, if it does.
    pub(super) fn logits(
        &self,
        file: &str,
        sessions: &mut [(String, Session)],
        tokenizer: &Tokenizer,
    ) -> Result<Option<(f64, f64)>> {
        let points = match sessions.iter_mut().find(|(loaded, _)| loaded == file) {
            Some((_, session)) => self.points(file, session, tokenizer),
            None => Session::open(self.runtime, self.directory, file, THREADS, self.cancel)
                .and_then(|mut session| self.points(file, &mut session, tokenizer)),
        };
        match points {
            Ok(points) => Ok(scale::fit(&points)),
            Err(Error::Canceled) => Err(Error::Canceled),
            // The model works without that graph.
            Err(_) => Ok(None),
        }
    }

    /// Cosine and logit of every pair of a probe text and a probe image.
    fn points(
        &self,
        file: &str,
        session: &mut Session,
        tokenizer: &Tokenizer,
    ) -> Result<Vec<(f64, f64)>> {
        let (inputs, outputs) = (session.inputs(), session.outputs());
        if !outputs.iter().any(|port| port.name == LOGITS) {
            return Ok(Vec::new());
        }
        let text = ports::find(file, Side::Text, &inputs, &outputs, None)?.tower;
        let image = ports::find(file, Side::Image, &inputs, &outputs, None)?.tower;
        let described = &self.encoder.manifest().image;
        let mut points = Vec::new();
        for pixels in images(described.size) {
            for caption in TEXTS {
                let tokens = tokenizer.batch(&[caption], Padding::Full)?;
                let pixels = normalized(&[&pixels], &described.preprocess, described.size)?;
                let batch = Batch::new(tokens, pixels, described.size);
                let names = [text.output.as_str(), image.output.as_str(), LOGITS];
                let outputs = session.run(&batch.feeds(&text.inputs), &names, self.cancel)?;
                if let [text, image, logits] = outputs.as_slice() {
                    let logit = logits.values.first().copied().unwrap_or(f32::NAN);
                    points.push((cosine(&text.values, &image.values), f64::from(logit)));
                }
            }
        }
        Ok(points)
    }

    /// Embeds one by one, then finds out whether several rows at once, and none for the other tower, do as well.
    fn settle(&mut self, side: Side) -> Result<Rows> {
        let tower = tower_of(self.encoder.manifest_mut(), side);
        let fixed = std::mem::replace(&mut tower.single, true);
        let foreign = tower.idle_rows > 0;
        let reference = self.embed(side)?;
        if foreign {
            self.attempt(side, &reference.1, |manifest| {
                tower_of(manifest, side).idle_rows = 0
            })?;
        }
        if !fixed {
            self.attempt(side, &reference.1, |manifest| {
                tower_of(manifest, side).single = false
            })?;
        }
        Ok(reference)
    }

    /// Keeps a change of the description if the model embeds the same with it.
    fn attempt(
        &mut self,
        side: Side,
        reference: &[f32],
        change: impl FnOnce(&mut Manifest),
    ) -> Result<()> {
        let before = self.encoder.manifest().clone();
        change(self.encoder.manifest_mut());
        match self.embed(side) {
            Ok((dimensions, rows)) if same(&rows, reference, dimensions) => return Ok(()),
            Err(Error::Canceled) => return Err(Error::Canceled),
            _ => {}
        }
        *self.encoder.manifest_mut() = before;
        Ok(())
    }

    /// Embeds the probes for `side` as the description has it.
    fn embed(&mut self, side: Side) -> Result<Rows> {
        let images = images(self.encoder.manifest().image.size);
        let images = images.each_ref().map(Vec::as_slice);
        let single = tower_of(self.encoder.manifest_mut(), side).single;
        let step = if single { 1 } else { TEXTS.len() };
        let mut all = (0, Vec::new());
        for (texts, images) in TEXTS.chunks(step).zip(images.chunks(step)) {
            let (dimensions, rows) = match side {
                Side::Text => self.encoder.run_texts(texts, self.cancel)?,
                Side::Image => self.encoder.run_images(images, self.cancel)?,
            };
            all.0 = dimensions;
            all.1.extend(rows);
        }
        Ok(all)
    }
}

fn tower_of(manifest: &mut Manifest, side: Side) -> &mut Tower {
    match side {
        Side::Text => &mut manifest.text.tower,
        Side::Image => &mut manifest.image.tower,
    }
}

/// Images of `[height, width]` that look different: a gradient, squares, noise, and a grey with little in it, whose
/// range is narrow wherever a tower looks.
fn images([height, width]: [u32; 2]) -> [Vec<u8>; 4] {
    let draw = |sample: &dyn Fn(u32, u32, u32) -> u32| {
        let rows = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |channel| (y, x, channel))));
        rows.map(|(y, x, channel)| sample(y, x, channel) as u8)
            .collect()
    };
    [
        draw(&|y, x, channel| {
            if channel == 0 {
                255 * x / width
            } else {
                255 * y / height
            }
        }),
        draw(&|y, x, _| (x / 32 + y / 32) % 2 * 255),
        draw(&|y, x, channel| ((y * width + x) * 3 + channel).wrapping_mul(2_654_435_761) >> 24),
        draw(&|y, x, _| 120 + (x ^ y) % 3),
    ]
}

fn same(a: &[f32], b: &[f32], dimensions: usize) -> bool {
    let rows = a
        .chunks_exact(dimensions.max(1))
        .zip(b.chunks_exact(dimensions.max(1)));
    a.len() == b.len() && rows.into_iter().all(|(a, b)| 1.0 - cosine(a, b) < SAME)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
