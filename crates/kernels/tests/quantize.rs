//! Codes of four bits: the kernel against its reference, and what quantising keeps.

use kernels::quantize::{level_values, nibble_dots, nibble_dots_scalar, quantize};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    /// Every length around a register, every count around the four codes of a step.
    #[test]
    fn the_kernel_matches_the_reference(
        bytes in 1_usize..140,
        count in 0_usize..40,
        seed in vec(any::<u8>(), 64),
    ) {
        let byte = |i: usize| seed[i % 64].wrapping_mul(31).wrapping_add((i / 7) as u8);
        let query: Vec<i8> = (0..2 * bytes).map(|i| (byte(i) as i8).max(-127)).collect();
        let codes: Vec<u8> = (0..bytes * count).map(|i| byte(i + 13)).collect();
        let (mut fast, mut slow) = (vec![0; count], vec![1; count]);
        nibble_dots(&query, &codes, &mut fast);
        nibble_dots_scalar(&query, &codes, &mut slow);
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn a_code_keeps_nearly_all_of_a_vector(values in vec(-1f32..1.0, 2 * 40)) {
        let norm: f32 = values.iter().map(|x| x * x).sum();
        let mut code = [0; 40];
        let scale = quantize(&values, &mut code);
        let mut levels = [0; 80];
        level_values(&code, &mut levels);
        let error: f32 = values
            .iter()
            .zip(levels)
            .map(|(x, level)| (x - scale * f32::from(level)).powi(2))
            .sum();
        prop_assert!(error <= 0.01 * norm, "{} of {}", error, norm);
    }
}

#[test]
fn extremes_do_not_saturate() {
    for value in [-127_i8, 127] {
        let mut out = [0; 5];
        nibble_dots(&[value; 2 * 96], &[0xff; 96 * 5], &mut out);
        assert_eq!(out, [i32::from(value) * 15 * 192; 5]);
    }
}

#[test]
fn zeros_have_scale_zero() {
    let mut code = [0; 8];
    assert_eq!(quantize(&[0.0; 16], &mut code), 0.0);
}

#[test]
fn levels_read_back_in_order() {
    let values: Vec<f32> = (0..16).map(|i| (2 * i - 15) as f32).collect();
    let mut code = [0; 8];
    let scale = quantize(&values, &mut code);
    assert!((scale - 1.0).abs() < 1e-6);
    let mut levels = [0; 16];
    level_values(&code, &mut levels);
    assert!(
        values
            .iter()
            .zip(levels)
            .all(|(x, level)| *x == f32::from(level))
    );
}
