//! The extension's settings.
//!
//! Paths come out absolute: an empty setting is the default, a relative one lies in the data directory, which is where
//! server processes run.

use crate::server;
use graph::scan::Order;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum, pg_guard, pg_sys};
use std::{
    ffi::{CStr, CString, OsString, c_char, c_void},
    num::NonZero,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    thread,
    time::Duration,
};

/// Name of the model that is installed with the extension.
pub const BUILT_IN_MODEL: &CStr = c"clip-mini";

static MODEL: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(BUILT_IN_MODEL));
static QUERY_TEMPLATE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static MODEL_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static ONNXRUNTIME_LIBRARY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static LIBHEIF_LIBRARY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static THREADS: GucSetting<i32> = GucSetting::<i32>::new(1);
static BATCH_SIZE: GucSetting<i32> = GucSetting::<i32>::new(8);
static MAX_IMAGE_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(4096);
static MAX_IMAGE_PIXELS: GucSetting<i32> = GucSetting::<i32>::new(200_000_000);
static EF_SEARCH: GucSetting<i32> = GucSetting::<i32>::new(64);
static TARGET_RECALL: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static MAX_SCAN_TUPLES: GucSetting<i32> = GucSetting::<i32>::new(20_000);
static ITERATIVE_ORDER: GucSetting<IterativeOrder> =
    GucSetting::<IterativeOrder>::new(IterativeOrder::Strict);
static EXACT_FALLBACK: GucSetting<bool> = GucSetting::<bool>::new(true);
static EXACT_SEARCH: GucSetting<bool> = GucSetting::<bool>::new(false);
static APPROXIMATE_WITHIN: GucSetting<bool> = GucSetting::<bool>::new(false);
static MODEL_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(4096);
static WORKER_THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
static WORKER_SEATS: GucSetting<i32> = GucSetting::<i32>::new(16);
static SEAT_PAYLOAD: GucSetting<i32> = GucSetting::<i32>::new(768);
static TEXT_MEMO: GucSetting<i32> = GucSetting::<i32>::new(8192);
static QUEUE_WORKERS: GucSetting<i32> = GucSetting::<i32>::new(2);
static QUEUE_NAPTIME: GucSetting<i32> = GucSetting::<i32>::new(60);
static QUEUE_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(60_000);

/// Values of `clip_pg.iterative_order`.
#[derive(Clone, Copy, PostgresGucEnum)]
enum IterativeOrder {
    #[name = c"strict"]
    Strict,
    #[name = c"relaxed"]
    Relaxed,
}

/// Declares every setting.
pub fn define() {
    define_models();
    define_scans();
}

