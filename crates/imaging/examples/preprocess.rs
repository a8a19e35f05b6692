//! Preprocesses images for comparison with another implementation.
//!
//! Each line of standard input is a file, a region as IIIF has it, and a `imaging::preprocess::Preprocess` as JSON, between tabs. Each answer on
//! standard output is a line `ok BYTES` followed by that many bytes of pixels (RGB, rows from the top), or
//! a line `error MESSAGE`.

use imaging::{Limits, Region, pixels};
use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

const LIMITS: Limits = Limits {
    max_pixels: 200_000_000,
    max_memory: 4 << 30,
};

fn answer(line: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut fields = line.splitn(3, '\t');
    let mut field = || fields.next().ok_or("no tab in the request");
    let (path, region, preprocess) = (field()?, field()?, field()?);
    let bytes = std::fs::read(path)?;
    Ok(pixels(
        &bytes,
        region.parse::<Region>()?,
        &serde_json::from_str(preprocess)?,
        &LIMITS,
        &|| (),
    )?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        match answer(&line?) {
            Ok(pixels) => {
                writeln!(out, "ok {}", pixels.len())?;
                out.write_all(&pixels)?;
            }
            Err(error) => writeln!(out, "error {}", error.to_string().replace('\n', " "))?,
        }
        out.flush()?;
    }
    Ok(())
}
