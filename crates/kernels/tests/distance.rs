//! Every instruction set of this machine against the scalar reference in `f64`, and the scalar
//! reference against values worked out by hand.

use half::f16;
use kernels::{Element, InstructionSet, Kernels, cosine_distance_from, instruction_sets, scalar};
use proptest::collection::vec;
use proptest::prelude::*;

/// Lengths around every multiple of a register and of an unrolled step, then those of real models.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=130).chain([255, 256, 257, 384, 511, 512, 513, 768, 1024, 1152, 16_000])
}

fn halves(values: &[f32]) -> Vec<f16> {
    values.iter().copied().map(f16::from_f32).collect()
}

/// A repeatable vector with elements between -1 and 1.
fn wave(n: usize, step: f32) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * step).sin()).collect()
}

/// What a sum of `n` terms in `f32` may be off by, `magnitude` being the sum of their absolute
/// values: (n + 4) roundings of relative size 2⁻²⁴, to the first order (hence the 1.01, ample up to
/// 16 000 elements), and one of absolute size 2⁻¹⁵⁰ each where terms underflow.
fn tolerance(n: usize, magnitude: f64) -> f64 {
    let n = n as f64;
    1.01 * (n + 4.0) * 2f64.powi(-24) * magnitude + n * 2f64.powi(-149)
}

fn absolute<T: Element>(a: &[T]) -> Vec<f32> {
    a.iter().map(|x| x.widen().abs() as f32).collect()
}

#[track_caller]
fn assert_close(set: &InstructionSet, what: &str, got: f32, want: f64, tolerance: f64) {
    let off = (f64::from(got) - want).abs();
    assert!(
        off <= tolerance,
        "{set:?} {what}: {got} is {off:e} off {want}, more than {tolerance:e}"
    );
}

/// Compares every kernel of every instruction set with the reference.
#[track_caller]
fn assert_matches_reference<T: Element>(a: &[T], b: &[T]) {
    let n = a.len();
    let dot = scalar::dot(a, b);
    let dot_magnitude = scalar::dot(&absolute(a), &absolute(b));
    let (a_norm, b_norm) = (scalar::dot(a, a), scalar::dot(b, b));
    let (l2, l1) = (scalar::l2_squared(a, b), scalar::l1(a, b));
    // Past this an f32 accumulator may be infinite, which is documented and not compared.
    if [dot_magnitude, a_norm, b_norm, l2, l1]
        .into_iter()
        .any(|sum| sum > 3e38)
    {
        return;
    }
    for set in instruction_sets() {
        let kernels = T::kernels(set);
        assert_close(
            set,
            "dot",
            kernels.dot(a, b),
            dot,
            tolerance(n, dot_magnitude),
        );
        assert_close(
            set,
            "l2_squared",
            kernels.l2_squared(a, b),
            l2,
            tolerance(n, l2),
        );
        assert_close(set, "l1", kernels.l1(a, b), l1, tolerance(n, l1));
        assert_close(
            set,
            "norm_squared",
            kernels.dot(a, a),
            a_norm,
            tolerance(n, a_norm),
        );

        let (with_norm, norm) = kernels.dot_and_norm_squared(a, b);
        assert_eq!(with_norm.to_bits(), kernels.dot(a, b).to_bits(), "{set:?}");
        assert_eq!(norm.to_bits(), kernels.dot(b, b).to_bits(), "{set:?}");

        let cosine = kernels.cosine_distance(a, b);
        let from_parts = cosine_distance_from(with_norm, kernels.dot(a, a), norm);
        assert_eq!(cosine.to_bits(), from_parts.to_bits(), "{set:?}");
        if a_norm.min(b_norm) > n as f64 * 1e-30 {
            // The relative errors of the norms and, as |a|·|b| bounds the magnitude, of the product.
            let want = 1.0 - (dot / (a_norm * b_norm).sqrt()).clamp(-1.0, 1.0);
            let off = (cosine - want).abs();
            assert!(
                off <= 2.0 * tolerance(n, 1.0),
                "{set:?} cosine: {cosine}, not {want}"
            );
        }
    }
}

