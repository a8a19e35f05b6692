//! Measures an index over `MemStore`: build time, recall@10, nodes and pages visited, rows whose distances the executor
//! would work out, time per query.
//!
//! ```text
//! cargo run --release -p graph --example tune -- [OPTION=VALUE...] BASE.npy [QUERIES.npy...]
//!     m=16 ef_construction=64 threads=2 count=all queries=300
//!     hold_out=0      last vectors of BASE that are queries instead
//!     exact=0         1 to search without codes, as an index too small to have any is searched
//!     budget=0        kilobytes of memory of the build; as many as it likes
//!     insert=0        last vectors of BASE that are inserted one by one after the build
//!     filter=0        1 to give it two filter columns and measure filters that pass so many of a thousand, of random nodes
//!                     and of those on one side
//! ```
//!
//! The files are numpy's, of two dimensions, of single floats or bytes; vectors are scaled to norm 1.
//! `unzip` takes an `.npz` of the generator apart into such files.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::time::Instant;

use graph::build::{Builder, Phase};
use graph::check::check;
use graph::filter::{Comparison, Condition, Filter, Word};
use graph::index::{Index, Parameters};
use graph::insert::{NewRow, insert};
use graph::layout::Tid;
use graph::mem::MemStore;
use graph::random::Random;
use graph::reorder::Reordered;
use graph::scan::{Options, Order, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::threads::Threads;
use half::f16;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn load(path: &str) -> Result<Vec<Vec<f16>>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut start = [0; 10];
    file.read_exact(&mut start)?;
    let mut header = vec![0; usize::from(u16::from_le_bytes([start[8], start[9]]))];
    file.read_exact(&mut header)?;
    let header = std::str::from_utf8(&header)?;
    let shape = header.split('(').nth(1).ok_or("no shape")?;
    let mut sizes = shape.split([',', ')']).map(|size| size.trim().parse());
    let (count, dims): (usize, usize) = match (sizes.next(), sizes.next()) {
        (Some(count), Some(dims)) => (count?, dims?),
        _ => return Err("one dimension".into()),
    };
    let single = header.contains("'<f4'");
    if !single && !header.contains("'|i1'") {
        return Err(format!("unknown type in {header}").into());
    }
    let mut bytes = vec![0; dims * if single { 4 } else { 1 }];
    let mut vectors = Vec::with_capacity(count);
    for _ in 0..count {
        file.read_exact(&mut bytes)?;
        let vector: Vec<f32> = if single {
            let bytes = bytes.chunks_exact(4);
            bytes
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()
        } else {
            bytes.iter().map(|&b| f32::from(b as i8)).collect()
        };
        let norm = kernels::norm(&vector[..]) as f32;
        vectors.push(vector.iter().map(|x| f16::from_f32(x / norm)).collect());
    }
    Ok(vectors)
}

fn nearest(base: &[Vec<f16>], query: &[f16]) -> Vec<usize> {
    let mut all: Vec<(f32, usize)> = base
        .iter()
        .enumerate()
        .map(|(row, vector)| (-kernels::dot(query, vector), row))
        .collect();
    all.select_nth_unstable_by(10, |a, b| a.0.total_cmp(&b.0));
    all[..10].iter().map(|&(_, row)| row).collect()
}

