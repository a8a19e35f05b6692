//! libjpeg's decoder: the rows of a stream, in colours and at a size of choice, or columns of them.
//!
//! Crate `mozjpeg` wraps all of libjpeg but what leaves parts of a picture out, and keeps its structures to itself; so the
//! decoder is called here. An error unwinds out of it, as does `progress` (`crate::source` says what becomes of both); the
//! C code has unwind tables, and what it leaves behind is freed with the [`Stream`].

#![allow(unsafe_code)]

use super::faults;
use super::feed::Feed;
use crate::source::Pulse;
use mozjpeg_sys::{
    DCTSIZE2, J_COLOR_SPACE, boolean, c_long, jpeg_create_decompress, jpeg_crop_scanline,
    jpeg_decompress_struct, jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress,
    jpeg_has_multiple_scans, jpeg_read_header, jpeg_read_scanlines, jpeg_resync_to_restart,
    jpeg_skip_scanlines, jpeg_source_mgr, jpeg_start_decompress,
};
use std::mem::zeroed;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::slice;

/// Groups of columns, each as wide as the blocks that are coded together, that are decoded beside those that are wanted.
///
/// libjpeg takes the first and last column that it decodes for edges of the picture. Upsampling chroma looks at one sample
/// beyond, smoothing of a progressive file that lacks scans at two blocks beyond.
const MARGIN: usize = 3;

/// Pixels of the file that are passed over before `progress` is called again: some ten milliseconds.
const STEP: usize = 1 << 20;

/// A stream that is being decoded.
pub(crate) struct Stream<'a> {
    /// A box of its own, to which libjpeg and its callbacks have pointers, too.
    state: NonNull<State<'a>>,
}

struct State<'a> {
    info: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
    source: Source<'a>,
}

/// Where libjpeg gets its data.
#[repr(C)]
struct Source<'a> {
    /// The first field, so that a pointer to it is one to the whole.
    manager: jpeg_source_mgr,
    feed: Feed<'a>,
}

impl<'a> Stream<'a> {
    /// Reads the header. `strict` says that a scan that ends early is an error though the stream does not.
    pub(crate) fn open(feed: Feed<'a>, strict: bool) -> Self {
        let state = Box::new(State {
            // SAFETY: all fields are numbers, pointers, and enumerations of C that have a zero.
            info: unsafe { zeroed() },
            errors: faults::manager(strict),
            source: Source {
                manager: jpeg_source_mgr {
                    next_input_byte: ptr::null(),
                    bytes_in_buffer: 0,
                    init_source: Some(nothing),
                    fill_input_buffer: Some(fill),
                    skip_input_data: Some(pass),
                    resync_to_restart: Some(jpeg_resync_to_restart),
                    term_source: Some(nothing),
                },
                feed,
            },
        });
        let mut stream = Self {
            state: NonNull::from(Box::leak(state)),
        };
        let state = stream.state.as_ptr();
        // SAFETY: the box lives as long as the stream, and nothing refers to it but what is set here. A stream that is
        // dropped because this unwinds has a structure of zeroes, which libjpeg takes for one that owns nothing.
        unsafe {
            (*state).info.common.err = &raw mut (*state).errors;
            jpeg_create_decompress(&raw mut (*state).info);
            (*state).info.src = (&raw mut (*state).source).cast();
        }
        // SAFETY: the structure is set up, with handlers for errors and data. A picture is required, so that all other
        // outcomes are errors; data never keeps it waiting.
        unsafe { jpeg_read_header(stream.info_mut(), 1) };
        stream
    }

    fn info(&self) -> &jpeg_decompress_struct {
        // SAFETY: the box lives as long as the stream. Whoever else has pointers to it only uses them while libjpeg is
        // called, for which the stream is borrowed.
        unsafe { &(*self.state.as_ptr()).info }
    }

    fn info_mut(&mut self) -> &mut jpeg_decompress_struct {
        // SAFETY: as in `info`; the reference is to this field only, so that callbacks can refer to the others.
        unsafe { &mut (*self.state.as_ptr()).info }
    }

    /// Width and height of the picture in the file.
    pub(crate) fn size(&self) -> (usize, usize) {
        let info = self.info();
        (info.image_width as usize, info.image_height as usize)
    }

    /// Bytes of coefficients that [`Self::start`] is going to hold: those of the whole picture if it comes in several scans,
    /// none otherwise.
    pub(crate) fn coefficients(&self) -> u64 {
        let info = self.info();
        // SAFETY: the structure has a header that was read.
        if unsafe { jpeg_has_multiple_scans(info) } == 0 {
            return 0;
        }
        // SAFETY: libjpeg has so many descriptions of components there since it has read the header.
        let components =
            unsafe { slice::from_raw_parts(info.comp_info, info.num_components as usize) };
        let blocks = components.iter().map(|component| {
            let across = component
                .width_in_blocks
                .next_multiple_of(component.h_samp_factor as u32);
            let down = component
                .height_in_blocks
                .next_multiple_of(component.v_samp_factor as u32);
            u64::from(across) * u64::from(down)
        });
        blocks.sum::<u64>() * (DCTSIZE2 * size_of::<i16>()) as u64
    }

