//! Every error a user can meet, with its SQLSTATE, DETAIL and HINT: the one place that knows them.

use crate::{
    classify, duplicates, embed, evaluate, index, ingest, learn, message, model, server, vector,
    worker,
};
pub use clip::error::reason;
use pgrx::{
    PgLogLevel,
    PgSqlErrorCode::{self, *},
    pg_sys::{self, panic::ErrorReport, pg_enc},
};
use serde::{Deserialize, Serialize};
use std::{ffi::CStr, io};

/// An error of this extension or of a crate it stands on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model or a text.
    #[error(transparent)]
    Clip(#[from] clip::Error),
    /// An image.
    #[error(transparent)]
    Image(#[from] imaging::Error),
    /// The model registry.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// An argument of an embedding function.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// An argument of a classification.
    #[error(transparent)]
    Classify(#[from] classify::Error),
    /// What is to be evaluated.
    #[error(transparent)]
    Evaluate(#[from] evaluate::Error),
    /// An argument of a search for near-duplicates.
    #[error(transparent)]
    Duplicates(#[from] duplicates::Error),
    /// A classifier.
    #[error(transparent)]
    Classifier(#[from] classifier::Error),
    /// What a page of pictures is made of.
    #[error(transparent)]
    Gallery(#[from] gallery::Error),
    /// The trigger that keeps embeddings current.
    #[error(transparent)]
    Ingest(#[from] ingest::Error),
    /// The access method.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// An argument of what learns.
    #[error(transparent)]
    Learn(#[from] learn::Error),
    /// A vector.
    #[error(transparent)]
    Vector(#[from] vector::Error),
    /// An argument about the results of a search.
    #[error(transparent)]
    Retrieval(#[from] retrieval::Error),
    /// The background worker that runs models.
    #[error(transparent)]
    Worker(#[from] worker::Error),
    /// The thread that models run on.
    #[error("could not run a thread: {}", reason(.0))]
    Thread(io::Error),
}

/// Result with this extension's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether an input is at fault, or may be, rather than the model, the request or the server.
    pub fn is_of_input(&self) -> bool {
        match self {
            Error::Ingest(ingest::Error::NoLargeObject) => true,
            Error::Clip(_)
            | Error::Image(_)
            | Error::Embed(embed::Error::Element { .. })
            | Error::Worker(worker::Error::Failed(_)) => matches!(
                fields(self).0,
                ERRCODE_INVALID_BINARY_REPRESENTATION
                    | ERRCODE_FEATURE_NOT_SUPPORTED
                    | ERRCODE_PROGRAM_LIMIT_EXCEEDED
                    | ERRCODE_OUT_OF_MEMORY
                    | ERRCODE_EXTERNAL_ROUTINE_EXCEPTION
            ),
            _ => false,
        }
    }

    /// Whether the model failed. Whether that is because of its input shows with other inputs.
    pub fn is_of_model(&self) -> bool {
        fields(self).0 == ERRCODE_EXTERNAL_ROUTINE_EXCEPTION
    }

    /// The SQLSTATE.
    pub fn code(&self) -> PgSqlErrorCode {
        fields(self).0
    }

    /// What the current user is told of it, in UTF-8.
    pub fn report(&self) -> ErrorReport {
        let (code, detail, hint) = fields(self);
        let mut report = ErrorReport::new(code, self.to_string(), "");
        if let Some(public) = without_paths(self)
            && !server::may_read_server_files()
        {
            // Logged in full for those who look after the server.
            message::tell(PgLogLevel::LOG_SERVER_ONLY, code, &report);
            report = ErrorReport::new(code, public, "");
        }
        if let Some(detail) = detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = hint {
            report = report.set_hint(hint);
        }
        report
    }

    /// The five characters of the SQLSTATE.
    pub fn sqlstate(&self) -> String {
        sqlstate(fields(self).0)
    }

    /// Whether the same input may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(
            fields(self).0,
            ERRCODE_OUT_OF_MEMORY | ERRCODE_EXTERNAL_ROUTINE_EXCEPTION
        )
    }
}

/// Whether an error that the server has raised while a row was read or written is the row's, or that of a constraint or a
/// trigger of its table that refuses it, rather than the server's.
pub fn is_of_row(code: i32) -> bool {
    const CLASSES: [PgSqlErrorCode; 7] = [
        ERRCODE_TRIGGERED_ACTION_EXCEPTION,
        ERRCODE_FEATURE_NOT_SUPPORTED,
        ERRCODE_DATA_EXCEPTION,
        ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION,
        ERRCODE_WITH_CHECK_OPTION_VIOLATION,
        ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        ERRCODE_PLPGSQL_ERROR,
    ];
    // The first two of the five characters, six bits each.
    let class = |code: i32| code & 0xfff;
    CLASSES
        .iter()
        .any(|&known| class(known as i32) == class(code))
}

/// An SQLSTATE by its five characters, as the server codes it.
pub fn code(sqlstate: &str) -> i32 {
    let characters = sqlstate.bytes().take(5).enumerate();
    characters.fold(0, |code, (n, byte)| {
        code | (i32::from(byte.wrapping_sub(b'0')) & 0x3f) << (6 * n)
    })
}

/// The five characters of an SQLSTATE.
pub fn sqlstate(code: PgSqlErrorCode) -> String {
    // SAFETY: returns a string in a static buffer, which is copied at once.
    let state = unsafe { CStr::from_ptr(pg_sys::unpack_sql_state(code as i32)) };
    state.to_string_lossy().into_owned()
}

/// What functions called from SQL return: pgrx raises the report as it stands.
pub type Returned<T> = std::result::Result<T, ErrorReport>;

/// Hands an error of an input function to a caller that goes on with other values, as in `pg_input_is_valid`; gives it
/// back where nobody waits for it.
///
/// # Safety
/// `fcinfo` is that of the call.
#[cfg(not(any(feature = "pg14", feature = "pg15")))]
pub unsafe fn save(error: Error, fcinfo: pg_sys::FunctionCallInfo) -> Returned<()> {
    // SAFETY: the context of a call is NULL or a node, of which only the type is looked at.
    let context = unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_ErrorSaveContext {
            return Err(error.into());
        }
        context
    };
    let strings = message::Strings::of(error.code(), &error.report());
    // SAFETY: the node is what errsave_start expects. Where details are wanted, it begins an error, which is filled in and
    // ended by errsave_finish.
    unsafe {
        if pg_sys::errsave_start(context, std::ptr::null()) {
            strings.fill();
            pg_sys::errsave_finish(context, std::ptr::null(), 0, std::ptr::null());
        }
    }
    Ok(())
}

/// Before version 16 nobody waits for one.
///
/// # Safety
/// None is needed; the function is that of later versions.
#[cfg(any(feature = "pg14", feature = "pg15"))]
pub unsafe fn save(error: Error, _fcinfo: pg_sys::FunctionCallInfo) -> Returned<()> {
    Err(error.into())
}

impl From<Error> for ErrorReport {
    fn from(error: Error) -> Self {
        let whole = error.report();
        let message = presentable(whole.message().to_owned());
        let mut report = ErrorReport::new(error.code(), message, "");
        if let Some(detail) = whole.detail() {
            report = report.set_detail(presentable(detail.to_owned()));
        }
        if let Some(hint) = whole.hint() {
            report = report.set_hint(presentable(hint.to_owned()));
        }
        report
    }
}

impl From<vector::Error> for ErrorReport {
    fn from(error: vector::Error) -> Self {
        Error::from(error).into()
    }
}

/// An error as it is handed from one process to another.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The message, for those who may know paths on the server.
    pub message: String,
    /// SQLSTATE as the server codes it.
    code: i32,
    /// The message for others, where it differs.
    public: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let (code, detail, hint) = fields(error);
        Self {
            message: error.to_string(),
            code: code as i32,
            public: without_paths(error),
            detail,
            hint,
        }
    }
}

impl Failure {
    /// JSON of at most `limit` bytes; a longer message is left out.
    pub fn to_json(&self, limit: usize) -> Vec<u8> {
        // Serialising plain data cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        if json.len() <= limit {
            json
        } else {
            Vec::new()
        }
    }

    /// What [`Failure::to_json`] was made from.
    pub fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_else(|_| Self {
            message: "background worker of clip_pg failed without a message".to_owned(),
            code: ERRCODE_INTERNAL_ERROR as i32,
            ..Self::default()
        })
    }
}

/// What ordinary users get to see of an error that tells where files are on the server.
fn without_paths(error: &Error) -> Option<String> {
    use clip::Error::*;
    match error {
        Error::Worker(worker::Error::Failed(failure)) => failure.public.clone(),
        Error::Embed(embed::Error::Element { error, .. }) => without_paths(error),
        Error::Clip(Runtime { .. }) => Some("could not load ONNX Runtime".to_owned()),
        Error::Clip(MissingModelFile { file, .. }) => {
            Some(format!("model file \"{file}\" is missing"))
        }
        Error::Clip(InvalidModelFile { file, .. }) => {
            Some(format!("invalid model file \"{file}\""))
        }
        Error::Clip(UnloadableModel { file, .. }) => {
            Some(format!("could not load model file \"{file}\""))
        }
        _ => None,
    }
}

/// A message of an error as it can be raised: pgrx hands UTF-8 to the server, which expects the database's encoding.
pub fn presentable(text: String) -> String {
    // SAFETY: reads a variable of this process.
    match unsafe { pg_sys::GetDatabaseEncoding() } as u32 {
        pg_enc::PG_UTF8 | pg_enc::PG_SQL_ASCII => text,
        _ => text.replace(|character: char| !character.is_ascii(), "?"),
    }
}

type Fields = (PgSqlErrorCode, Option<String>, Option<String>);

fn hint(code: PgSqlErrorCode, hint: &str) -> Fields {
    (code, None, Some(hint.to_owned()))
}

fn fields(error: &Error) -> Fields {
    match error {
        Error::Clip(error) => clip_error(error),
        Error::Image(error) => image_error(error),
        Error::Model(error) => model_error(error),
        Error::Embed(error) => embed_error(error),
        Error::Classify(error) => classify_error(error),
        Error::Evaluate(error) => evaluate_error(error),
        Error::Duplicates(error) => duplicates_error(error),
        Error::Classifier(error) => classifier_error(error),
        Error::Learn(error) => learn_error(error),
        Error::Gallery(_) => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Show the beginning of it, as by left(caption, 1000).",
        ),
        Error::Ingest(error) => ingest_error(error),
        Error::Index(error) => index_error(error),
        Error::Vector(error) => vector_error(error),
        Error::Retrieval(error) => retrieval_error(error),
        Error::Worker(error) => worker_error(error),
        Error::Thread(_) => hint(
            ERRCODE_INSUFFICIENT_RESOURCES,
            "The operating system limits how many processes and threads the server's user may have; sessions need no thread where a background worker runs the models.",
        ),
    }
}

fn clip_error(error: &clip::Error) -> Fields {
    use clip::Error::*;
    match error {
        TextTooLong { .. } => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Shorten it: a model reads no more tokens than \"context_length\" in clip_models says.",
        ),
        Runtime { .. } => hint(
            ERRCODE_UNDEFINED_FILE,
            "Set \"clip_pg.onnxruntime_library\" to the absolute path of libonnxruntime.so, version 1.24 or later.",
        ),
        MissingModelFile { .. } if server::in_recovery() => hint(
            ERRCODE_UNDEFINED_FILE,
            "The files of a model are not replicated. Copy its directory from the primary to the same path here.",
        ),
        MissingModelFile { .. } => hint(
            ERRCODE_UNDEFINED_FILE,
            "The model directory must hold all that was downloaded: both towers in ONNX, the tokenizer and the configuration.",
        ),
        UnreadableModelFile { source, .. } => hint(
            file_access(source),
            "The server reads the file itself, as the operating system's user that it runs as.",
        ),
        InvalidModelFile { .. } => hint(
            ERRCODE_DATA_CORRUPTED,
            "The file may be incomplete, or another one than its name says. Download it again.",
        ),
        LfsPointer { .. } => hint(
            ERRCODE_DATA_CORRUPTED,
            "Download the file itself, as \"git lfs pull\" and \"hf download\" do.",
        ),
        UnloadableModel { .. } => hint(
            ERRCODE_DATA_CORRUPTED,
            "The file, or one with its weights, may be incomplete, or made for a newer ONNX Runtime than \"clip_pg.onnxruntime_library\" names.",
        ),
        UnsupportedTower { .. } => hint(
            ERRCODE_FEATURE_NOT_SUPPORTED,
            "A tower takes token ids or pixels and gives one vector per row. Export it so; the options \"text_file\", \"vision_file\", \"text_output\" and \"vision_output\" name other files and outputs.",
        ),
        UnsupportedConfiguration { .. } => hint(
            ERRCODE_FEATURE_NOT_SUPPORTED,
            "A setting that was passed over would change every embedding. If the model does not need it, take it out of the file.",
        ),
        ContextLength { .. } => hint(
            ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            "Set the option \"context_length\" to the number of tokens that the model was made for.",
        ),
        ImageSize { .. } => hint(
            ERRCODE_DATATYPE_MISMATCH,
            "The preprocessing of images and the image tower must come from the same model, and one of them must tell the size.",
        ),
        Projection { .. } => hint(
            ERRCODE_DATATYPE_MISMATCH,
            "The tower may have been exported without its projection to the space that texts and images share.",
        ),
        ModelFileChanged { .. } => hint(
            ERRCODE_DATA_CORRUPTED,
            "A name stays bound to its files. Put the registered file back, or register the new one under another name.",
        ),
        TowerMismatch { .. } => hint(
            ERRCODE_DATATYPE_MISMATCH,
            "Both towers must come from the same model.",
        ),
        InvalidOption(_) => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        InvalidEmbedding { .. } => hint(
            ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            "Half-precision or quantized models may overflow. Register the model's files in single precision.",
        ),
        PixelCount { .. } | Inference { .. } => (ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, None, None),
        Canceled => (ERRCODE_QUERY_CANCELED, None, None),
    }
}

fn image_error(error: &imaging::Error) -> Fields {
    use imaging::Error::*;
    match error {
        UnknownImageFormat => hint(
            ERRCODE_INVALID_BINARY_REPRESENTATION,
            "JPEG, PNG, WebP, GIF, TIFF and BMP are supported.",
        ),
        UnsupportedImageFormat { .. } => hint(
            ERRCODE_FEATURE_NOT_SUPPORTED,
            "JPEG, PNG, WebP, GIF, TIFF and BMP are supported.",
        ),
        CorruptImage { .. } => (ERRCODE_INVALID_BINARY_REPRESENTATION, None, None),
        ImageTooLarge { .. } => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Reduce the image, or have \"clip_pg.max_image_pixels\" raised.",
        ),
        InvalidRegion { .. } => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "As in the IIIF Image API, a region is full, square, 10,20,300,400 (left, top, width and height in pixels) or pct:10,20,30,40 (in percent).",
        ),
        RegionOutside { .. } => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Regions are counted from the upper left corner of the image the right way up; clip_image_info() tells its size and orientation.",
        ),
        OutOfMemory { .. } => (ERRCODE_OUT_OF_MEMORY, None, None),
    }
}

