//! The functions of libheif 1 that decoding a still picture takes, found in the library at run time.
//!
//! Declared as in the headers of libheif 1.15, whose interface later versions of soname `libheif.so.1` keep. What the
//! library hands out is owned by guards here, which give it back.
#![allow(unsafe_code)]

use super::Format;
use super::raster::zeroed;
use super::source::{Pulse, corrupt};
use crate::{Error, Result};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

/// `heif_colorspace_RGB`, `heif_channel_interleaved`, and what comes interleaved: `heif_chroma_interleaved_RGB` and `_RGBA`.
const RGB: c_int = 1;
const INTERLEAVED: c_int = 10;
const WITHOUT_ALPHA: c_int = 10;
const WITH_ALPHA: c_int = 11;

/// `heif_error_Unsupported_filetype` and `_Unsupported_feature`.
const UNSUPPORTED_TYPE: c_int = 3;
const UNSUPPORTED_FEATURE: c_int = 4;

/// What is wanted of a picture.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Width and height of what is to come out.
    pub(super) size: (u32, u32),
    /// The same of what is coded.
    pub(super) coded: (u32, u32),
    /// Whether it is to be cut and turned, as it is shown.
    pub(super) shown: bool,
}

/// `heif_error`.
#[repr(C)]
struct Outcome {
    code: c_int,
    subcode: c_int,
    message: *const c_char,
}

/// The beginning of `heif_decoding_options`, which the library allocates.
#[repr(C)]
struct Options {
    version: u8,
    ignore_transformations: u8,
    progress: [*const c_void; 4],
    /// From the second version on.
    convert_hdr_to_8bit: u8,
}

/// Declares the functions as fields of [`Library`], and finds them by name.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of an opened library.
        pub(super) struct Library {
            version: String,
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Library {
            /// Opens the library that the dynamic linker finds as `path`, for good.
            ///
            /// # Errors
            /// The linker's words.
            pub(super) fn open(path: &str) -> std::result::Result<&'static Self, String> {
                let handle = opened(path)?;
                let mut library = Self {
                    version: String::new(),
                    $($name: {
                        let symbol = found(handle, concat!("heif_", stringify!($name), "\0"))?;
                        // SAFETY: a data pointer and a function pointer have the same size here. The function of this name
                        // has these arguments and this result in every version of libheif's first interface.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(symbol) }
                    },)*
                };
                // SAFETY: the function takes nothing and returns a text that is part of the library.
                let version = unsafe { CStr::from_ptr((library.get_version)()) };
                library.version = version.to_string_lossy().into_owned();
                Ok(Box::leak(Box::new(library)))
            }
        }
    };
}

functions! {
    get_version: fn() -> *const c_char;
    context_alloc: fn() -> *mut c_void;
    context_free: fn(*mut c_void);
    context_set_maximum_image_size_limit: fn(*mut c_void, c_int);
    context_read_from_memory_without_copy: fn(*mut c_void, *const u8, usize, *const c_void) -> Outcome;
    context_get_primary_image_handle: fn(*mut c_void, *mut *mut c_void) -> Outcome;
    image_handle_release: fn(*mut c_void);
    image_handle_has_alpha_channel: fn(*mut c_void) -> c_int;
    decoding_options_alloc: fn() -> *mut Options;
    decoding_options_free: fn(*mut Options);
    decode_image: fn(*mut c_void, *mut *mut c_void, c_int, c_int, *const Options) -> Outcome;
    image_get_width: fn(*const c_void, c_int) -> c_int;
    image_get_height: fn(*const c_void, c_int) -> c_int;
    image_get_plane_readonly: fn(*const c_void, c_int, *mut c_int) -> *const u8;
    image_release: fn(*mut c_void);
}

/// What `dlerror` says.
fn linker_error() -> String {
    // SAFETY: dlerror returns NULL or a text of this thread, which is copied before the next call of the linker.
    let words = unsafe { libc::dlerror().as_ref().map(|start| CStr::from_ptr(start)) };
    words.map_or_else(
        || "not found".to_owned(),
        |words| words.to_string_lossy().into_owned(),
    )
}

fn opened(path: &str) -> std::result::Result<*mut c_void, String> {
    let path = CString::new(path).map_err(|_| "the path holds a zero".to_owned())?;
    // SAFETY: the path ends with a zero. Opening runs the initialisers of the library, which whoever may set its path has
    // chosen to trust.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        Err(linker_error())
    } else {
        Ok(handle)
    }
}

fn found(handle: *mut c_void, name: &str) -> std::result::Result<*mut c_void, String> {
    // SAFETY: the handle is one of dlopen that is never closed, and the name, which the macro makes, ends with a zero.
    let symbol = unsafe { libc::dlsym(handle, name.as_ptr().cast()) };
    if symbol.is_null() {
        Err(linker_error())
    } else {
        Ok(symbol)
    }
}

/// Something of the library's, which is given back when dropped.
struct Guard<T> {
    pointer: *mut T,
    release: unsafe extern "C" fn(*mut T),
}

