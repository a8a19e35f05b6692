//! Decoding, orienting, resizing and cropping images.