fn assert_symmetric<T: Element>(a: &[T], b: &[T]) {
    for set in instruction_sets() {
        let kernels = T::kernels(set);
        assert_eq!(
            kernels.dot(a, b).to_bits(),
            kernels.dot(b, a).to_bits(),
            "{set:?}"
        );
        assert_eq!(
            kernels.l2_squared(a, b).to_bits(),
            kernels.l2_squared(b, a).to_bits(),
            "{set:?}"
        );
        assert_eq!(
            kernels.l1(a, b).to_bits(),
            kernels.l1(b, a).to_bits(),
            "{set:?}"
        );
        let (there, back) = (kernels.cosine_distance(a, b), kernels.cosine_distance(b, a));
        assert!(
            there.to_bits() == back.to_bits() || there.is_nan() && back.is_nan(),
            "{set:?}"
        );
    }
}

/// Halves with singles: the reference, and the bits of singles alone where the halves are widened first.
#[track_caller]
fn assert_mixed(a: &[f16], b: &[f32]) {
    let widened: Vec<f32> = a.iter().map(|half| half.to_f32()).collect();
    let magnitude = scalar::dot(&absolute(a), &absolute(b));
    for set in instruction_sets() {
        let dot = set.dot_mixed(a, b);
        let allowed = tolerance(a.len(), magnitude);
        assert_close(set, "mixed", dot, scalar::dot(a, b), allowed);
        let single = f32::kernels(set).dot(&widened, b);
        assert_eq!(dot.to_bits(), single.to_bits(), "{set:?}");
    }
}

/// Whole numbers with each other, exactly, and with singles.
#[track_caller]
fn assert_bytes(a: &[i8], b: &[i8], singles: &[f32]) {
    let wide: Vec<f32> = a.iter().map(|&x| f32::from(x)).collect();
    let magnitude = scalar::dot(&absolute(&wide), &absolute(singles));
    let exact = scalar::dot(a, b);
    assert!(exact.abs() < f64::from(1 << 24));
    for set in instruction_sets() {
        assert_eq!(f64::from(set.dot_bytes(a, b)), exact, "{set:?}");
        let dot = set.dot_bytes_mixed(a, singles);
        let allowed = tolerance(a.len(), magnitude);
        assert_close(set, "bytes", dot, scalar::dot(a, singles), allowed);
        let single = f32::kernels(set).dot(&wide, singles);
        assert_eq!(dot.to_bits(), single.to_bits(), "{set:?}");
    }
}

/// Runs `check` on the kernels of every instruction set, for both element types.
fn on_both(check: impl Fn(&InstructionSet, &dyn Fn(&[f32], &[f32]) -> [f64; 4])) {
    for set in instruction_sets() {
        check(set, &|a, b| four(f16::kernels(set), &halves(a), &halves(b)));
        check(set, &|a, b| four(f32::kernels(set), a, b));
    }
}

/// Inner product, cosine distance, squared L2 and L1.
fn four<T>(kernels: &Kernels<T>, a: &[T], b: &[T]) -> [f64; 4] {
    let (dot, l2, l1) = (
        kernels.dot(a, b),
        kernels.l2_squared(a, b),
        kernels.l1(a, b),
    );
    [
        dot.into(),
        kernels.cosine_distance(a, b),
        l2.into(),
        l1.into(),
    ]
}

#[test]
fn instruction_sets_end_with_scalar_and_the_first_is_active() {
    let names: Vec<_> = instruction_sets().map(InstructionSet::name).collect();
    assert_eq!(names.last(), Some(&"scalar"));
    assert_eq!(names[0], kernels::active().name());
    assert_eq!(
        names[0],
        kernels::active().name(),
        "the choice does not change"
    );
    println!("instruction sets: {names:?}");
}