fn define_scans() {
    GucRegistry::define_int_guc(
        c"clip_pg.ef_search",
        c"Sets how many rows a scan of a clip_hnsw index finds at first.",
        c"More of them are nearer to the true ones and take longer. A scan goes on for more rows where a query takes them.",
        &EF_SEARCH,
        1,
        10_000,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_float_guc(
        c"clip_pg.target_recall",
        c"Sets what share of the nearest rows a scan of a clip_hnsw index is to find.",
        c"By what clip_index_calibrate has measured, it stands for a value of clip_pg.ef_search. Where none that was measured finds as many, the whole index is read. 0 leaves it to clip_pg.ef_search.",
        &TARGET_RECALL,
        0.0,
        1.0,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"clip_pg.max_scan_tuples",
        c"Sets after how many vectors a scan of a clip_hnsw index leaves the graph.",
        c"It leaves the graph as well when it takes as much memory as work_mem and hash_mem_multiplier allow a hash table. What it does then, clip_pg.exact_fallback decides.",
        &MAX_SCAN_TUPLES,
        1,
        i32::MAX,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"clip_pg.iterative_order",
        c"Sets what a scan of a clip_hnsw index does with a row that is nearer than one it has returned.",
        c"In strict order it is left out, in relaxed order it is returned late.",
        &ITERATIVE_ORDER,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"clip_pg.exact_search",
        c"Has scans of clip_hnsw indexes find all rows, in the exact order.",
        c"Each reads the whole index then.",
        &EXACT_SEARCH,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"clip_pg.exact_fallback",
        c"Lets a scan of a clip_hnsw index that leaves the graph go on to all other rows.",
        c"It reads the whole index then, in order of distance. Otherwise it ends, with a warning, when it has visited clip_pg.max_scan_tuples or has no memory left.",
        &EXACT_FALLBACK,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"clip_pg.approximate_within",
        c"Lets clip_within without ORDER BY miss rows for being faster.",
        c"A scan of a clip_hnsw index looks for them on the graph then; otherwise it reads the whole index and finds all of them.",
        &APPROXIMATE_WITHIN,
        GucContext::Userset,
        GucFlags::default(),
    );
}

fn define_models() {
    GucRegistry::define_string_guc(
        c"clip_pg.model",
        c"Sets the model that embeds where a function call names none.",
        c"The view clip_models lists the registered models.",
        &MODEL,
        GucContext::Userset,
        GucFlags::default(),
    );
    // SAFETY: the hook is a function of this library, which stays loaded as long as the process.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"clip_pg.query_template",
            c"Sets what clip_query makes of its texts before it embeds them.",
            c"Each {} stands for the text, as in 'a photo of a {}'. An empty string leaves texts as they are.",
            &QUERY_TEMPLATE,
            GucContext::Userset,
            GucFlags::default(),
            Some(check_query_template),
            None,
            None,
        );
    }
    define_path(
        c"clip_pg.model_directory",
        c"Sets the directory that holds the descriptions of registered models.",
        c"An empty string stands for clip_pg/models in the data directory.",
        &MODEL_DIRECTORY,
        default_model_directory(),
    );
    define_path(
        c"clip_pg.onnxruntime_library",
        c"Sets the path of the ONNX Runtime library.",
        c"A process loads the library when it first runs a model, and keeps it. An empty string stands for the library that was installed with the extension.",
        &ONNXRUNTIME_LIBRARY,
        default_onnxruntime_library(),
    );
    GucRegistry::define_int_guc(
        c"clip_pg.threads",
        c"Sets the number of threads that run a model in a session, where there is no background worker.",
        c"A model that is loaded already keeps its threads.",
        &THREADS,
        1,
        1024,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"clip_pg.model_memory",
        c"Sets how much memory a process uses for models before it unloads others.",
        c"For the background worker, or for each session that runs models itself. Counts the sizes of the files. The model at work is kept even if it alone takes more.",
        &MODEL_MEMORY,
        1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_int_guc(
        c"clip_pg.batch_size",
        c"Sets how many texts or images a model embeds at once at most.",
        c"Larger batches use the processor better and take more memory.",
        &BATCH_SIZE,
        1,
        1024,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"clip_pg.libheif_library",
        c"Sets the path or name of the libheif library that decodes HEIC.",
        c"A process loads the library when it first needs it, and keeps it. By an empty string HEIC is not decoded.",
        &LIBHEIF_LIBRARY,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_int_guc(
        c"clip_pg.max_image_memory",
        c"Sets the memory that decoding an image may take, above which the image is refused.",
        c"The file itself does not count.",
        &MAX_IMAGE_MEMORY,
        1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_int_guc(
        c"clip_pg.max_image_pixels",
        c"Sets the number of pixels above which an image is refused.",
        c"Decoding takes up to some 20 bytes of memory per pixel.",
        &MAX_IMAGE_PIXELS,
        1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// Declares the settings of the background processes. Only while the library is preloaded: what takes effect when the server
/// starts cannot be declared later.
pub fn define_worker() {
    GucRegistry::define_int_guc(
        c"clip_pg.worker_threads",
        c"Sets the number of threads that run a model in the background worker.",
        c"0 stands for as many as there are processors.",
        &WORKER_THREADS,
        0,
        1024,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"clip_pg.worker_seats",
        c"Sets how many texts and images sessions can give to the background worker at once.",
        c"Sessions wait for a free seat. Each takes clip_pg.seat_payload of shared memory.",
        &WORKER_SEATS,
        1,
        1024,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"clip_pg.seat_payload",
        c"Sets the memory for the text or the image of a seat.",
        c"A model that takes images of N by N pixels needs 3 * N * N bytes.",
        &SEAT_PAYLOAD,
        64,
        65536,
        GucContext::Postmaster,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"clip_pg.text_memo",
        c"Sets the shared memory for embeddings of texts that were embedded lately.",
        c"0 remembers none.",
        &TEXT_MEMO,
        0,
        1 << 20,
        GucContext::Postmaster,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"clip_pg.queue_workers",
        c"Sets how many background workers embed what clip_auto_embed has queued at once, each in another database.",
        c"Each takes one of max_worker_processes while it is there. 0 leaves queues to clip_work_queue.",
        &QUEUE_WORKERS,
        0,
        1024,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"clip_pg.queue_naptime",
        c"Sets the time between looks at the queues of all databases.",
        c"Rows are embedded when their transaction commits; this is for attempts that are due again and for rows that came otherwise, by a restore, say.",
        &QUEUE_NAPTIME,
        1,
        i32::MAX / 1000,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_int_guc(
        c"clip_pg.queue_timeout",
        c"Sets how long a statement of a queue worker on a table, its triggers and policies included, may take.",
        c"The table is passed over then, and tried again later. 0 sets no limit.",
        &QUEUE_TIMEOUT,
        0,
        i32::MAX,
        GucContext::Sighup,
        GucFlags::UNIT_MS,
    );
}

/// `clip_pg.model`: name of the model where a call names none.
pub fn model() -> String {
    MODEL
        .get()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Whether a value of `clip_pg.query_template` has a place for the text, or is empty; the server raises the error.
#[pg_guard]
unsafe extern "C-unwind" fn check_query_template(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: the server passes a place with a string that lives longer than this call, or with NULL.
    let template = unsafe { value.read().as_ref().map(|start| CStr::from_ptr(start)) };
    let is_right = template.is_none_or(|template| {
        let bytes = template.to_bytes();
        bytes.is_empty() || bytes.windows(2).any(|pair| pair == b"{}")
    });
    if !is_right {
        // SAFETY: this is C's macro GUC_check_errhint; the string is the server's, which lets go of it with the error.
        unsafe {
            pg_sys::pre_format_elog_string(0, c"clip_pg".as_ptr());
            pg_sys::GUC_check_errhint_string =
                pg_sys::format_elog_string(c"Write {} where the text belongs.".as_ptr());
        }
    }
    is_right
}

/// `clip_pg.query_template`, in the database's encoding; may be empty.
pub fn query_template() -> CString {
    QUERY_TEMPLATE.get().unwrap_or_default()
}

/// `clip_pg.model_directory`: where the registry's files are, absolute.
pub fn model_directory() -> PathBuf {
    path(&MODEL_DIRECTORY).unwrap_or_else(default_model_directory)
}

/// `clip_pg.onnxruntime_library`, absolute.
pub fn onnxruntime_library() -> PathBuf {
    path(&ONNXRUNTIME_LIBRARY).unwrap_or_else(default_onnxruntime_library)
}

/// `clip_pg.libheif_library`: what the dynamic linker is to open; may be empty.
pub fn libheif_library() -> String {
    LIBHEIF_LIBRARY
        .get()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `clip_pg.threads`: threads per model run in a session, at least 1.
pub fn threads() -> usize {
    unsigned(&THREADS) as usize
}

/// `clip_pg.worker_threads`: threads per model run in the background worker, at least 1.
pub fn worker_threads() -> usize {
    match unsigned(&WORKER_THREADS) {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads as usize,
    }
}

/// `clip_pg.batch_size`: rows per model run, at least 1.
pub fn batch_size() -> usize {
    unsigned(&BATCH_SIZE) as usize
}

/// `clip_pg.max_image_memory`: bytes that decoding an image takes, at most.
pub fn max_image_memory() -> u64 {
    u64::from(unsigned(&MAX_IMAGE_MEMORY)) << 20
}

/// `clip_pg.max_image_pixels`: pixels of an image, at most.
pub fn max_image_pixels() -> u64 {
    unsigned(&MAX_IMAGE_PIXELS).into()
}

/// `clip_pg.ef_search`: rows of a scan's first batch, at least 1.
pub fn ef_search() -> usize {
    unsigned(&EF_SEARCH) as usize
}

/// `clip_pg.target_recall`: the share of the nearest rows that scans are to find, if they go by it.
pub fn target_recall() -> Option<f64> {
    Some(TARGET_RECALL.get()).filter(|&target| target > 0.0)
}

/// `clip_pg.max_scan_tuples`: vectors that a scan visits on the graph, at least 1.
pub fn max_scan_tuples() -> usize {
    unsigned(&MAX_SCAN_TUPLES) as usize
}

/// `clip_pg.iterative_order`: what becomes of late finds.
pub fn iterative_order() -> Order {
    match ITERATIVE_ORDER.get() {
        IterativeOrder::Strict => Order::Strict,
        IterativeOrder::Relaxed => Order::Relaxed,
    }
}

/// `clip_pg.exact_search`: whether scans are exact.
pub fn exact_search() -> bool {
    EXACT_SEARCH.get()
}

/// `clip_pg.exact_fallback`: whether a scan goes on where the graph has no more for it.
pub fn exact_fallback() -> bool {
    EXACT_FALLBACK.get()
}

/// `clip_pg.approximate_within`: whether `clip_within` without an order may miss rows.
pub fn approximate_within() -> bool {
    APPROXIMATE_WITHIN.get()
}

/// `clip_pg.model_memory`: bytes of the files of loaded models, at most.
pub fn model_memory() -> u64 {
    u64::from(unsigned(&MODEL_MEMORY)) << 20
}

/// `clip_pg.worker_seats`: seats in shared memory, at least 1.
pub fn worker_seats() -> usize {
    unsigned(&WORKER_SEATS) as usize
}

/// `clip_pg.seat_payload`: bytes of a seat's payload, at least 64 kB.
pub fn seat_payload() -> usize {
    (unsigned(&SEAT_PAYLOAD) as usize) << 10
}

/// `clip_pg.text_memo`: bytes of the shared memo of texts.
pub fn text_memo() -> usize {
    (unsigned(&TEXT_MEMO) as usize) << 10
}

/// `clip_pg.queue_workers`: workers for queues at once, at most.
pub fn queue_workers() -> usize {
    unsigned(&QUEUE_WORKERS) as usize
}

/// `clip_pg.queue_naptime`: time between looks at all databases.
pub fn queue_naptime() -> Duration {
    Duration::from_secs(unsigned(&QUEUE_NAPTIME).into())
}

/// `clip_pg.queue_timeout`: milliseconds that the code of a table's owner may run in a queue worker, 0 for ever.
pub fn queue_timeout() -> i32 {
    QUEUE_TIMEOUT.get()
}

/// Declares a setting that superusers make and that ordinary users do not see.
///
/// The default depends on where the server lies; declared like this, `SHOW` tells it and `RESET` goes back to it.
fn define_path(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<Option<CString>>,
    default: PathBuf,
) {
    // It came from C strings, so it holds no 0.
    let default = CString::new(default.into_os_string().into_vec()).unwrap_or_default();
    // SAFETY: settings are declared once, while the process has one thread; the server keeps the pointer as the
    // default, so the string is never freed.
    unsafe { *setting.as_ptr() = default.into_raw() };
    GucRegistry::define_string_guc(
        name,
        short,
        long,
        setting,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
}

/// Makes unknown settings of this extension an error (a warning up to PostgreSQL 14); called when all are declared.
pub fn reserve_prefix() {
    let prefix = c"clip_pg";
    // SAFETY: called while the library is loaded, with a string that ends with 0.
    unsafe {
        #[cfg(feature = "pg14")]
        pgrx::pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
        #[cfg(not(feature = "pg14"))]
        pgrx::pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
    }
}

fn default_model_directory() -> PathBuf {
    server::data_directory().join("clip_pg/models")
}

fn default_onnxruntime_library() -> PathBuf {
    server::library_file("clip_pg/libonnxruntime.so")
}

fn path(setting: &GucSetting<Option<CString>>) -> Option<PathBuf> {
    let value = setting.get().filter(|value| !value.is_empty())?;
    // Joining an absolute path replaces what it is joined to.
    Some(server::data_directory().join(OsString::from_vec(value.into_bytes())))
}

fn unsigned(setting: &GucSetting<i32>) -> u32 {
    // The lower limits are above 0.
    setting.get().unsigned_abs()
}
