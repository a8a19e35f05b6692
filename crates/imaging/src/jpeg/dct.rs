//! The inverse discrete cosine transform of JPEG, in libjpeg's slow integer arithmetic for samples of 12 bits
//! (`jidctint.c`, after Loeffler, Ligtenberg and Moschytz, 1989).

/// Bits behind the point of the constants, and those that are kept between the passes.
const POINT: u32 = 13;
const KEPT: u32 = 1;

/// The largest sample, and the middle one, which 0 stands for.
const MOST: i64 = (1 << 12) - 1;
const MIDDLE: i64 = 1 << 11;

/// Turns the coefficients of a block, rows from the top, into samples.
pub(super) fn inverse(block: &mut [i16; 64], quantization: &[u16; 64]) {
    let mut work = [0i64; 64];
    let products = block.iter().zip(quantization);
    for (work, (&coefficient, &step)) in work.iter_mut().zip(products) {
        *work = i64::from(coefficient) * i64::from(step);
    }
    for x in 0..8 {
        let column = pass(std::array::from_fn(|y| work[8 * y + x]), POINT - KEPT);
        for (y, value) in column.into_iter().enumerate() {
            work[8 * y + x] = value;
        }
    }
    for (row, out) in work
        .as_chunks::<8>()
        .0
        .iter()
        .zip(block.as_chunks_mut::<8>().0)
    {
        // The factor of 8 is that of both passes.
        *out = pass(*row, POINT + KEPT + 3)
            .map(|value| value.saturating_add(MIDDLE).clamp(0, MOST) as i16);
    }
}

/// Transforms eight numbers; `shift` bits are rounded away.
fn pass(input: [i64; 8], shift: u32) -> [i64; 8] {
    let rounded = |value: i64| (value + (1 << (shift - 1))) >> shift;
    let common = (input[2] + input[6]) * 4_433;
    let (low, high) = (common - input[6] * 15_137, common + input[2] * 6_270);
    let (sum, difference) = (
        (input[0] + input[4]) << POINT,
        (input[0] - input[4]) << POINT,
    );
    let even = [sum + high, difference + low, difference - low, sum - high];
    let [a, b, c, d] = [input[7], input[5], input[3], input[1]];
    let all = (a + c + b + d) * 9_633;
    let (outer, inner) = ((a + d) * -7_373, (b + c) * -20_995);
    let (first, second) = (all - (a + c) * 16_069, all - (b + d) * 3_196);
    let odd = [
        d * 12_299 + outer + second,
        c * 25_172 + inner + first,
        b * 16_819 + inner + second,
        a * 2_446 + outer + first,
    ];
    std::array::from_fn(|n| match n {
        0..4 => rounded(even[n] + odd[n]),
        _ => rounded(even[7 - n] - odd[7 - n]),
    })
}