#[test]
fn values_by_hand() {
    // Small integers: exact in any order.
    on_both(|set, four| {
        assert_eq!(
            four(&[3.0, 4.0], &[4.0, 3.0]),
            [24.0, 1.0 - 24.0 / 25.0, 2.0, 2.0],
            "{set:?}"
        );
        assert_eq!(
            four(&[1.0, 2.0], &[-2.0, 1.0]),
            [0.0, 1.0, 10.0, 4.0],
            "{set:?}"
        );
        assert_eq!(
            four(&[1.0, 2.0], &[-1.0, -2.0]),
            [-5.0, 2.0, 20.0, 6.0],
            "{set:?}"
        );
        assert_eq!(
            four(&[1.0, -2.0], &[1.0, -2.0]),
            [5.0, 0.0, 0.0, 0.0],
            "{set:?}"
        );
        for n in 1..=130 {
            // Σi and Σi² where they are exact in f32: every element counts, and counts once.
            let (ones, ramp) = (vec![1.0; n], (1..=n).map(|i| i as f32).collect::<Vec<_>>());
            let (n, [dot, _, _, _]) = (n as f64, four(&ones, &ramp));
            assert_eq!(dot, n * (n + 1.0) / 2.0, "{set:?}");
            let [_, _, l2, l1] = four(&ramp, &vec![0.0; ramp.len()]);
            assert_eq!(
                [l2, l1],
                [n * (n + 1.0) * (2.0 * n + 1.0) / 6.0, dot],
                "{set:?}"
            );
        }
    });
    assert_eq!(kernels::norm(&[3.0_f32, 4.0]), 5.0);
    assert_eq!(
        kernels::norm(&halves(&[1.0, 1.0])),
        std::f64::consts::SQRT_2
    );
    assert_eq!(kernels::norm_squared(&halves(&[3.0, 4.0])), 25.0);
}

#[test]
fn root_functions_are_those_of_the_active_set() {
    let (a, b) = (halves(&wave(513, 0.3)), halves(&wave(513, 0.7)));
    let kernels = f16::kernels(kernels::active());
    assert_eq!(kernels::dot(&a, &b), kernels.dot(&a, &b));
    assert_eq!(
        kernels::dot_and_norm_squared(&a, &b),
        kernels.dot_and_norm_squared(&a, &b)
    );
    assert_eq!(
        kernels::cosine_distance(&a, &b),
        kernels.cosine_distance(&a, &b)
    );
    assert_eq!(kernels::l2_squared(&a, &b), kernels.l2_squared(&a, &b));
    assert_eq!(kernels::l1(&a, &b), kernels.l1(&a, &b));
    let singles = wave(513, 0.7);
    let mixed = kernels::active().dot_mixed(&a, &singles);
    assert_eq!(kernels::dot_mixed(&a, &singles), mixed);
    let (levels, singles) = (levels(513, 3), wave(513, 0.7));
    let set = kernels::active();
    assert_eq!(
        kernels::dot_bytes(&levels, &levels),
        set.dot_bytes(&levels, &levels)
    );
    assert_eq!(
        kernels::dot_bytes_mixed(&levels, &singles),
        set.dot_bytes_mixed(&levels, &singles)
    );
}

/// Repeatable whole numbers between -127 and 127, both among them.
fn levels(n: usize, step: usize) -> Vec<i8> {
    (0..n)
        .map(|i| ((i * step) % 255) as u8 as i8)
        .map(|x| x.max(-127))
        .collect()
}

#[test]
fn every_length() {
    for n in lengths() {
        let (a, b) = (wave(n, 0.37), wave(n, 1.13));
        assert_matches_reference(&a, &b);
        assert_matches_reference(&halves(&a), &halves(&b));
        assert_mixed(&halves(&a), &b);
        assert_mixed(&halves(&a), &wave(n + 70, 1.13));
        assert_bytes(&levels(n, 37), &levels(n, 101), &b);
    }
}