fn model_error(error: &model::Error) -> Fields {
    use model::Error::*;
    match error {
        NotRegistered { name, registered } => (
            ERRCODE_UNDEFINED_OBJECT,
            Some(match registered.as_slice() {
                [] => "No model is registered.".to_owned(),
                names => format!("Registered models: {}.", names.join(", ")),
            }),
            Some(match server::in_recovery() {
                false => "Name one of these, or register the model with clip_register_model().".to_owned(),
                true => format!(
                    "Registrations are files, which are not replicated. Copy \"{name}.json\" out of \"clip_pg.model_directory\" of the primary into that of this standby, and the model's own directory to the same path; or register it here, too."
                ),
            }),
        ),
        InvalidName(_) => hint(
            ERRCODE_INVALID_NAME,
            "A name has up to 63 ASCII letters, digits, hyphens, underscores and dots, and begins with a letter or digit.",
        ),
        BuiltIn(_) => (ERRCODE_RESERVED_NAME, None, None),
        NameTaken { bound, found, .. } => (
            ERRCODE_DUPLICATE_OBJECT,
            Some(format!(
                "The name belongs to the model with the SHA-256 {bound}, this one has {found}."
            )),
            Some("A name stays bound to its model, whose embeddings may be stored anywhere. Choose another name.".to_owned()),
        ),
        RelativeDirectory(_) => (ERRCODE_INVALID_NAME, None, None),
        ModelDirectory { source, .. } => hint(
            file_access(source),
            "The server reads the directory itself, as the operating system's user that it runs as.",
        ),
        PermissionDenied { action } => (
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            Some(format!(
                "Only roles with privileges of the \"pg_read_server_files\" role may {action} models."
            )),
            None,
        ),
        InvalidRecord { name, .. } => (
            ERRCODE_DATA_CORRUPTED,
            None,
            Some(format!(
                "Have \"{name}.json\" in \"clip_pg.model_directory\" restored, or removed and the model registered again."
            )),
        ),
        File { source, .. } | RegistryDirectory(source) => hint(
            file_access(source),
            "\"clip_pg.model_directory\" must name a directory that the server can read and write.",
        ),
    }
}