fn measure(
    name: &str,
    index: &Index<&MemStore>,
    store: &MemStore,
    base: &[Vec<f16>],
    queries: &[Vec<f16>],
    exact: bool,
) -> Result<()> {
    let truth: Vec<Vec<usize>> = queries.iter().map(|query| nearest(base, query)).collect();
    println!("{name}\n   ef  recall@10   hops  pages   rows  us/query  late");
    for ef in [5, 10, 15, 20, 25, 32, 40, 50, 64, 100] {
        let reads = store.reads();
        let (mut found, mut hops, mut rows, mut late) = (0, 0, 0, 0);
        let start = Instant::now();
        for (vector, truth) in queries.iter().zip(&truth) {
            let mut query = index.query(vector)?;
            if exact {
                query.estimator = None;
            }
            let scan = Scan::new(
                query,
                Options {
                    ef,
                    order: Order::Strict,
                    limits: Limits::NONE,
                    skip_dead: false,
                },
            );
            let mut scan = Reordered::new(index, scan, |tid| {
                kernels::cosine_distance(vector, &base[tid.block() as usize])
            });
            for _ in 0..10 {
                let Some((_, tid)) = scan.next_row()? else {
                    break;
                };
                found += usize::from(truth.contains(&(tid.block() as usize)));
            }
            rows += scan.fetched();
            hops += scan.scan().hops();
            late += scan.scan().late();
        }
        let time = start.elapsed().as_secs_f64();
        let count = queries.len() as f64;
        println!(
            "{ef:5} {:10.4} {:6.0} {:6.0} {:6.1} {:9.1} {late:5}",
            found as f64 / (10.0 * count),
            hops as f64 / count,
            (store.reads() - reads) as f64 / count,
            rows as f64 / count,
            1e6 * time / count,
        );
    }
    Ok(())
}

/// Of each vector, its place among a thousand parts: random ones, and such as lie beside each other.
fn words(base: &[Vec<f16>]) -> Vec<[u64; 2]> {
    let mut random = Random::new(1);
    let along: Vec<f16> = base[0]
        .iter()
        .map(|_| f16::from_f32(random.normal()))
        .collect();
    let mut order: Vec<usize> = (0..base.len()).collect();
    let side: Vec<f32> = base
        .iter()
        .map(|vector| kernels::dot(vector, &along))
        .collect();
    order.sort_by(|&a, &b| side[a].total_cmp(&side[b]));
    let mut words = vec![[0; 2]; base.len()];
    for (place, row) in order.into_iter().enumerate() {
        let parts = [random.below(1000), place * 1000 / base.len()];
        words[row] = parts.map(|part| Word::integer(part as i64).word);
    }
    words
}

/// Recall and time of the ten nearest of those that pass a filter.
fn measure_filters(
    index: &Index<&MemStore>,
    store: &MemStore,
    base: &[Vec<f16>],
    words: &[[u64; 2]],
    queries: &[Vec<f16>],
) -> Result<()> {
    println!("filters\n  column  passing  recall@10  pages   rows  us/query  late");
    for column in 0..2 {
        for passing in [1, 3, 10, 30, 100, 300, 700, 1000] {
            let mut filter = Filter::default();
            let end = Word::integer(passing);
            filter.add(column, Condition::compared(Comparison::Less, end));
            let rows: Vec<usize> = (0..base.len())
                .filter(|&row| filter.passes(&words[row]))
                .collect();
            let vectors: Vec<Vec<f16>> = rows.iter().map(|&row| base[row].clone()).collect();
            let truth: Vec<Vec<usize>> = queries
                .iter()
                .map(|query| {
                    nearest(&vectors, query)
                        .iter()
                        .map(|&at| rows[at])
                        .collect()
                })
                .collect();
            let (reads, start) = (store.reads(), Instant::now());
            let (mut found, mut rows_read, mut late) = (0, 0, 0);
            for (query, truth) in queries.iter().zip(&truth) {
                let options = Options {
                    ef: 64,
                    order: Order::Strict,
                    limits: Limits::NONE,
                    skip_dead: false,
                };
                let scan = Scan::new(index.query(query)?, options)
                    .filtered(filter.clone())
                    .complete();
                let mut scan = Reordered::new(index, scan, |tid| {
                    kernels::cosine_distance(query, &base[tid.block() as usize])
                });
                for _ in 0..10 {
                    let Some((_, tid)) = scan.next_row()? else {
                        break;
                    };
                    found += usize::from(truth.contains(&(tid.block() as usize)));
                }
                rows_read += scan.fetched();
                late += scan.scan().late();
            }
            let (time, count) = (start.elapsed().as_secs_f64(), queries.len() as f64);
            println!(
                "{column:8} {passing:8} {:10.4} {:6.0} {:6.1} {:9.1} {late:5}",
                found as f64 / (10.0 * count),
                (store.reads() - reads) as f64 / count,
                rows_read as f64 / count,
                1e6 * time / count
            );
        }
    }
    Ok(())
}

