//! The cost of a scan.
//!
//! A scan in an order visits a node of the graph for each row that it returns and more on its way there; each is a page,
//! read at random, an exact distance and an estimate of the distance to each neighbour. When it has visited so many that
//! a pass over the whole index costs no more, it makes one. So the first rows are cheap, some thousand are dear, and
//! there is a bound to what all of them cost. A planner knows lines only, from the first row to the last, of which
//! `LIMIT` takes a part: the line that it is told goes through what the rows cost that this query takes.
//!
//! Costs are in PostgreSQL's unit, a page of a table read in order. Measured on cached tables of 100 000 and 1 000 000
//! vectors of 512 dimensions, m = 16 (benches/sql/planner.py): such a page with its seven rows takes about a
//! microsecond, a visit four with its share of heap pages. At the default costs a page read at random counts as four
//! units already, for disks; where random_page_cost says that it is not slower than others, one, the processor's part is
//! what makes up the difference. The numbers below are between the two: a visit is .7 units besides its page.
//!
//! The plan that is chosen by them is the cheaper one, or takes at most a fifth longer, in 22 of 24 cells of the bench at
//! 100 000 rows, and was in 21 at 1 000 000 before scans kept to the graph for longer. The others are filters that pass a
//! topic, where half of the queries ask for something else and come to the exact pass: what that costs is known here, but
//! not that it comes to it.

/// Nodes visited for a row. A batch of `ef` rows keeps a beam of twice as many nodes and looks at some to find its way;
/// batches double, and the last is not used up, so that of 2.3 to 3.2 visits for each row of a batch between 1.6 and 3.2
/// come to one that is wanted.
const VISITS_PER_ROW: f64 = 2.5;
/// Nodes visited for one of the beam of a first batch.
const VISITS_PER_FOUND: f64 = 1.25;
/// What a visit takes whatever the node's size, in operators.
const VISIT_OPERATORS: f64 = 100.0;
/// Bytes of neighbours' codes that are worked on in the time of an operator: 32 codes of 40 bytes take .4 units.
const CODE_BYTES_PER_OPERATOR: f64 = 8.0;
/// Dimensions of an exact distance in the time of an operator: .04 units for 512.
const DIMENSIONS_PER_OPERATOR: f64 = 32.0;
/// What an exact pass does for a node besides, in operators: to find it on its page, and to put it in order.
const PASS_OPERATORS: f64 = 20.0;
/// What it takes to look whether a node's words pass a filter, and how many nodes from the directory are visited.
const WORD_OPERATORS: f64 = 0.5;
const LISTED_VISITS_PER_ROW: f64 = 1.5;
const FIRST_LISTED: f64 = 24.0;
/// What it does for a node that the filter leaves out, or before it knows.
const PASSED_OPERATORS: f64 = 4.0;
/// The default of `cursor_tuple_fraction`, which says nothing of the rows that are wanted; below it, somebody has set it.
const DEFAULT_CURSOR_FRACTION: f64 = 0.1;
/// What the planner takes for the share of rows that a `LIMIT` of unknown value asks for.
const UNKNOWN_LIMIT_FRACTION: f64 = 0.1;
/// For all rows in an order a sort is right whatever it costs: what a scan found late, it left out before it came to its
/// exact pass. Less than what the server adds where a kind of plan is disabled, 1e10.
const AVOIDED: f64 = 1e9;

/// What the planner knows of an index.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    /// Nodes, taken to be as many as rows.
    pub nodes: f64,
    /// Pages.
    pub pages: f64,
    /// Dimensions of its vectors.
    pub dimensions: usize,
    /// Bytes of the codes of a node's neighbours.
    pub neighbour_bytes: usize,
    /// Visits after which a scan leaves the graph for an exact pass.
    pub visits_before_pass: f64,
    /// The share of the nodes that pass the scan's own filter: above 0, and 1 where it has none.
    pub passing: f64,
    /// Nodes that the beam of the first batch finds: twice `ef_search` without a filter.
    pub beam: f64,
    /// Pages of the filter directory.
    pub listed_pages: f64,
    /// Those of them that the nearest few rows take.
    pub first_listed_pages: f64,
    /// Visits on the graph before a scan with a filter may go over to the directory.
    pub visits_before_list: f64,
    /// Bytes of a code.
    pub code_bytes: usize,
}