/// As the server's own `errcode_for_file_access`.
fn file_access(error: &io::Error) -> PgSqlErrorCode {
    use io::ErrorKind::*;
    match error.kind() {
        PermissionDenied | ReadOnlyFilesystem => ERRCODE_INSUFFICIENT_PRIVILEGE,
        NotFound => ERRCODE_UNDEFINED_FILE,
        AlreadyExists => ERRCODE_DUPLICATE_FILE,
        NotADirectory | IsADirectory | DirectoryNotEmpty => ERRCODE_WRONG_OBJECT_TYPE,
        StorageFull => ERRCODE_DISK_FULL,
        OutOfMemory => ERRCODE_OUT_OF_MEMORY,
        _ => ERRCODE_IO_ERROR,
    }
}

fn vector_error(error: &vector::Error) -> Fields {
    use vector::Error::*;
    let detail = |code, detail: String| (code, Some(detail), None);
    match error {
        DifferentDimensions(..) | UnexpectedDimensions { .. } | NoDimensions => {
            (ERRCODE_DATA_EXCEPTION, None, None)
        }
        TooManyDimensions => (ERRCODE_PROGRAM_LIMIT_EXCEEDED, None, None),
        NotANumber { element } => {
            detail(ERRCODE_DATA_EXCEPTION, format!("Element {element} is NaN."))
        }
        Infinite { element } => detail(
            ERRCODE_DATA_EXCEPTION,
            format!("Element {element} is infinite."),
        ),
        OutOfRange { element, .. } => detail(
            ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            format!(
                "Element {element} is not between -65504 and 65504, the range of half precision."
            ),
        ),
        Null { element } => detail(
            ERRCODE_NULL_VALUE_NOT_ALLOWED,
            format!("Element {element} is NULL."),
        ),
        Multidimensional(_) => (ERRCODE_ARRAY_ELEMENT_ERROR, None, None),
        Syntax { detail: text, .. } => detail(ERRCODE_INVALID_TEXT_REPRESENTATION, text.clone()),
        UnusedField(_) => (ERRCODE_INVALID_BINARY_REPRESENTATION, None, None),
        Truncated => (ERRCODE_PROTOCOL_VIOLATION, None, None),
        BinaryLength { bytes, dims } => (
            ERRCODE_INVALID_BINARY_REPRESENTATION,
            Some(format!("It has {bytes} bytes; the dimension that it gives, {dims}, takes {}.", 4 + 2 * usize::from(*dims))),
            Some("The binary format is the number of dimensions and 0, as int16, then the elements in half precision. Send anything else as text or as an array of numbers.".to_owned()),
        ),
        TypeModifier => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Write the number of dimensions, as in clip_vector(512).",
        ),
        DimensionsModifier(_) => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        NotInAggregate => (ERRCODE_INTERNAL_ERROR, None, None),
    }
}

