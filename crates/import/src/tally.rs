//! What became of files, and when that is told.

use std::time::{Duration, Instant};

/// How often an import tells how far it has come.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a new row.
    Imported,
    /// The row with its path has new contents.
    Updated,
    /// The row with its path has its size.
    Known,
    /// A row with another path has its contents.
    Copy,
    /// It cannot be read, or is no image.
    Failed,
}

/// Files by what became of them.
#[derive(Debug)]
pub struct Tally {
    /// New rows.
    pub imported: u64,
    /// Rows with new contents.
    pub updated: u64,
    /// Files that were there already, copies among them.
    pub skipped: u64,
    /// Files that could not be imported.
    pub failed: u64,
    /// Copies that were not told of yet: the first of them, and how many there are.
    copies: (Vec<String>, u64),
    told: Instant,
}

impl Tally {
    /// None yet.
    pub fn new(now: Instant) -> Self {
        Self {
            imported: 0,
            updated: 0,
            skipped: 0,
            failed: 0,
            copies: (Vec::new(), 0),
            told: now,
        }
    }

    /// Counts a file.
    pub fn add(&mut self, path: &str, outcome: Outcome) {
        const TOLD: usize = 10;
        match outcome {
            Outcome::Imported => self.imported += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Known => self.skipped += 1,
            Outcome::Copy => {
                self.skipped += 1;
                let (paths, count) = &mut self.copies;
                *count += 1;
                if paths.len() < TOLD {
                    paths.push(path.to_owned());
                }
            }
            Outcome::Failed => self.failed += 1,
        }
    }

    /// What there is to tell of copies that came since this was last asked: how many, and which.
    pub fn take_copies(&mut self) -> Option<(String, String)> {
        let (paths, count) = std::mem::take(&mut self.copies);
        let others = if count > paths.len() as u64 {
            ", and others"
        } else {
            ""
        };
        (count > 0).then(|| {
            (
                format!("{count} file(s) skipped whose contents are there under another path"),
                format!("{}{others}", paths.join(", ")),
            )
        })
    }

    /// What there is to tell now, if it is time.
    pub fn tell(&mut self, now: Instant) -> Option<String> {
        if now.duration_since(self.told) <= TOLD_EVERY {
            return None;
        }
        self.told = now;
        Some(format!(
            "{} file(s) imported, {} updated, {} skipped so far; {} could not be imported",
            self.imported, self.updated, self.skipped, self.failed
        ))
    }
}