/// Tells how long each phase takes.
fn phases() -> impl FnMut(Phase, u64, u64) {
    let (start, mut now) = (Instant::now(), None);
    move |phase, _, of| {
        if now != Some(phase) {
            println!(
                "{:?} until {:.2} s, then {phase:?} of {of}",
                now,
                start.elapsed().as_secs_f64()
            );
            now = Some(phase);
        }
    }
}

fn main() -> Result<()> {
    let mut options: HashMap<&str, usize> = HashMap::from([
        ("m", 16),
        ("ef_construction", 64),
        ("threads", 2),
        ("count", usize::MAX),
        ("queries", 300),
        ("hold_out", 0),
        ("insert", 0),
        ("exact", 0),
        ("filter", 0),
        ("budget", 0),
    ]);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut files = Vec::new();
    for argument in &arguments {
        match argument.split_once('=') {
            Some((name, value)) => {
                *options.get_mut(name).ok_or("unknown option")? = value.parse()?
            }
            None => files.push(argument.as_str()),
        }
    }
    let (base_file, query_files) = files.split_first().ok_or("which vectors?")?;
    let mut base = load(base_file)?;
    let held_out = base.split_off(base.len() - options["hold_out"]);
    base.truncate(options["count"]);

    let parameters = Parameters {
        metric: Metric::Cosine,
        dims: base[0].len(),
        m: options["m"],
        columns: 2 * options["filter"],
        ef_construction: options["ef_construction"],
    };
    let words = words(&base);
    let (store, start) = (MemStore::new(), Instant::now());
    let budget = match options["budget"] {
        0 => usize::MAX,
        kilobytes => kilobytes << 10,
    };
    let mut builder = Builder::new(&store, parameters, budget)?;
    let later = base.len() - options["insert"];
    for (row, vector) in base[..later].iter().enumerate() {
        builder.push(
            vector,
            NewRow {
                tid: Tid::new(row as u32, 1),
                words: &words[row][..parameters.columns],
            },
        )?;
    }
    let threads = Threads {
        count: options["threads"],
        spawning: |start| start(),
    };
    let mut index = builder.finish(threads, phases())?;
    println!(
        "built {later} x {} in {:.2} s, {:?}, bits {:?}",
        parameters.dims,
        start.elapsed().as_secs_f64(),
        index.shape(),
        index.basis().map(|basis| basis.bits())
    );
    if later < base.len() {
        let (commits, start) = (store.commits(), Instant::now());
        for (row, vector) in base.iter().enumerate().skip(later) {
            let row = NewRow {
                tid: Tid::new(row as u32, 1),
                words: &words[row][..parameters.columns],
            };
            insert(&mut index, vector, row)?;
        }
        let count = (base.len() - later) as f64;
        println!(
            "inserted {count}: {:.1} us and {:.1} records each",
            1e6 * start.elapsed().as_secs_f64() / count,
            (store.commits() - commits) as f64 / count
        );
    }
    let exact = options["exact"] != 0;
    let report = check(&index)?.0;
    println!(
        "{} live, {} edges, {} uncoded, {} entries, {} unreachable, {} problems",
        report.live,
        report.edges,
        report.uncoded,
        report.entries,
        report.unreachable,
        report.problems.len()
    );
    if !held_out.is_empty() {
        let count = held_out.len().min(options["queries"]);
        measure("held out", &index, &store, &base, &held_out[..count], exact)?;
    }
    for file in query_files {
        let mut queries = load(file)?;
        queries.truncate(options["queries"]);
        measure(file, &index, &store, &base, &queries, exact)?;
        if parameters.columns > 0 {
            measure_filters(&index, &store, &base, &words, &queries)?;
        }
    }
    Ok(())
}