fn index_error(error: &index::Error) -> Fields {
    use index::Error::*;
    match error {
        Graph(error) => graph_error(error),
        NoDimensions => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Write the number of dimensions with the column's type or in a cast, as in clip_vector(512).",
        ),
        EfConstruction { ef_construction, m } => (
            ERRCODE_INVALID_PARAMETER_VALUE,
            Some(format!("ef_construction is {ef_construction}, m is {m}.")),
            None,
        ),
        Metric(_) => (ERRCODE_INVALID_OBJECT_DEFINITION, None, None),
        NotEmpty(_) | NoOrder | Orders(_) => (ERRCODE_INTERNAL_ERROR, None, None),
        Snapshot => (ERRCODE_FEATURE_NOT_SUPPORTED, None, None),
        NotAnIndex(_) => hint(
            ERRCODE_WRONG_OBJECT_TYPE,
            "Of a partitioned table, name the index of a partition.",
        ),
        OtherSession | Unlogged => (ERRCODE_FEATURE_NOT_SUPPORTED, None, None),
        PermissionDenied(_) => hint(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            "This takes the index's owner or a member of pg_stat_scan_tables.",
        ),
        Search(_) | NotPositive | Nearest { .. } => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        Invalid(_) => hint(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "Wait until it is built, or rebuild it by REINDEX.",
        ),
        NotUsed(_) => hint(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "Drop other indexes of the same column, if only in a transaction that is rolled back; rebuild an invalid index by REINDEX.",
        ),
        NoQueries(_) => (ERRCODE_UNDEFINED_COLUMN, None, None),
        QueriesDenied(_) => (ERRCODE_INSUFFICIENT_PRIVILEGE, None, None),
        QueriesNotOwned(_) => (
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            Some("It is read as its owner, who sees other rows where it is no plain table, or has row security.".to_owned()),
            Some("Copy the vectors into a table of your own.".to_owned()),
        ),
        Statement(_) => (ERRCODE_INTERNAL_ERROR, None, None),
    }
}

