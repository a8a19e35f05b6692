//! What can go wrong with an index.

use graph::layout::MAX_COLUMNS;
use halves::singles::{GREATEST_NORM, LEAST_NORM};

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of the access method.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The graph or its pages.
    #[error(transparent)]
    Graph(#[from] graph::error::Error),
    /// An index that another release has built.
    #[error("index \"{index}\" has format version {found}, this release reads version {expected}")]
    Version {
        /// Its name.
        index: String,
        /// Its version.
        found: u8,
        /// That of this release.
        expected: u8,
    },
    /// A column of vectors of any dimension.
    #[error("column does not have dimensions")]
    NoDimensions {
        /// The name of its type.
        kind: String,
    },
    /// An index whose first column is none of vectors.
    #[error("first column of index \"{0}\" is not a vector")]
    FirstColumn(String),
    /// A second column of vectors.
    #[error("column {1} of index \"{0}\" cannot be a filter")]
    NoFilter(String, i16),
    /// More filter columns than there can be.
    #[error("a clip_hnsw index can have at most {MAX_COLUMNS} filter columns, not {0}")]
    Columns(usize),
    /// An insertion that would have fewer candidates than neighbours.
    #[error("ef_construction must be greater than or equal to 2 * m")]
    EfConstruction {
        /// `ef_construction` of the index.
        ef_construction: i32,
        /// `m` of the index.
        m: i32,
    },
    /// An operator class of somebody else's.
    #[error("operator class of index \"{0}\" tells no metric")]
    Metric(String),
    /// One whose elements are not known.
    #[error("operator class of index \"{0}\" tells no kind of elements")]
    Elements(String),
    /// A vector of single precision with an element beyond the halves.
    #[error("\"{value}\" is out of range for index \"{index}\"")]
    Element {
        /// Name of the index.
        index: String,
        /// Its position.
        element: usize,
        /// The number.
        value: String,
    },
    /// A vector of a norm of which single precision tells no cosine distances.
    #[error("norm {norm:e} of a vector is out of range for index \"{index}\"")]
    Norm {
        /// Name of the index.
        index: String,
        /// Its norm.
        norm: f64,
    },
    /// What is wrong with a vector otherwise.
    #[error(transparent)]
    Vector(halves::Error),
    /// A build that found pages.
    #[error("index \"{0}\" already contains data")]
    NotEmpty(String),
    /// A scan that has neither an `ORDER BY` operator nor an index condition.
    #[error("cannot scan clip_hnsw index without order or condition")]
    NoOrder,
    /// A scan in the order of several distances.
    #[error("cannot scan clip_hnsw index in the order of {0} distances")]
    Orders(i32),
    /// A scan by a snapshot that sees rows which vacuum may remove.
    #[error("non-MVCC snapshots are not supported with clip_hnsw")]
    Snapshot,
    /// Another kind of relation.
    #[error("\"{0}\" is not a clip_hnsw index")]
    NotAnIndex(String),
    /// A temporary index whose pages are in another session's memory.
    #[error("cannot access temporary indexes of other sessions")]
    OtherSession,
    /// An index that a standby has no pages of.
    #[error("cannot access unlogged indexes during recovery")]
    Unlogged,
    /// A user who may neither read the table nor look into storage.
    #[error("permission denied for index {0}")]
    PermissionDenied(String),
    /// An index that a failed CREATE INDEX CONCURRENTLY has left behind, or one that is being built.
    #[error("index \"{0}\" is not valid")]
    Invalid(String),
    /// Arguments of `clip_recall` that are none.
    #[error("index, k and sample must be given, and positive")]
    NotPositive,
    /// Nearest rows that are to be among fewer.
    #[error("nearest must be between 1 and k, which is {k}, not {nearest}")]
    Nearest {
        /// How many of the nearest rows.
        nearest: i32,
        /// Among how many.
        k: i32,
    },
    /// An index that the planner passes over.
    #[error("the planner does not use index \"{0}\"")]
    NotUsed(String),
    /// A table of queries without vectors.
    #[error("table {0} has no column of type clip_vector")]
    NoQueries(String),
    /// A table of queries that the user may not read.
    #[error("permission denied for table {0}")]
    QueriesDenied(String),
    /// Queries that the user may read, but only as somebody else sees them.
    #[error("must be owner of {0} to use its vectors as queries")]
    QueriesNotOwned(String),
    /// What is to be told of a relation that is no table.
    #[error("\"{0}\" is not a table or materialized view")]
    NoTable(String),
    /// A table that was never counted.
    #[error("number of rows of \"{0}\" is not known")]
    NotAnalyzed(String),
    /// A column that there is none of, or of another type.
    #[error("no column \"{0}\" of type clip_vector")]
    NoColumn(String),
    /// A number of neighbours that is none.
    #[error("m must be between 2 and 100, not {0}")]
    M(i32),
    /// A number of filter columns that there cannot be.
    #[error("filters must be between 0 and {MAX_COLUMNS}, not {0}")]
    Filters(i32),
    /// Memory that is none.
    #[error("invalid value for maintenance_work_mem: \"{0}\"")]
    Memory(String),
    /// A share of the rows that is none.
    #[error("search must be between 0 and 1, not {0}")]
    Search(f64),
    /// A text that is no calibration.
    #[error("invalid value for parameter \"calibration\": \"{0}\"")]
    Calibration(String),
    /// An index that the user may look into, but not change.
    #[error("must be owner of index {0}")]
    NotOwner(String),
    /// An index or a table of queries without vectors to measure by.
    #[error("there are no vectors to calibrate index \"{0}\" by")]
    NothingToMeasure(String),
    /// A statement without an error of the server's own.
    #[error("could not run a statement: {0}")]
    Statement(#[from] pgrx::spi::Error),
}

/// Result with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            Graph(error) => error.fields(),
            Version { index, .. } => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("Rebuild index \"{index}\" with REINDEX."),
            ),
            NoDimensions { kind } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!(
                    "Write the number of dimensions with the column's type or in a cast, as in {kind}(512)."
                ),
            ),
            FirstColumn(_) | NoFilter(..) => Fields::hinted(
                ERRCODE_FEATURE_NOT_SUPPORTED,
                "Name the column of vectors first, and once; those after it are filters.",
            ),
            Columns(_) => Fields::hinted(
                ERRCODE_TOO_MANY_COLUMNS,
                "Keep to the columns that conditions of searches are on.",
            ),
            EfConstruction { ef_construction, m } => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE)
                .detail(format!("ef_construction is {ef_construction}, m is {m}.")),
            Metric(_) | Elements(_) => Fields::of(ERRCODE_INVALID_OBJECT_DEFINITION),
            Element { element, .. } => Fields::explained(
                ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                format!(
                    "Element {element} is not between -65504 and 65504, the range of half precision, which the index holds."
                ),
                "An index of cosine distances, as by vector_cosine_ops, takes elements of any size.",
            ),
            Norm { .. } => Fields::explained(
                ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                format!(
                    "Cosine distances in single precision take norms between {LEAST_NORM:e} and {GREATEST_NORM:e}."
                ),
                "Scale the vector, as l2_normalize() does; that leaves its cosine distances as they are.",
            ),
            Vector(error) => error.fields(),
            NotEmpty(_) | NoOrder | Orders(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
            Snapshot => Fields::of(ERRCODE_FEATURE_NOT_SUPPORTED),
            NotAnIndex(_) => Fields::hinted(
                ERRCODE_WRONG_OBJECT_TYPE,
                "Of a partitioned table, name the index of a partition.",
            ),
            OtherSession | Unlogged => Fields::of(ERRCODE_FEATURE_NOT_SUPPORTED),
            PermissionDenied(_) => Fields::hinted(
                ERRCODE_INSUFFICIENT_PRIVILEGE,
                "This takes the index's owner or a member of pg_stat_scan_tables.",
            ),
            Search(_) | NotPositive | Nearest { .. } => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Invalid(_) => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Wait until it is built, or rebuild it by REINDEX.",
            ),
            NoTable(_) => Fields::hinted(
                ERRCODE_WRONG_OBJECT_TYPE,
                "Of a partitioned table, name a partition.",
            ),
            NotAnalyzed(_) => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Run ANALYZE on the table.",
            ),
            NoColumn(_) => Fields::of(ERRCODE_UNDEFINED_COLUMN),
            M(_) | Filters(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Memory(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Write it as for SET, 1MB or more, as in '64MB'.",
            ),
            NotUsed(_) => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Drop other indexes of the same column, if only in a transaction that is rolled back; rebuild an invalid index by REINDEX.",
            ),
            Calibration(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "clip_index_calibrate() measures and sets it.",
            ),
            NotOwner(_) => Fields::of(ERRCODE_INSUFFICIENT_PRIVILEGE),
            NothingToMeasure(_) => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Fill the table, or that of the queries, first.",
            ),
            NoQueries(_) => Fields::of(ERRCODE_UNDEFINED_COLUMN),
            QueriesDenied(_) => Fields::of(ERRCODE_INSUFFICIENT_PRIVILEGE),
            QueriesNotOwned(_) => Fields::explained(
                ERRCODE_INSUFFICIENT_PRIVILEGE,
                "It is read as its owner, who sees other rows where it is no plain table, or has row security.",
                "Copy the vectors into a table of your own.",
            ),
            Statement(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}

impl Report for graph::error::Error {
    fn fields(&self) -> Fields {
        use graph::error::Error::*;
        match self {
            Magic { .. } | Corrupt { .. } => Fields::hinted(
                ERRCODE_INDEX_CORRUPTED,
                "Rebuild the index with REINDEX; clip_index_check() tells what else is wrong.",
            ),
            Version { .. } => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Rebuild the index with REINDEX.",
            ),
            TooManyDimensions { .. } => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "A smaller m leaves room for more dimensions; so does indexing a part, as in (subvector(v, 1, 512)::clip_vector(512)).",
            ),
            Parameter { .. } => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Dimensions { .. } => Fields::of(ERRCODE_DATA_EXCEPTION),
            Full { .. } => Fields::hinted(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "Partition the table."),
            Memory => Fields::hinted(
                ERRCODE_OUT_OF_MEMORY,
                "Builds take less memory with a smaller maintenance_work_mem.",
            ),
            Store(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}
