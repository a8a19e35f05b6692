//! The decoder of AV1, crate `re_rav1d`, through the functions that it has for C.
//!
//! Those for Rust lose 48 bytes with every picture and every question for one: `dav1d_get_picture` writes an empty picture
//! where there is none, `dav1d_picture_unref` leaves one behind, and what an empty picture owns is freed by nobody. Here
//! [`Picture`] frees it.
#![allow(unsafe_code)]

use super::yuv::{Layout, Plane};
use re_rav1d::Dav1dResult;
use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422,
};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib::{
    dav1d_close, dav1d_data_unref, dav1d_data_wrap, dav1d_default_settings, dav1d_get_picture,
    dav1d_open, dav1d_picture_unref, dav1d_send_data,
};
use re_rav1d::src::send_sync_non_null::SendSyncNonNull;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

/// Why there is no picture.
#[derive(Debug)]
pub(super) enum Failure {
    /// Of memory.
    Memory,
    /// The data is damaged, or larger than allowed.
    Data,
}

/// Whether a call succeeded; false where it is to be made again after the other one.
fn done(result: Dav1dResult) -> Result<bool, Failure> {
    match -result.0 {
        0 => Ok(true),
        libc::EAGAIN => Ok(false),
        libc::ENOMEM => Err(Failure::Memory),
        _ => Err(Failure::Data),
    }
}

/// A decoder, which works on the thread that calls it.
pub(super) struct Decoder {
    context: Option<Dav1dContext>,
    /// What is sent and was not taken yet.
    pending: Dav1dData,
}

impl Decoder {
    /// Of frames of this many pixels at most, without layers.
    pub(super) fn new(pixels: u32) -> Result<Self, Failure> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the pointer is valid for a write, which initialises all of it.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.all_layers = 0;
        settings.frame_size_limit = pixels;
        let mut decoder = Self {
            context: None,
            pending: Dav1dData::default(),
        };
        // SAFETY: both point to values that live on; the context is valid to be overwritten, the settings to be read.
        done(unsafe {
            dav1d_open(
                Some(NonNull::from(&mut decoder.context)),
                Some(NonNull::from(&mut settings)),
            )
        })?;
        Ok(decoder)
    }

    /// Takes the data of a frame, or begins to as [`Self::take`] does. What was sent before must have been taken.
    pub(super) fn send(&mut self, data: Vec<u8>) -> Result<bool, Failure> {
        if data.is_empty() {
            return Err(Failure::Data);
        }
        let data = Box::new(data);
        let (start, length) = (NonNull::from(data.as_slice()).cast(), data.len());
        // SAFETY: the bytes belong to the vector in the box, which goes with them and is dropped by `release`, once and
        // after their last use; nothing else refers to them. `pending` owns nothing that would be overwritten.
        done(unsafe {
            dav1d_data_wrap(
                Some(NonNull::from(&mut self.pending)),
                Some(start),
                length,
                Some(release),
                Some(SendSyncNonNull::from_box(data).cast()),
            )
        })?;
        self.take()
    }

    /// Goes on with what was sent; false while not all of it is taken, until pictures are.
    pub(super) fn take(&mut self) -> Result<bool, Failure> {
        if self.pending.sz == 0 {
            return Ok(true);
        }
        // SAFETY: the context is that of `dav1d_open` and not closed; `pending` is valid to be read and written.
        let taken =
            done(unsafe { dav1d_send_data(self.context, Some(NonNull::from(&mut self.pending))) })?;
        Ok(taken && self.pending.sz == 0)
    }

    /// The next picture, if there is one without more data.
    pub(super) fn picture(&mut self) -> Result<Option<Picture>, Failure> {
        let mut picture = Picture(Dav1dPicture::default());
        // SAFETY: the context is that of `dav1d_open` and not closed; the picture is valid to be overwritten, and being
        // all of none, owns nothing.
        let result =
            unsafe { dav1d_get_picture(self.context, Some(NonNull::from(&mut picture.0))) };
        Ok(done(result)?.then_some(picture))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the data is empty or of `dav1d_data_wrap`, the context none or of `dav1d_open`; each is let go once,
        // and both functions leave nothing in their place.
        unsafe {
            dav1d_data_unref(Some(NonNull::from(&mut self.pending)));
            dav1d_close(Some(NonNull::from(&mut self.context)));
        }
    }
}

/// Drops the vector that data was taken from.
///
/// # Safety
/// `owner` is a box of a vector that nobody else drops.
unsafe extern "C" fn release(_: *const u8, owner: Option<SendSyncNonNull<c_void>>) {
    if let Some(owner) = owner {
        // SAFETY: as the caller promises.
        drop(unsafe { owner.cast::<Vec<u8>>().into_box() });
    }
}

/// A decoded frame.
pub(super) struct Picture(Dav1dPicture);

impl Picture {
    /// Pixels per row and rows.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.0.p.w as u32, self.0.p.h as u32)
    }

    /// Of a sample.
    pub(super) fn bits(&self) -> u32 {
        self.0.p.bpc as u32
    }

    /// How many samples of chroma there are.
    pub(super) fn layout(&self) -> Layout {
        match self.0.p.layout {
            DAV1D_PIXEL_LAYOUT_I400 => Layout::Grey,
            DAV1D_PIXEL_LAYOUT_I420 => Layout::Quarter,
            DAV1D_PIXEL_LAYOUT_I422 => Layout::Half,
            _ => Layout::Full,
        }
    }

    /// The frame's own code point of matrix coefficients, and whether samples use all of their range.
    pub(super) fn colors(&self) -> Option<(u16, bool)> {
        // SAFETY: a picture's sequence header lives as long as the picture, which holds a count of it, and nobody writes
        // to it.
        let header = unsafe { self.0.seq_hdr?.as_ref() };
        Some((header.mtrx as u16, header.color_range != 0))
    }

    /// Samples of a component, 0 to 2; none of chroma where there is none.
    pub(super) fn plane(&self, component: usize) -> Option<Plane<'_>> {
        let start = *self.0.data.get(component)?;
        let stride = usize::try_from(*self.0.stride.get(component.min(1))?).ok()?;
        let rows = match (component, self.layout()) {
            (1.., Layout::Quarter) => self.size().1.div_ceil(2),
            _ => self.size().1,
        };
        // SAFETY: the decoder's own allocator makes planes of at least as many rows of `stride` bytes, all initialised; they
        // live as long as the picture, and nobody writes to what was handed out.
        let samples =
            unsafe { slice::from_raw_parts(start?.cast::<u8>().as_ptr(), stride * rows as usize) };
        Some(Plane { samples, stride })
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the picture is all of none, or was written by `dav1d_get_picture`. Unreferring it writes an empty one,
        // whose one allocation this hands back to an `Arc`, once.
        unsafe {
            dav1d_picture_unref(Some(NonNull::from(&mut self.0)));
            drop(self.0.itut_t35_ref.take().map(|owned| owned.into_arc()));
        }
    }
}