fn graph_error(error: &graph::error::Error) -> Fields {
    use graph::error::Error::*;
    match error {
        Magic { .. } | Corrupt { .. } => hint(
            ERRCODE_INDEX_CORRUPTED,
            "Rebuild the index with REINDEX; clip_index_check() tells what else is wrong.",
        ),
        Version { .. } => hint(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "Rebuild the index with REINDEX.",
        ),
        TooManyDimensions { .. } => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "A smaller m leaves room for more dimensions; so does indexing a part, as in (subvector(v, 1, 512)::clip_vector(512)).",
        ),
        Parameter { .. } => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        Dimensions { .. } => (ERRCODE_DATA_EXCEPTION, None, None),
        Full { .. } => hint(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "Partition the table."),
        Memory(_) => hint(
            ERRCODE_OUT_OF_MEMORY,
            "Builds take less memory with a smaller maintenance_work_mem.",
        ),
        Store(_) => (ERRCODE_INTERNAL_ERROR, None, None),
    }
}

fn embed_error(error: &embed::Error) -> Fields {
    use embed::Error::*;
    match error {
        Element { position, error } => {
            let (code, _, hint) = fields(error);
            let detail = format!("Element {position} of the array is at fault.");
            (code, Some(detail), hint)
        }
        NoEncoder(_) => (ERRCODE_INTERNAL_ERROR, None, None),
        NullElement(_) => hint(
            ERRCODE_NULL_VALUE_NOT_ALLOWED,
            "Leave nulls out with array_remove or a WHERE clause.",
        ),
        ThumbnailSide(_) | Weight(_) => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        NoTerms => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Name what is given, as in clip_query(texts => '{a red car}').",
        ),
        WeightCount { .. } => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Give one weight for each text, image, minus_text, minus_image, vector and minus_vector, in that order.",
        ),
        Template(_) => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Write {} where the text belongs. An empty template leaves texts as they are.",
        ),
        ZeroQuery => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "A query needs a direction: what is added must differ from what is subtracted.",
        ),
    }
}