#[test]
fn the_longer_slice_is_cut() {
    on_both(|set, four| {
        for n in 0..=130 {
            let (a, b) = (wave(n, 0.37), wave(n + 70, 1.13));
            let want = four(&a, &b[..n]).map(f64::to_bits);
            assert_eq!(four(&a, &b).map(f64::to_bits), want, "{set:?}");
        }
    });
}

#[test]
fn nothing_beside_a_slice_counts_at_any_alignment() {
    fn check<T: Element>(values: impl Fn(&[f32]) -> Vec<T>) {
        for set in instruction_sets() {
            let kernels = T::kernels(set);
            for n in [0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 130] {
                let (a, b) = (wave(n, 0.37), wave(n, 1.13));
                let want = four(kernels, &values(&a), &values(&b)).map(f64::to_bits);
                for offset in 0..=33 {
                    // NaN on both sides: one element too many poisons the sum.
                    let mut around = vec![f32::NAN; offset];
                    around.extend(&a);
                    around.extend([f32::NAN; 70]);
                    let mut beside = vec![f32::NAN; 33 - offset];
                    beside.extend(&b);
                    beside.extend([f32::NAN; 70]);
                    let (around, beside) = (values(&around), values(&beside));
                    let (a, b) = (
                        &around[offset..offset + n],
                        &beside[33 - offset..33 - offset + n],
                    );
                    assert_eq!(
                        four(kernels, a, b).map(f64::to_bits),
                        want,
                        "{set:?} {n} {offset}"
                    );
                }
            }
        }
    }
    check(halves);
    check(<[f32]>::to_vec);
}

#[test]
fn zero_norms() {
    on_both(|set, four| {
        for n in [0, 1, 8, 16, 64, 100] {
            for zero in [0.0, -0.0] {
                let (zeros, ones) = (vec![zero; n], vec![1.0; n]);
                let [dot, cosine, l2, l1] = four(&zeros, &zeros);
                assert_eq!([dot, l2, l1], [0.0; 3], "{set:?}");
                assert!(cosine.is_nan(), "{set:?}");
                let [dot, cosine, l2, l1] = four(&zeros, &ones);
                assert_eq!([dot, l2, l1], [0.0, n as f64, n as f64], "{set:?}");
                assert!(cosine.is_nan(), "{set:?}");
            }
        }
    });
}

#[test]
fn denormal_halves_are_exact() {
    // 2⁻²⁴ is the smallest half; its square is far from the smallest f32.
    for n in lengths().filter(|&n| n > 0) {
        let least = vec![f16::from_bits(1); n];
        let most = vec![f16::from_bits(0x83ff); n];
        let count = n as f64;
        for set in instruction_sets() {
            let [dot, cosine, l2, l1] = four(f16::kernels(set), &least, &most);
            assert_eq!(dot, -1023.0 * count * 2f64.powi(-48), "{set:?}");
            assert!((cosine - 2.0).abs() <= 2.0 * tolerance(n, 1.0), "{set:?}");
            assert_eq!(l2, 1024.0 * 1024.0 * count * 2f64.powi(-48), "{set:?}");
            assert_eq!(l1, 1024.0 * count * 2f64.powi(-24), "{set:?}");
        }
    }
}

#[test]
fn huge_values() {
    for n in lengths() {
        let (most, least) = (vec![f16::MAX; n], vec![f16::MIN; n]);
        assert_matches_reference(&most, &least);
        assert_matches_reference(&most, &halves(&wave(n, 0.3)));
        let (most, least) = (vec![1e17_f32; n], vec![-1e17_f32; n]);
        assert_matches_reference(&most, &least);
    }
    for set in instruction_sets() {
        let [dot, cosine, l2, _] = four(f32::kernels(set), &[1e30, 1.0], &[1e30, -1e30]);
        assert_eq!([dot, l2], [f64::INFINITY; 2], "{set:?}");
        assert!(cosine.is_nan(), "{set:?}");
    }
}

