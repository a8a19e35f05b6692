//! Codes of few bits: the kernel against its reference, and what quantising keeps.

use kernels::quantize::{Bits, Codes, level_values, quantize};
use kernels::{code_dots, instruction_sets, scalar};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    /// Every length around a register, every count around the four codes of a step.
    #[test]
    fn every_kernel_matches_the_reference(
        bytes in 1_usize..140,
        gap in 0_usize..3,
        count in 0_usize..40,
        seed in vec(any::<u8>(), 64),
    ) {
        let byte = |i: usize| seed[i % 64].wrapping_mul(31).wrapping_add((i / 7) as u8);
        for bits in Bits::ALL {
            let len = bits.per_byte() * bytes;
            let queries: Vec<i8> = (0..3 * len).map(|i| (byte(i) as i8).max(-127)).collect();
            let which: Vec<u8> = (0..count).map(|i| byte(i) % 3).collect();
            let stride = bytes + gap;
            let all: Vec<u8> = (0..stride * count).map(|i| byte(i + 13)).collect();
            let codes = Codes::new(bits, bytes, stride, &all);
            let mut slow = vec![1; count];
            scalar::code_dots(codes, &queries, &which, &mut slow);
            for set in instruction_sets() {
                let mut fast = vec![0; count];
                set.code_dots(codes, &queries, &which, &mut fast);
                prop_assert_eq!(&fast, &slow, "{:?}", set);
            }
        }
    }

    #[test]
    fn four_bits_keep_nearly_all_of_a_vector(values in vec(-1f32..1.0, 2 * 40)) {
        let norm: f32 = values.iter().map(|x| x * x).sum();
        let mut code = [0; 40];
        let scale = quantize(Bits::Four, &values, &mut code);
        let mut levels = [0; 80];
        level_values(Bits::Four, &code, &mut levels);
        let error: f32 = values
            .iter()
            .zip(levels)
            .map(|(x, level)| (x - scale * f32::from(level)).powi(2))
            .sum();
        prop_assert!(error <= 0.01 * norm, "{} of {}", error, norm);
    }

    #[test]
    fn a_vector_and_its_code_have_the_product_of_its_norm(
        values in vec(-1f32..1.0, 320),
        bits in prop::sample::select(Bits::ALL.to_vec()),
    ) {
        let values = &values[..40 * bits.per_byte()];
        let norm: f32 = values.iter().map(|x| x * x).sum();
        let mut code = [0; 40];
        let scale = quantize(bits, values, &mut code);
        let mut levels = vec![0; values.len()];
        level_values(bits, &code, &mut levels);
        let product: f32 = values
            .iter()
            .zip(levels)
            .map(|(x, level)| x * scale * f32::from(level))
            .sum();
        prop_assert!((product - norm).abs() <= 1e-4 * norm, "{} of {}", product, norm);
    }
}

#[test]
fn extremes_do_not_saturate() {
    for bits in Bits::ALL {
        for value in [-127_i8, 127] {
            let mut out = [0; 5];
            let len = 96 * bits.per_byte();
            let codes = Codes::new(bits, 96, 96, &[0xff; 96 * 5]);
            let product = i32::from(value) * i32::from(bits.top()) * len as i32;
            for set in instruction_sets() {
                set.code_dots(codes, &vec![value; len], &[0; 5], &mut out);
                assert_eq!(out, [product; 5], "{set:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "codes and queries differ in length")]
fn codes_that_only_fit_when_their_distance_overflows_are_refused() {
    let codes = Codes::new(Bits::Four, 32, (1 << 63) + 32, &[0; 64]);
    code_dots(codes, &[0; 64], &[0, 0], &mut [0; 2]);
}

#[test]
#[should_panic(expected = "codes and queries differ in length")]
fn codes_that_only_fit_when_their_elements_overflow_are_refused() {
    Codes::new(Bits::One, 1 << 61, 1 << 61, &[0; 8]);
}

#[test]
#[should_panic(expected = "codes and queries differ in length")]
fn codes_that_overlap_are_refused() {
    Codes::new(Bits::Two, 9, 8, &[0; 64]);
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let refused = |count: usize, queries: usize, which: &[u8]| {
        let (bytes, queries) = (vec![0; 24], vec![0; queries]);
        let (which, mut out) = (which.to_vec(), vec![0; count]);
        let codes = Codes::new(Bits::Four, 8, 12, &bytes);
        std::panic::catch_unwind(move || code_dots(codes, &queries, &which, &mut out)).is_err()
    };
    assert!(!refused(2, 32, &[0, 1]));
    assert!(refused(3, 32, &[0, 1, 0]), "too few codes");
    assert!(refused(2, 31, &[0, 1]), "half a query");
    assert!(refused(2, 32, &[0, 2]), "no such query");
    assert!(refused(2, 32, &[0]), "too few choices");
    assert!(!refused(0, 0, &[]));
}

#[test]
fn zeros_have_scale_zero() {
    let mut code = [0; 8];
    assert_eq!(quantize(Bits::Four, &[0.0; 16], &mut code), 0.0);
}

#[test]
fn levels_read_back_in_order() {
    for bits in Bits::ALL {
        let len = 8 * bits.per_byte();
        let top = i32::from(bits.top());
        let values: Vec<f32> = (0..len as i32)
            .map(|i| (2 * (i % (top + 1)) - top) as f32)
            .collect();
        let mut code = [0; 8];
        let scale = quantize(bits, &values, &mut code);
        assert!((scale - 1.0).abs() < 1e-6, "{bits:?}: {scale}");
        let mut levels = vec![0; len];
        level_values(bits, &code, &mut levels);
        assert!(
            values
                .iter()
                .zip(levels)
                .all(|(x, level)| *x == f32::from(level))
        );
    }
}