fn retrieval_error(error: &retrieval::Error) -> Fields {
    use retrieval::Error::*;
    match error {
        Among(_) | Margin | Share(_) | Background(_) | Bounds { .. } | Dots(_) => {
            (ERRCODE_INVALID_PARAMETER_VALUE, None, None)
        }
        ImageDimensions { .. } => (ERRCODE_DATA_EXCEPTION, None, None),
        BackgroundDimensions { .. } => hint(
            ERRCODE_DATA_EXCEPTION,
            "Name the model that the query is by as argument \"model\", or give a background by it.",
        ),
    }
}

fn worker_error(error: &worker::Error) -> Fields {
    use worker::Error::*;
    match error {
        Lost => hint(
            ERRCODE_SYSTEM_ERROR,
            "It is started again. Repeat the command; the server's log tells why it ended.",
        ),
        SeatTooSmall { .. } => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Have \"clip_pg.seat_payload\" raised, which takes effect when the server is restarted.",
        ),
        UnknownModel(_) => hint(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "It looks for models in \"clip_pg.model_directory\" as the configuration file has it, not the session.",
        ),
        Failed(failure) => (
            PgSqlErrorCode::from(failure.code),
            failure.detail.clone(),
            failure.hint.clone(),
        ),
    }
}

fn classify_error(error: &classify::Error) -> Fields {
    use classify::Error::*;
    match error {
        Lengths { .. } => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Give one element for each label, in their order.",
        ),
        NoTemplates => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Leave the argument out, or write {} where the label belongs.",
        ),
        Template(_) => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Write {} where the label belongs; the template {} stands for the label alone.",
        ),
        TwoNegations => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "A label with a minus prompt is told from its contrary already, by itself.",
        ),
        NoDirection(_) => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        TopK(_) | Share { .. } => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        NoModel => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Embed the image, and classify its embedding by clip_classify().",
        ),
        OtherModel { wanted, found, .. } => (
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Some(format!(
                "It is for the model with the SHA-256 {wanted}, this one has {found}."
            )),
            Some("Make the classifier anew.".to_owned()),
        ),
        DifferentClassifiers => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Name the same classifier for all rows of a group.",
        ),
        DifferentShares => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Leave the argument out to have all classes equally frequent.",
        ),
        UnknownLabel { labels, .. } => (
            ERRCODE_INVALID_PARAMETER_VALUE,
            Some(format!("Its labels: {}.", labels.join(", "))),
            Some("Leave other rows out by FILTER or WHERE.".to_owned()),
        ),
        Binary(_) => hint(
            ERRCODE_INVALID_BINARY_REPRESENTATION,
            "Send what clip_classifier_send() gives, or the text form.",
        ),
        Characters(_) => (ERRCODE_UNTRANSLATABLE_CHARACTER, None, None),
        NotInAggregate => (ERRCODE_INTERNAL_ERROR, None, None),
    }
}