/// What single things cost, in the planner's unit.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    /// A page read at random.
    pub random_page: f64,
    /// A page read in order.
    pub next_page: f64,
    /// An operator.
    pub operator: f64,
    /// An index tuple.
    pub tuple: f64,
}

/// How scans are made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Rows of the first batch.
    pub ef_search: usize,
    /// Nodes that a scan may visit on the graph.
    pub max_scan_tuples: usize,
    /// Whether a scan that has come to its limits makes an exact pass.
    pub exact_fallback: bool,
}

/// What of the rows that pass all filters a query takes, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// All of them.
    All,
    /// Some, nobody knows how many.
    Some,
    /// A share of them.
    Share(f64),
    /// As many as a reader wants to see at once, where filters leave the share `filtered` of an index's rows.
    Page {
        /// Above 0, and 1 where there are no filters.
        filtered: f64,
    },
}

/// What a query says of the rows that it takes.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// PostgreSQL's `tuple_fraction`: a number of rows of 1 or more, a share of them below, 0 for all.
    pub fraction: f64,
    /// Whether the query, or one that it is part of, has a `LIMIT`.
    pub limited: bool,
    /// Whether rows are grouped before they are counted.
    pub grouped: bool,
    /// Rows of the query's joined tables.
    pub results: f64,
    /// The share of the table's rows that filters leave.
    pub filtered: f64,
}

impl Wanted {
    /// By what a query says.
    ///
    /// A fraction below 1 is the planner's guess for a `LIMIT` of unknown value, which is a small number in practice;
    /// without a `LIMIT`, it is that of a cursor, which will mostly be read to its end.
    pub fn by(query: &Query) -> Self {
        if query.grouped || query.fraction <= 0.0 {
            return if query.limited { Self::Some } else { Self::All };
        }
        if query.fraction >= 1.0 {
            return Self::Share((query.fraction / query.results).min(1.0));
        }
        if query.limited {
            let filtered = query.filtered.clamp(f64::MIN_POSITIVE, 1.0);
            return Self::Page { filtered };
        }
        if query.fraction < DEFAULT_CURSOR_FRACTION {
            Self::Share(query.fraction)
        } else {
            Self::All
        }
    }
}

/// What scans of an index cost.
pub struct Costs<F> {
    index: Index,
    prices: Prices,
    settings: Settings,
    /// Nodes of the first batch, which is always whole.
    first: f64,
    /// A visit, and a node of an exact pass, once its page is read.
    visit: f64,
    pass_node: f64,
    /// Pages that so many visits read, of which some may be cached by then.
    pages_read: F,
}

impl<F: Fn(f64) -> f64> Costs<F> {
    /// Those of an index. `pages_read` tells how many pages a scan has to read for a number of visits.
    pub fn new(index: Index, prices: Prices, settings: Settings, pages_read: F) -> Self {
        let distance = index.dimensions as f64 / DIMENSIONS_PER_OPERATOR;
        let estimates = index.neighbour_bytes as f64 / CODE_BYTES_PER_OPERATOR;
        Self {
            first: (VISITS_PER_FOUND * index.beam / index.passing).min(index.nodes),
            visit: prices.tuple + prices.operator * (VISIT_OPERATORS + distance + estimates),
            pass_node: prices.operator * index.passing * (distance + PASS_OPERATORS)
                + prices.operator * PASSED_OPERATORS,
            index,
            prices,
            settings,
            pages_read,
        }
    }

