//! Embeds the lines of standard input with a model and writes, per line, a JSON object with token ids and embedding.
//!
//! `cargo run -p clip --example embed -- /usr/lib/libonnxruntime.so models/clip-mini '{}' < captions.txt`

use clip::{
    cancel::Cancel,
    encoder::{Encoder, Options},
    inspect::Overrides,
    manifest::Manifest,
    session::Runtime,
    tokenize::Tokenizer,
};
use std::{
    env,
    error::Error,
    io::{self, BufRead, Write},
    path::PathBuf,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let library = PathBuf::from(
        arguments
            .next()
            .ok_or("the first argument is ONNX Runtime's library")?,
    );
    let directory = PathBuf::from(
        arguments
            .next()
            .ok_or("the second argument is a model directory")?,
    );
    let overrides = Overrides::from_json(&serde_json::from_str(
        arguments.next().as_deref().unwrap_or("{}"),
    )?)?;

    // Once, at registration; the manifest is kept.
    let runtime = Runtime::load(&library)?;
    let cancel = Cancel::default();
    let manifest = Manifest::inspect(&directory, &overrides, &runtime, &cancel)?;
    eprintln!("{}", serde_json::to_string_pretty(&manifest)?);

    // From then on.
    let spec = manifest.text.tokenizer.clone();
    let tokenizer = Tokenizer::new(&std::fs::read(directory.join(&spec.file))?, spec)?;
    let mut encoder = Encoder::new(runtime, &directory, manifest, Options::default());
    let lines = io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<_> = lines.iter().map(String::as_str).collect();
    let embeddings = encoder.encode_texts(&texts, &cancel)?;
    let dimensions = encoder.manifest().dimensions;
    let mut output = io::stdout().lock();
    for (text, embedding) in texts.iter().zip(embeddings.chunks(dimensions)) {
        let line = serde_json::json!({"text": text, "ids": tokenizer.encode(text)?, "embedding": embedding});
        writeln!(output, "{line}")?;
    }
    Ok(())
}