fn classifier_error(error: &classifier::Error) -> Fields {
    use classifier::Error::*;
    match error {
        OneLabel(_) => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Add labels, distractors that stand for \"none of these\", or a minus prompt for what the label is not.",
        ),
        DuplicateLabel(_) => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "clip_classifier() makes one class of the prompts of equal labels.",
        ),
        NoLabels
        | EmptyLabel(_)
        | Character(_)
        | DimensionCount(_)
        | VectorLength { .. }
        | Count { .. }
        | Scale(_)
        | Threshold(_)
        | Share(_)
        | Shares(_)
        | Identity
        | UnknownLabel(_) => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        Number { .. } => (ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, None, None),
        TooLarge => (ERRCODE_PROGRAM_LIMIT_EXCEEDED, None, None),
        ManyBiases(_) => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "clip_calibrate() without biases takes classifiers of any size.",
        ),
        Memory(_) => (ERRCODE_OUT_OF_MEMORY, None, None),
        Dimensions { .. } => hint(
            ERRCODE_DATA_EXCEPTION,
            "A classifier is for embeddings by its own model: make one with the model of the embedding as argument \"model\".",
        ),
        Damaged(_) => (ERRCODE_DATA_CORRUPTED, None, None),
        Version(_) => hint(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "Make the classifier anew.",
        ),
        Json(_) => (ERRCODE_INVALID_TEXT_REPRESENTATION, None, None),
    }
}

fn evaluate_error(error: &evaluate::Error) -> Fields {
    use ::evaluate::Error::*;
    use evaluate::Error::*;
    match error {
        Matrix(TooManyLabels | LongLabel(_)) => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "What is counted are labels, of which many rows have the same.",
        ),
        Matrix(TooManyRows) => (ERRCODE_PROGRAM_LIMIT_EXCEEDED, None, None),
        Matrix(Json(error)) => (
            ERRCODE_CHECK_VIOLATION,
            Some(error.to_string()),
            Some(CONFUSION.to_owned()),
        ),
        Matrix(DuplicateLabel(_) | Shape { .. }) => hint(ERRCODE_CHECK_VIOLATION, CONFUSION),
        NotANumber => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Leave such rows out by a FILTER or WHERE clause; the similarity of a zero vector is NaN.",
        ),
        Depth(_) | Depths(..) => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
    }
}

