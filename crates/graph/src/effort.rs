//! What a scan's ways to its rows cost, told in visits of nodes on the graph: for the [scan](crate::scan), which chooses on
//! its way, and for whoever plans one.

/// Nodes that pass a filter, as many as the first beam is to find at least: in an index of so many nodes, and more for each ten
/// times as many. As many of a million find .94 of the ten nearest where one of ten passes at random, and twelve more .975.
const FEWEST: f64 = 24.0;
const FEW_NODES: f64 = 100_000.0;
const MORE: f64 = 12.0;
/// Visits on the graph after which a scan with a filter looks how many pass.
pub const PROBE: usize = 48;
/// What costs as much as a visit on the graph: pages of the filter directory, summaries of such, estimates of distances there;
/// and visits of what was found there.
const LISTED_PAGES: f64 = 4.0;
const SUMMARIES: f64 = 100.0;
const ESTIMATES: f64 = 100.0;
const LISTED_VISITS: f64 = 110.0;
/// An exact pass of so many nodes costs as much as the next batch for each node visited so far: that visits about as
/// many again, and a visit takes as long as some eight nodes of the pass.
pub(crate) const WORTH: usize = 16;

/// Visits after which a [complete](crate::scan::Scan::complete) scan of an index of so many nodes leaves a graph that is not
/// doubtful.
pub fn visits_before_exact_pass(nodes: f64) -> f64 {
    nodes / WORTH as f64
}

/// Pages with summaries that are read, so many times the root of their number: 100 to 350 of 2 300, 220 to 750 of 7 700.
const READ: f64 = 6.0;

/// Pages of the filter directory that it takes to find the nearest few that pass a filter, of `nodes` nodes, `listed` to a page,
/// `summarized` of them on pages with summaries.
pub fn pages_of_directory(nodes: f64, summarized: f64, listed: usize) -> f64 {
    let summaries = summarized.min(nodes) / listed as f64;
    let chained = nodes / listed as f64 - summaries;
    chained + summaries.min(READ * summaries.sqrt())
}

/// Visits on the graph that cost as much as it does to look there for what passes a filter: to look at the summaries and at the
/// words on pages, to estimate the distances of what passes and to visit the nearest.
pub(crate) fn visits_of_directory(nodes: f64, summarized: f64, passing: f64, listed: usize) -> f64 {
    let read = pages_of_directory(nodes, summarized, listed);
    let estimates = read * listed as f64 * passing;
    summarized / listed as f64 / SUMMARIES
        + read / LISTED_PAGES
        + estimates / ESTIMATES
        + LISTED_VISITS
}

/// Nodes that pass a filter, as many as the first beam is to find at least in an index of `nodes` nodes.
pub fn fewest(nodes: f64) -> usize {
    (FEWEST + MORE * (nodes / FEW_NODES).max(1.0).log10()) as usize
}

/// Nodes of the beam of a scan with a filter that such a share of the nodes passes, for a batch of `ef`: as many as pass of as
/// many without one, but not fewer than so many.
pub fn beam(ef: usize, passing: f64, fewest: usize) -> usize {
    let most = ef.saturating_mul(2);
    ((most as f64 * passing) as usize).max(fewest).min(most)
}
