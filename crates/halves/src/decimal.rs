//! One half as decimal text, and the rounding of wider numbers to halves.
//!
//! Every conversion rounds once, to the nearest half, ties to even: never by way of a third precision, whose rounding
//! could push a number over the middle between two halves. What [`write()`] wrote, [`parse`] reads as the same half.

use std::cmp::Ordering;

use half::f16;

/// The half nearest to `value`, ties to even; infinite from 65520 on.
///
/// `f16::from_f64` goes through `f32` on some machines and cuts off bits on others.
#[inline]
pub fn nearest(value: f64) -> f16 {
    f16::from_f32(round_to_odd(value))
}

/// The single that rounds to the same half as `value`, for conversions of many at once.
///
/// Rounding to odd keeps what this conversion would lose, so that the next one can still tell on which side of the
/// middle between two halves the value is (Boldo and Melquiond, Emulation of a FMA and correctly rounded sums, 2008).
#[inline]
pub fn round_to_odd(value: f64) -> f32 {
    let single = value as f32;
    let error = value.abs() - f64::from(single.abs());
    let bits = single.to_bits();
    let exact = bits & 1 == 1 || error == 0.0 || !error.is_finite();
    let odd = if error > 0.0 {
        bits + 1
    } else {
        bits.wrapping_sub(1)
    };
    f32::from_bits(if exact { bits } else { odd })
}

/// Reads a decimal number, e.g. `-1.5e-3`, as the half nearest to it, ties to even; infinite from 65520 on.
///
/// Infinity and NaN have the names that Rust reads. None where the text is no number; white space around one belongs
/// to the caller.
pub fn parse(text: &str) -> Option<f16> {
    parse_plain(text.as_bytes()).or_else(|| parse_any(text))
}

/// Reads what most numbers are: up to 15 digits with a point among them, in the range of normal halves, and not in the middle
/// between two. None for all others.
///
/// Such a number is a quotient of two that doubles hold, so that theirs is the double nearest to it (Clinger, How to read
/// floating point numbers accurately, 1990); and unless that is next to a middle, both are on the same side of it.
#[inline]
fn parse_plain(text: &[u8]) -> Option<f16> {
    const POWERS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    /// Bits of a double that a half has not, and their value at the middle between two halves.
    const LOST: u32 = f64::MANTISSA_DIGITS - 11;
    const MIDDLE: u64 = 1 << (LOST - 1);
    /// What exponents of doubles are ahead of those of halves, where both are without their sign.
    const AHEAD: u64 = (1023 - 15) << 10;

    let (sign, digits) = match text {
        [b'-', digits @ ..] => (0x8000, digits),
        _ => (0, text),
    };
    let (mut number, mut point) = (0, None);
    for (index, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = 10 * number + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return None,
        }
        if index > 15 {
            return None;
        }
    }
    let places = point.map_or(0, |point| digits.len() - point - 1);
    let bits = (number as f64 / POWERS.get(places)?).to_bits();
    let (kept, lost) = (bits >> LOST, bits & (2 * MIDDLE - 1));
    if lost.abs_diff(MIDDLE) <= 1 {
        return None;
    }
    let half = (kept + u64::from(lost > MIDDLE)).checked_sub(AHEAD)?;
    // Normal ones only, which 0 is not either.
    (0x400..0x7c00)
        .contains(&half)
        .then(|| f16::from_bits(sign | half as u16))
}

/// Reads any number.
fn parse_any(text: &str) -> Option<f16> {
    let value: f64 = text.parse().ok()?;
    let magnitude = value.abs();
    if magnitude == 0.0 || !magnitude.is_finite() {
        return Some(nearest(value));
    }
    // The number lies between the neighbours of what it was read as. Where these round to one half, it does too.
    // Elsewhere the middle between two halves is near, and only the text knows on which side of it the number is.
    let (below, above) = (nearest(magnitude.next_down()), nearest(magnitude.next_up()));
    let half = if below == above {
        below
    } else {
        match compare_to_middle_above(below, text) {
            Ordering::Less => below,
            Ordering::Equal if below.to_bits() & 1 == 0 => below,
            Ordering::Equal | Ordering::Greater => above,
        }
    };
    Some(if value.is_sign_negative() {
        -half
    } else {
        half
    })
}