/// How a confusion matrix is written.
const CONFUSION: &str = r#"Write {"labels": ["a", "b"], "counts": [[5, 1], [0, 7]], "none": [0, 2]}: whole numbers, a row of counts for each true label, a column for each predicted one; "none" may be left out."#;

fn duplicates_error(error: &duplicates::Error) -> Fields {
    use duplicates::Error::*;
    match error {
        Missing(_) => (ERRCODE_NULL_VALUE_NOT_ALLOWED, None, None),
        Distance { .. } | Diameter { .. } => (ERRCODE_INVALID_PARAMETER_VALUE, None, None),
        NoTable(_) => (ERRCODE_UNDEFINED_TABLE, None, None),
        NoColumn { .. } => (ERRCODE_UNDEFINED_COLUMN, None, None),
        NotVectors { .. } => hint(
            ERRCODE_DATATYPE_MISMATCH,
            "An embedding is kept in a column of type clip_vector.",
        ),
        NotIndexed { column, table } => (
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Some("Without one, every vector would be compared with every other.".to_owned()),
            Some(format!(
                "Create one by CREATE INDEX ON {table} USING clip_hnsw ({column}); of a view, on the table that it shows, and of a partitioned table, on all partitions."
            )),
        ),
        Vectors(::duplicates::Error::Full) => (ERRCODE_PROGRAM_LIMIT_EXCEEDED, None, None),
        Vectors(_) => (ERRCODE_DATA_EXCEPTION, None, None),
        Statement(_) => (ERRCODE_INTERNAL_ERROR, None, None),
    }
}

fn learn_error(error: &learn::Error) -> Fields {
    use ::learn::Error::*;
    use learn::Error::*;
    match error {
        Learn(Memory(_)) => (ERRCODE_OUT_OF_MEMORY, None, None),
        Learn(Dimensions(..) | Zero | Interrupted) => (ERRCODE_INTERNAL_ERROR, None, None),
        Learn(Classes(_)) => hint(
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Rows without a label or an embedding do not count.",
        ),
        Learn(Penalty(_) | Clusters(_)) | Changed(_) | Weight { .. } => {
            (ERRCODE_INVALID_PARAMETER_VALUE, None, None)
        }
        Null(_) => (ERRCODE_NULL_VALUE_NOT_ALLOWED, None, None),
        Model { .. } => hint(
            ERRCODE_DATA_EXCEPTION,
            "Name the model that the embeddings are by.",
        ),
        NoDirection(_) => (ERRCODE_DATA_EXCEPTION, None, None),
    }
}

fn ingest_error(error: &ingest::Error) -> Fields {
    use ingest::Error::*;
    match error {
        NotAutoEmbed => (ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, None, None),
        OtherModel { wanted, found, .. } => (
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Some(format!("They are by the model with the SHA-256 {wanted}, this one has {found}.")),
            Some("Register that model on this server, or embed the table anew by clip_auto_embed_remove(), removing the embeddings, and clip_auto_embed().".to_owned()),
        ),
        NoTable => (ERRCODE_UNDEFINED_TABLE, None, None),
        NotOwner(_) => (ERRCODE_INSUFFICIENT_PRIVILEGE, None, None),
        NoLargeObject => (ERRCODE_UNDEFINED_OBJECT, None, None),
        NotKept => (ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION, None, None),
        MayNotImport => (
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            Some("Only roles with privileges of the \"pg_read_server_files\" role may import files of the server.".to_owned()),
            Some("Files of the client can be copied with psql, see the documentation.".to_owned()),
        ),
        RelativeDirectory(_) => (ERRCODE_INVALID_NAME, None, None),
        File { source, .. } => (file_access(source), None, None),
        FileTooLarge { .. } => hint(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "A value of the type bytea is shorter than 1 GB.",
        ),
        TransactionBlock(_) => (
            ERRCODE_ACTIVE_SQL_TRANSACTION,
            Some("It commits after every batch.".to_owned()),
            Some("Call it by itself: in autocommit mode, which drivers may have to be told, and not from a function or a block with an EXCEPTION clause.".to_owned()),
        ),
        PathEncoding(_) => (ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, None, None),
        PathCharacters(_) => (ERRCODE_UNTRANSLATABLE_CHARACTER, None, None),
        Statement(_) => (ERRCODE_INTERNAL_ERROR, None, None),
    }
}