    /// Begins with the rows: in colours of `space`, at `eighths` of the full size, of which side by side at least `columns`
    /// are decoded. What has several scans is read to its end here.
    ///
    /// Returns the first column that is decoded.
    pub(crate) fn start(
        &mut self,
        space: J_COLOR_SPACE,
        eighths: u32,
        columns: Range<usize>,
    ) -> usize {
        let info = self.info_mut();
        info.out_color_space = space;
        info.scale_num = eighths;
        info.scale_denom = 8;
        // SAFETY: the header was read. What is wrong with the order of calls is an error to libjpeg.
        unsafe { jpeg_start_decompress(info) };
        let margin = MARGIN * eighths as usize * info.max_h_samp_factor as usize;
        let first = columns.start.saturating_sub(margin);
        let last = columns
            .end
            .saturating_add(margin)
            .min(info.output_width as usize);
        let (mut first, mut width) = (first as u32, last.saturating_sub(first) as u32);
        // SAFETY: decoding has begun, and no row was read. Columns that are not there are an error to libjpeg.
        unsafe { jpeg_crop_scanline(info, &mut first, &mut width) };
        first as usize
    }

    /// Samples of a row: of the columns that are decoded.
    pub(crate) fn row_length(&self) -> usize {
        let info = self.info();
        info.output_width as usize * info.out_color_components as usize
    }

    /// Height at the size that is decoded.
    pub(crate) fn height(&self) -> usize {
        self.info().output_height as usize
    }

    /// Passes over rows, whose codes are read, but nothing more is made of them.
    pub(crate) fn skip(&mut self, count: usize, pulse: &Pulse<'_>) {
        let info = self.info_mut();
        // Rows of blocks that are coded together; where all was read before, they cost nothing.
        let unit = info.scale_num as usize * info.max_v_samp_factor as usize;
        let coded = 8 * info.max_v_samp_factor as usize * info.image_width as usize;
        // SAFETY: the structure has a header that was read.
        let step = match unsafe { jpeg_has_multiple_scans(info) } {
            0 => unit * (STEP / coded).max(2),
            _ => usize::MAX,
        };
        let mut left = count;
        while left > 0 {
            pulse.beat();
            let rows = left.min(step);
            // SAFETY: the structure is set up; whether rows can be read now, libjpeg looks itself, and stops at the last.
            unsafe { jpeg_skip_scanlines(info, rows as u32) };
            left -= rows;
        }
    }

    /// Reads the next row, whether there is one and `row` is as long as [`Self::row_length`] says.
    pub(crate) fn next_row(&mut self, row: &mut [u8]) -> bool {
        if row.len() != self.row_length() {
            return false;
        }
        let mut start = row.as_mut_ptr();
        // SAFETY: libjpeg writes one row, of as many bytes as it says, to the one pointer it gets.
        unsafe { jpeg_read_scanlines(self.info_mut(), &raw mut start, 1) == 1 }
    }

    /// Looks for the end of the stream, after the last row.
    pub(crate) fn finish(mut self) {
        // SAFETY: the structure is set up; rows that were not read are an error to libjpeg.
        unsafe { jpeg_finish_decompress(self.info_mut()) };
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let state = self.state.as_ptr();
        // SAFETY: nothing refers to the box any more, which was made by `open`. libjpeg frees what it has, whatever it was
        // interrupted at.
        unsafe {
            jpeg_destroy_decompress(&mut (*state).info);
            drop(Box::from_raw(state));
        }
    }
}

impl Source<'_> {
    /// Gives libjpeg the next bytes; whether there are any.
    fn advance(&mut self) -> bool {
        let Some(portion) = self.feed.portion() else {
            return false;
        };
        self.manager.next_input_byte = portion.as_ptr();
        self.manager.bytes_in_buffer = portion.len();
        true
    }
}

/// Called before the first byte and after the last.
unsafe extern "C-unwind" fn nothing(_info: &mut jpeg_decompress_struct) {}

/// Called when libjpeg has used up its bytes.
unsafe extern "C-unwind" fn fill(info: &mut jpeg_decompress_struct) -> boolean {
    /// What libjpeg gets where it may go on without data.
    static END: [u8; 4] = [0xff, 0xd9, 0xff, 0xd9];
    // SAFETY: this is called for streams only, whose `src` leads to a `Source` that nothing else refers to meanwhile.
    let source = unsafe { &mut *info.src.cast::<Source<'_>>() };
    if !source.advance() {
        if source.feed.fails {
            faults::ended();
        }
        source.manager.next_input_byte = END.as_ptr();
        source.manager.bytes_in_buffer = END.len();
    }
    1
}

/// Called where libjpeg does not look at the next `count` bytes.
unsafe extern "C-unwind" fn pass(info: &mut jpeg_decompress_struct, count: c_long) {
    // SAFETY: libjpeg calls this for streams only, whose `src` leads to the first field of a `Source`; nothing else refers to
    // that while libjpeg is called, for `info` is another field of the stream's box.
    let source = unsafe { &mut *info.src.cast::<Source<'_>>() };
    let mut left = usize::try_from(count).unwrap_or(0);
    loop {
        let manager = &mut source.manager;
        let here = left.min(manager.bytes_in_buffer);
        // SAFETY: of the bytes that the pointer leads to, `bytes_in_buffer` are left, and it moves by no more.
        manager.next_input_byte = unsafe { manager.next_input_byte.add(here) };
        manager.bytes_in_buffer -= here;
        left -= here;
        if left == 0 {
            return;
        }
        if !source.advance() {
            faults::ended();
        }
    }
}
