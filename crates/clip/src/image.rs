//! Decoding, orienting, resizing and cropping images.

use crate::preprocess::Preprocess;

/// Turns RGB pixels, height × width × 3, into what a vision tower takes: 3 × height × width, normalised per channel.
pub fn normalize(pixels: &[u8], preprocess: &Preprocess, out: &mut [f32]) {
    let plane = pixels.len() / 3;
    for (index, pixel) in pixels.chunks_exact(3).enumerate() {
        for (channel, &sample) in pixel.iter().enumerate() {
            let value = (f64::from(sample) * preprocess.rescale_factor) as f32;
            out[channel * plane + index] =
                (value - preprocess.mean[channel]) / preprocess.std[channel];
        }
    }
}