#[test]
fn nan_and_infinity_propagate_from_every_place() {
    on_both(|set, four| {
        for n in [1, 7, 8, 16, 33, 64, 130] {
            for place in 0..n {
                let (mut a, b) = (wave(n, 0.37), vec![0.5; n]);
                a[place] = f32::NAN;
                assert!(
                    four(&a, &b).iter().all(|x| x.is_nan()),
                    "{set:?} {n} {place}"
                );
                assert!(
                    four(&b, &a).iter().all(|x| x.is_nan()),
                    "{set:?} {n} {place}"
                );
                a[place] = f32::NEG_INFINITY;
                let [dot, cosine, l2, l1] = four(&a, &b);
                assert_eq!(
                    [dot, l2, l1],
                    [f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY]
                );
                assert!(cosine.is_nan(), "{set:?} {n} {place}");
                let [_, _, l2, l1] = four(&a, &a);
                assert!(l2.is_nan() && l1.is_nan(), "{set:?} {n} {place}");
            }
        }
    });
}

#[test]
fn similarity_is_clamped() {
    assert_eq!(cosine_distance_from(1.000_001, 1.0, 1.0), 0.0);
    assert_eq!(cosine_distance_from(-1.000_001, 1.0, 1.0), 2.0);
    assert!(cosine_distance_from(0.0, 0.0, 1.0).is_nan());
}

/// Finite halves of every exponent, denormal ones and both zeros too.
fn any_half() -> impl Strategy<Value = f16> {
    any::<u16>()
        .prop_map(f16::from_bits)
        .prop_filter("finite", |x| x.is_finite())
}

/// Halves and floats as an embedding has them.
fn unit_half() -> impl Strategy<Value = f16> {
    (-1.0_f32..=1.0).prop_map(f16::from_f32)
}

/// Two vectors of one length.
fn pair<S>(
    element: impl Fn() -> S,
    most: usize,
) -> impl Strategy<Value = (Vec<S::Value>, Vec<S::Value>)>
where
    S: Strategy,
    S::Value: Clone,
{
    vec((element(), element()), 0..=most).prop_map(|pairs| pairs.into_iter().unzip())
}

proptest! {
    // A failing case is printed; there is no file to keep it in.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn halves_of_every_exponent_match((a, b) in pair(any_half, 300)) {
        assert_matches_reference(&a, &b);
        assert_symmetric(&a, &b);
    }

    #[test]
    fn halves_like_embeddings_match((a, b) in pair(unit_half, 1100)) {
        assert_matches_reference(&a, &b);
        assert_symmetric(&a, &b);
    }

    #[test]
    fn floats_like_embeddings_match((a, b) in pair(|| -1.0_f32..=1.0, 1100)) {
        assert_matches_reference(&a, &b);
        assert_symmetric(&a, &b);
    }

    #[test]
    fn floats_of_every_exponent_match((a, b) in pair(|| prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 8)) {
        assert_matches_reference(&a, &b);
        assert_symmetric(&a, &b);
    }

    #[test]
    fn floats_of_many_exponents_match((a, b) in pair(|| (-1e17_f32..=1e17, -34..=0_i32).prop_map(|(x, e)| x * 10f32.powi(e)), 300)) {
        assert_matches_reference(&a, &b);
        assert_symmetric(&a, &b);
    }

    #[test]
    fn a_vector_is_at_no_distance_from_itself((a, _) in pair(any_half, 300)) {
        let negative: Vec<_> = a.iter().map(|&x| -x).collect();
        for set in instruction_sets() {
            let kernels = f16::kernels(set);
            let [_, cosine, l2, l1] = four(kernels, &a, &a);
            prop_assert_eq!([l2, l1], [0.0; 2]);
            if kernels.dot(&a, &a) > 0.0 {
                prop_assert_eq!(cosine, 0.0);
                prop_assert_eq!(kernels.cosine_distance(&a, &negative), 2.0);
            }
        }
    }
}