    /// Start-up and total cost of a scan on the graph that has so many rows, such that what lies between the two is right
    /// for as many as are wanted.
    pub fn line(&self, rows: f64, wanted: Wanted) -> (f64, f64) {
        let first = self.of_rows(1.0);
        let all = self.of_rows(rows);
        match wanted {
            Wanted::All => (AVOIDED, AVOIDED),
            Wanted::Some => (first, all),
            Wanted::Share(share) if self.ends_before(share * rows) => (AVOIDED, AVOIDED),
            Wanted::Share(share) => {
                let wanted = self.of_rows(share * rows);
                (first, all.max(first + (wanted - first) / share))
            }
            // The executor's own costs of all rows, at random from the table, keep this from being taken for all of them.
            Wanted::Page { filtered } => {
                let page = self.of_rows((self.settings.ef_search as f64 / filtered).min(rows));
                (first, first + (page - first) / UNKNOWN_LIMIT_FRACTION)
            }
        }
    }

    /// A pass over all pages.
    pub fn pass(&self) -> f64 {
        self.index.pages * self.prices.next_page + self.index.nodes * self.pass_node
    }

    /// A scan in an order for so many rows.
    fn of_rows(&self, rows: f64) -> f64 {
        let most = self.index.nodes.max(self.first);
        let visits = (VISITS_PER_ROW * rows / self.index.passing).clamp(self.first, most);
        if self.index.passing < 1.0 {
            return self.on_graph(visits).min(self.by_list(rows));
        }
        let leave = self
            .index
            .visits_before_pass
            .min(self.limit())
            .max(self.first);
        if visits <= leave {
            self.on_graph(visits)
        } else if self.settings.exact_fallback {
            self.on_graph(leave) + self.pass()
        } else {
            self.on_graph(visits.min(self.limit().max(self.first)))
        }
    }

    /// So many rows that pass a filter, from the filter directory.
    fn by_list(&self, rows: f64) -> f64 {
        let index = &self.index;
        let estimate = index.code_bytes as f64 / CODE_BYTES_PER_OPERATOR;
        let passing = index.nodes * index.passing;
        let first = index.first_listed_pages / index.listed_pages;
        let share = first.max(rows / passing).min(1.0);
        let words = index.nodes * share * WORD_OPERATORS;
        let estimates = (index.listed_pages + passing * share) * estimate;
        self.on_graph(index.visits_before_list)
            + index.listed_pages * (share * self.prices.random_page).min(self.prices.next_page)
            + self.prices.operator * (words + estimates)
            + self.on_graph((LISTED_VISITS_PER_ROW * rows + FIRST_LISTED).min(passing))
    }

    fn on_graph(&self, visits: f64) -> f64 {
        (self.pages_read)(visits) * self.prices.random_page + visits * self.visit
    }

    /// Nodes that a scan may visit on the graph.
    fn limit(&self) -> f64 {
        self.settings.max_scan_tuples as f64
    }