/// Compares the magnitude of the number in `text` with the middle between a half and the next one, exactly.
fn compare_to_middle_above(half: f16, text: &str) -> Ordering {
    // Both sides as integers, in units of 10^-25: the middle is a multiple of 2^-25 below 2^16, and
    // 2^-25 = 5^25 · 10^-25.
    const PLACES: i64 = 25;
    let (mantissa, exponent) = decompose(half);
    let middle = (u128::from(2 * mantissa + 1) << exponent) * 5u128.pow(PLACES as u32);

    let (digits, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = digits.trim_start_matches(['+', '-']);
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut place = PLACES + power.parse::<i64>().unwrap_or(0) + whole as i64;
    let (mut number, mut rest) = (0, false);
    for digit in digits.bytes().filter(u8::is_ascii_digit) {
        place -= 1;
        if digit != b'0' && place >= 0 {
            number += u128::from(digit - b'0') * 10u128.pow(place as u32);
        } else if digit != b'0' {
            rest = true;
        }
    }
    number.cmp(&middle).then(if rest {
        Ordering::Greater
    } else {
        Ordering::Equal
    })
}

/// The magnitude of a finite half as mantissa and exponent: `mantissa · 2^(exponent - 24)`.
fn decompose(half: f16) -> (u64, u32) {
    let bits = half.to_bits() & 0x7fff;
    match u32::from(bits >> 10) {
        0 => (bits.into(), 0),
        exponent => (u64::from(bits & 0x3ff | 0x400), exponent - 1),
    }
}

/// Appends the shortest decimal text that [`parse`] reads as `half` again, and of the shortest the nearest one.
///
/// The notation is PostgreSQL's for `real`: `6.1e-05` below 0.0001, without an exponent from there on.
pub fn write(half: f16, out: &mut String) {
    if half.is_nan() {
        return out.push_str("NaN");
    }
    if half.is_infinite() {
        let negative = half.is_sign_negative();
        return out.push_str(if negative { "-Infinity" } else { "Infinity" });
    }
    let (number, places) = shortest(half);
    let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let small = number > 0 && places >= digits + 4;
    // From the last digit on, up to the one before the point at least.
    let mut buffer = [0; 24];
    let mut first = buffer.len();
    let mut put = |byte| {
        first -= 1;
        buffer[first] = byte;
    };
    let after_point = if small { digits - 1 } else { places };
    let mut rest = number;
    for place in 0.. {
        if place == after_point && place > 0 {
            put(b'.');
        }
        put(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 && place >= after_point {
            break;
        }
    }
    if half.is_sign_negative() {
        put(b'-');
    }
    // It is ASCII.
    out.push_str(str::from_utf8(&buffer[first..]).unwrap_or_default());
    if small {
        out.push_str("e-0");
        out.push(char::from(b'0' + (places + 1 - digits) as u8));
    }
}

/// The decimal number with the fewest places that rounds to the magnitude of a finite half, and of these the nearest
/// one: `number · 10^-places`.
fn shortest(half: f16) -> (u64, usize) {
    let (mantissa, exponent) = decompose(half);
    // In units of 2^-26, which hold the ends of every interval of numbers that round to one half. Below the least
    // mantissa of an exponent the halves are twice as dense.
    const UNIT: u64 = 1 << 26;
    let value = mantissa << (exponent + 2);
    let upper = value + (2 << exponent);
    let lower = match (mantissa, exponent) {
        (0, _) => 0,
        (0x400, 1..) => value - (1 << exponent),
        _ => value - (2 << exponent),
    };
    // The ends themselves round to the half with the even mantissa.
    let open = mantissa & 1;
    // Halves are at least 2^-24 apart, so that eight places suffice; from 2048 on they are integers, so that nothing
    // here overflows.
    let (mut places, mut scale) = (0, 1);
    loop {
        let floor = value * scale / UNIT;
        let up = value * scale % UNIT > UNIT / 2;
        let inside = lower * scale + open..=upper * scale - open;
        let nearest_first = [floor + u64::from(up), floor + u64::from(!up)];
        match nearest_first
            .iter()
            .find(|&number| inside.contains(&(number * UNIT)))
        {
            Some(&number) => return (number, places),
            None => (places, scale) = (places + 1, scale * 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(half: f16) -> String {
        let mut text = String::new();
        write(half, &mut text);
        text
    }

    fn finite() -> impl Iterator<Item = f16> {
        (0..=u16::MAX)
            .map(f16::from_bits)
            .filter(|half| half.is_finite())
    }

    /// Positive halves, each with its successor (65536 after the greatest) and the middle between them.
    fn middles() -> impl Iterator<Item = (f16, f16, f64)> {
        (0..0x7c00).map(|bits| {
            let (below, above) = (f16::from_bits(bits), f16::from_bits(bits + 1));
            let wide = if above.is_infinite() {
                65536.0
            } else {
                above.to_f64_const()
            };
            (below, above, (below.to_f64_const() + wide) / 2.0)
        })
    }

    fn even(below: f16, above: f16) -> f16 {
        if below.to_bits() & 1 == 0 {
            below
        } else {
            above
        }
    }

    #[test]
    fn every_half_is_read_back() {
        for half in finite() {
            let text = written(half);
            assert_eq!(
                parse(&text).map(f16::to_bits),
                Some(half.to_bits()),
                "{text}"
            );
            assert_eq!(nearest(half.to_f64_const()).to_bits(), half.to_bits());
        }
    }

    #[test]
    fn no_shorter_text_is_read_back() {
        for half in finite() {
            let text = written(half);
            let (digits, exponent) = text.split_once("e-0").unwrap_or((&text, "0"));
            let Some((_, fraction)) = digits.split_once('.') else {
                continue;
            };
            let exponent: usize = exponent.parse().unwrap();
            let scale = 10f64.powi((fraction.len() + exponent - 1) as i32);
            let shorter = half.to_f64_const() * scale;
            for number in [shorter.floor(), shorter.ceil()] {
                let number = format!("{number:.0}e-{}", fraction.len() + exponent - 1);
                assert_ne!(
                    parse(&number),
                    Some(half),
                    "{number} is shorter than {text}"
                );
            }
        }
    }

    #[test]
    fn notation_is_that_of_real() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.0, "-2"),
            (0.1, "0.1"),
            (-1023.5, "-1023.5"),
            (1.0 / 3.0, "0.3333"),
            (32768.0, "32768"),
            (65504.0, "65504"),
            (0.0001, "0.0001"),
            (0.0000999, "9.99e-05"),
            (2f64.powi(-24), "6e-08"),
            (2f64.powi(-14), "6.104e-05"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(nearest(value)), text);
        }
    }

    #[test]
    fn middles_round_to_even() {
        for (below, above, middle) in middles() {
            assert_eq!(nearest(middle), even(below, above), "{middle}");
            assert_eq!(nearest(middle.next_down()), below, "below {middle}");
            assert_eq!(nearest(middle.next_up()), above, "above {middle}");

            // Exact, as a middle has at most 25 places; these texts differ by less than f64 can tell.
            let text = format!("{middle:.25}");
            assert_eq!(parse(&text), Some(even(below, above)), "{text}");
            assert_eq!(
                parse(&format!("-{text}")),
                Some(-even(below, above)),
                "-{text}"
            );
            assert_eq!(
                parse(&format!("{text}0000000001")),
                Some(above),
                "above {text}"
            );
            let (whole, fraction) = text.split_once('.').unwrap();
            let number: u128 = format!("{whole}{fraction}").parse().unwrap();
            assert_eq!(parse(&format!("{number}E-25")), Some(even(below, above)));
            assert_eq!(
                parse(&format!("{}.999999e-25", number - 1)),
                Some(below),
                "below {text}"
            );
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", " ", "1 ", "1,0", "0x1", "1e", "--1", ".", "1_0", "½"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        for (text, value) in [
            ("+1", 1.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("1E2", 100.0),
            ("1e-400", 0.0),
        ] {
            assert_eq!(parse(text), Some(nearest(value)), "{text:?}");
        }
        for text in [
            "inf",
            "1e999",
            "65520",
            "65519.99999999999999999999999e0000",
        ] {
            assert_eq!(
                parse(text).map(f16::is_infinite),
                Some(!text.contains(".9")),
                "{text:?}"
            );
        }
        assert!(parse("NaN").unwrap().is_nan());
    }

    proptest! {
        #[test]
        fn nothing_is_nearer(value in -70000f64..70000.0, scale in 0..40) {
            let value = value / 2f64.powi(scale);
            let half = nearest(value);
            prop_assume!(half.is_finite());
            let error = (value - half.to_f64_const()).abs();
            for other in [half.to_bits().wrapping_sub(1), half.to_bits().wrapping_add(1)] {
                let other = f16::from_bits(other);
                prop_assert!(!other.is_finite() || error <= (value - other.to_f64_const()).abs());
            }
            prop_assert_eq!(parse(&format!("{value:e}")).unwrap().to_bits(), half.to_bits());
            prop_assert_eq!(parse(&format!("{value}")).unwrap().to_bits(), half.to_bits());
        }

        #[test]
        fn plain_numbers_are_read_alike(text in "-?[0-9]{0,5}\\.?[0-9]{0,13}") {
            if let Some(half) = parse_plain(text.as_bytes()) {
                prop_assert_eq!(Some(half.to_bits()), parse_any(&text).map(f16::to_bits), "{}", text);
            }
        }
    }
}
