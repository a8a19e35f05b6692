//! Writes the extension's SQL script: what pgrx's macros have left in the library for that, in an order of its own.
//!
//! cargo-pgrx does the same, with three differences that matter for a file that is kept: here the order depends on names
//! alone, so that a new function is one new block in a diff; no line numbers of the Rust files are in it; and what has its
//! SQL elsewhere leaves no trace.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::Write;

use eyre::{WrapErr, bail, eyre};
use object::{Object, ObjectSection};
use petgraph::algo::tarjan_scc;
use petgraph::stable_graph::{NodeIndex, StableGraph};
use pgrx_sql_entity_graph::section::{decode_entities, is_schema_section_name};
use pgrx_sql_entity_graph::{ControlFile, PgrxSql, SqlGraphEntity, SqlGraphIdentifier, ToSql};

fn main() -> eyre::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, control] = arguments.as_slice() else {
        bail!("usage: schema LIBRARY CONTROL_FILE");
    };
    let data = std::fs::read(library).wrap_err_with(|| format!("could not read {library}"))?;
    let script =
        script(&data, control).wrap_err_with(|| format!("no script comes of {library}"))?;
    std::io::stdout().write_all(script.as_bytes())?;
    Ok(())
}

/// The script that a library's own description of itself asks for.
fn script(library: &[u8], control: &str) -> eyre::Result<String> {
    let file = object::File::parse(library)?;
    let section = file
        .sections()
        .find(|section| section.name().is_ok_and(is_schema_section_name))
        .ok_or_else(|| eyre!("it was linked without pgrx's section, which build.rs keeps"))?;
    let control =
        std::fs::read_to_string(control).wrap_err_with(|| format!("could not read {control}"))?;
    let control =
        ControlFile::from_str(&control).map_err(|error| eyre!("the control file: {error}"))?;
    let version = control.default_version.clone();
    let mut entities = vec![SqlGraphEntity::ExtensionRoot(control)];
    entities.extend(
        decode_entities(section.data()?).map_err(|error| eyre!("pgrx's section: {error}"))?,
    );
    let described = PgrxSql::build(entities.into_iter(), "clip_pg".to_owned(), false)?;

    let mut script = format!(
        "-- clip_pg {version}, written by `make schema`.\n\n\
         \\echo Use \"CREATE EXTENSION clip_pg\" to load this file. \\quit\n"
    );
    for node in order(&described.graph)? {
        let entity = &described.graph[node];
        if matches!(entity, SqlGraphEntity::ExtensionRoot(_)) {
            continue;
        }
        let mut sql = entity.to_sql(&described)?;
        if let (Some(file), Some(line)) = (entity.file(), entity.line()) {
            sql = sql.replacen(&format!("-- {file}:{line}\n"), &format!("-- {file}\n"), 1);
        }
        let sql = sql.trim();
        if !sql
            .lines()
            .all(|line| line.is_empty() || line.starts_with("--"))
        {
            script.push('\n');
            script.push_str(sql);
            script.push('\n');
        }
    }
    Ok(script)
}

/// The nodes, each after all that have an edge to it, and otherwise as they are numbered: pgrx sorts what it numbers.
fn order<E>(graph: &StableGraph<SqlGraphEntity<'_>, E>) -> eyre::Result<Vec<NodeIndex>> {
    if let Some(circle) = tarjan_scc(graph).into_iter().find(|nodes| nodes.len() > 1) {
        let names: Vec<String> = circle
            .iter()
            .map(|&node| graph[node].rust_identifier())
            .collect();
        bail!("these need one another: {}", names.join(", "));
    }
    let mut needed: HashMap<NodeIndex, usize> = HashMap::new();
    let mut ready = BinaryHeap::new();
    for node in graph.node_indices() {
        let needs = graph.neighbors_directed(node, petgraph::Incoming).count();
        needed.insert(node, needs);
        if needs == 0 {
            ready.push(Reverse(node));
        }
    }
    let mut order = Vec::new();
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for next in graph.neighbors(node) {
            let left = needed.get_mut(&next).expect("every node has been counted");
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    Ok(order)
}