    /// Whether a scan would end before it has as many rows.
    fn ends_before(&self, rows: f64) -> bool {
        !self.settings.exact_fallback && VISITS_PER_ROW * rows > self.limit().max(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICES: Prices = Prices {
        random_page: 4.0,
        next_page: 1.0,
        operator: 0.0025,
        tuple: 0.005,
    };
    const SETTINGS: Settings = Settings {
        ef_search: 64,
        max_scan_tuples: 20_000,
        exact_fallback: true,
    };

    fn index(nodes: f64) -> Index {
        Index {
            nodes,
            pages: nodes / 3.0,
            dimensions: 512,
            neighbour_bytes: 32 * 40,
            visits_before_pass: nodes / 16.0,
            passing: 1.0,
            beam: 128.0,
            listed_pages: nodes / 130.0,
            first_listed_pages: nodes / 1_300.0,
            visits_before_list: 48.0,
            code_bytes: 40,
        }
    }

    fn costs(nodes: f64, settings: Settings) -> Costs<impl Fn(f64) -> f64> {
        Costs::new(index(nodes), PRICES, settings, |visits| visits)
    }

    #[test]
    fn a_visit_costs_what_was_measured() {
        let costs = costs(1e5, SETTINGS);
        assert!((costs.visit - 0.7).abs() < 0.1, "{}", costs.visit);
        // The first batch: 160 visits, each with a page.
        let (first, _) = costs.line(1e5, Wanted::Some);
        assert!(
            (first - 160.0 * (4.0 + costs.visit)).abs() < 1e-6,
            "{first}"
        );
    }

    #[test]
    fn more_rows_never_cost_less_and_all_cost_a_pass_at_most_besides() {
        for nodes in [10.0, 1e3, 1e5, 1e6] {
            let costs = costs(nodes, SETTINGS);
            let mut last = 0.0;
            for rows in (0..=100).map(|part| nodes * f64::from(part) / 100.0) {
                let now = costs.of_rows(rows);
                assert!(now >= last, "{rows} of {nodes}");
                last = now;
            }
            let leave = (nodes / 16.0).min(20_000.0).max(costs.first);
            assert!(last <= costs.on_graph(leave) + costs.pass() + 1e-6);
        }
    }

    #[test]
    fn the_fewer_pass_the_more_a_filter_costs_until_the_directory_costs_less() {
        let of = |passing: f64| {
            let index = Index {
                passing,
                beam: (128.0 * passing).max(20.0),
                ..index(1e5)
            };
            Costs::new(index, PRICES, SETTINGS, |visits| visits)
        };
        let costs = [1.0, 0.7, 0.5, 0.3].map(|passing| of(passing).of_rows(10.0));
        assert!(costs.is_sorted(), "{costs:?}");
        for passing in [0.05, 0.01, 1e-3, 1e-5] {
            let costs = of(passing);
            assert_eq!(costs.of_rows(10.0), costs.by_list(10.0));
            assert!(costs.by_list(10.0) < costs.pass() / 2.0);
        }
        assert!(of(0.5).of_rows(10.0) < of(0.5).by_list(10.0));
    }

    #[test]
    fn the_line_goes_through_what_is_wanted() {
        let costs = costs(1e5, SETTINGS);
        for share in [1e-4, 1e-3, 1e-2, 0.1, 1.0] {
            let (first, all) = costs.line(1e5, Wanted::Share(share));
            let on_line = first + share * (all - first);
            assert!(on_line >= costs.of_rows(share * 1e5) - 1e-6, "{share}");
        }
        let (first, all) = costs.line(1e5, Wanted::Page { filtered: 0.01 });
        let on_line = first + UNKNOWN_LIMIT_FRACTION * (all - first);
        assert!((on_line - costs.of_rows(6_400.0)).abs() < 1e-6);
        assert_eq!(costs.line(1e5, Wanted::All), (AVOIDED, AVOIDED));
    }

    #[test]
    fn a_scan_that_would_end_too_soon_is_avoided() {
        let settings = Settings {
            exact_fallback: false,
            ..SETTINGS
        };
        let costs = costs(1e6, settings);
        assert_eq!(costs.line(1e6, Wanted::Share(0.5)), (AVOIDED, AVOIDED));
        let (_, some) = costs.line(1e6, Wanted::Some);
        assert!((some - costs.on_graph(20_000.0)).abs() < 1e-6);
        assert!(costs.line(1e6, Wanted::Share(0.001)).1 < AVOIDED);
    }

    #[test]
    fn what_a_query_takes() {
        let query = Query {
            fraction: 0.0,
            limited: false,
            grouped: false,
            results: 1_000.0,
            filtered: 0.25,
        };
        assert_eq!(Wanted::by(&query), Wanted::All);
        let limit = Query {
            limited: true,
            ..query
        };
        assert_eq!(Wanted::by(&limit), Wanted::Some);
        let rows = |fraction| Wanted::by(&Query { fraction, ..limit });
        assert_eq!(rows(10.0), Wanted::Share(0.01));
        assert_eq!(rows(5_000.0), Wanted::Share(1.0));
        assert_eq!(rows(0.1), Wanted::Page { filtered: 0.25 });
        let cursor = |fraction| Wanted::by(&Query { fraction, ..query });
        assert_eq!(cursor(0.1), Wanted::All);
        assert_eq!(cursor(0.01), Wanted::Share(0.01));
        let grouped = Query {
            fraction: 10.0,
            grouped: true,
            ..limit
        };
        assert_eq!(Wanted::by(&grouped), Wanted::Some);
    }
}