impl<T> Guard<T> {
    fn new(pointer: *mut T, release: unsafe extern "C" fn(*mut T)) -> Result<Self> {
        match pointer.is_null() {
            true => Err(corrupt(Format::Heic, "the decoder is out of memory")),
            false => Ok(Self { pointer, release }),
        }
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library, is not NULL, and is released once, here, by the function meant for it.
        unsafe { (self.release)(self.pointer) };
    }
}

/// The library's words for what went wrong.
fn checked(outcome: Outcome) -> Result<()> {
    if outcome.code == 0 {
        return Ok(());
    }
    // SAFETY: the message is NULL or a text that lives as long as the library or the context, which its caller holds.
    let words = unsafe { outcome.message.as_ref().map(|start| CStr::from_ptr(start)) };
    let words = words.map_or_else(|| "the decoder failed".into(), CStr::to_string_lossy);
    match outcome.code {
        UNSUPPORTED_TYPE | UNSUPPORTED_FEATURE => Err(Error::UnsupportedImageFormat {
            format: format!("HEIC ({words})"),
        }),
        _ => Err(corrupt(Format::Heic, words)),
    }
}

impl Library {
    /// Its version.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Decodes the picture of `file` to 8 bits: its samples, and how many a pixel has, 3 or 4.
    ///
    /// # Errors
    /// [`Error::CorruptImage`], also where the picture has not this size; [`Error::UnsupportedImageFormat`] for what the
    /// library does not read.
    pub(super) fn decode(
        &self,
        file: &[u8],
        wanted: Wanted,
        pulse: &Pulse<'_>,
    ) -> Result<(Vec<u8>, usize)> {
        let Wanted {
            size: (width, height),
            coded,
            shown,
        } = wanted;
        // SAFETY: takes nothing; a new context or NULL.
        let context = Guard::new(unsafe { (self.context_alloc)() }, self.context_free)?;
        // The limit is one on sides, and not reached by a picture of exactly that; coded pictures are larger by up to a block.
        let side = c_int::try_from(coded.0.max(coded.1).saturating_add(128)).unwrap_or(c_int::MAX);
        // SAFETY: the context is alive.
        unsafe { (self.context_set_maximum_image_size_limit)(context.pointer, side) };
        // SAFETY: the context is alive, and the file outlives it: it is borrowed for all of this function, at whose end the
        // context is freed. No options are given.
        checked(unsafe {
            (self.context_read_from_memory_without_copy)(
                context.pointer,
                file.as_ptr(),
                file.len(),
                ptr::null(),
            )
        })?;
        let mut handle = ptr::null_mut();
        // SAFETY: the context is alive, and there is a place for the handle.
        checked(unsafe { (self.context_get_primary_image_handle)(context.pointer, &mut handle) })?;
        let handle = Guard::new(handle, self.image_handle_release)?;
        // SAFETY: takes nothing; new options, filled in, or NULL.
        let options = Guard::new(
            unsafe { (self.decoding_options_alloc)() },
            self.decoding_options_free,
        )?;
        // SAFETY: the options are the library's, alive, and nobody else's. Every version has the first field, and the last
        // one is written only where the version says that it is there.
        unsafe {
            (*options.pointer).ignore_transformations = u8::from(!shown);
            if (*options.pointer).version >= 2 {
                (*options.pointer).convert_hdr_to_8bit = 1;
            }
        }
        // SAFETY: the handle is alive.
        let alpha = unsafe { (self.image_handle_has_alpha_channel)(handle.pointer) } != 0;
        let (chroma, channels) = if alpha {
            (WITH_ALPHA, 4)
        } else {
            (WITHOUT_ALPHA, 3)
        };
        let mut image = ptr::null_mut();
        // SAFETY: handle and options are alive, and there is a place for the picture.
        checked(unsafe {
            (self.decode_image)(handle.pointer, &mut image, RGB, chroma, options.pointer)
        })?;
        let image = Guard::new(image, self.image_release)?;
        // SAFETY: the picture is alive; these read its fields.
        let decoded = unsafe {
            (
                (self.image_get_width)(image.pointer, INTERLEAVED),
                (self.image_get_height)(image.pointer, INTERLEAVED),
            )
        };
        let mut stride = 0;
        // SAFETY: the picture is alive, and there is a place for the length of a row.
        let plane =
            unsafe { (self.image_get_plane_readonly)(image.pointer, INTERLEAVED, &mut stride) };
        let length = channels * width as usize;
        let stride = usize::try_from(stride).unwrap_or(0);
        if decoded != (width as c_int, height as c_int) || plane.is_null() || stride < length {
            return Err(corrupt(Format::Heic, "contradictory headers"));
        }
        let mut samples = zeroed(length * height as usize, pulse)?;
        for (y, row) in samples.chunks_exact_mut(length).enumerate() {
            // SAFETY: the plane has `height` rows, `stride` bytes apart, as was checked, each of at least `length` bytes; it
            // lives as long as the picture.
            let stored = unsafe { std::slice::from_raw_parts(plane.add(y * stride), length) };
            row.copy_from_slice(stored);
        }
        Ok((samples, channels))
    }
}
