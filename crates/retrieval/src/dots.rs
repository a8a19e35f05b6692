//! A similarity as a few dots, for people.

use crate::error::{Error, Result};

/// How many of `dots` dots a similarity gets: none at `low` and below, all at `high` and above, in between the nearest
/// number. `None` for NaN, which is as similar as nothing.
///
/// # Errors
/// Where `low` is not less than `high`, one of them is not finite, or there are no dots.
///
/// ```
/// # use retrieval::dots::dots;
/// assert_eq!(dots(0.35, 0.2, 0.4, 5).unwrap(), Some(4));
/// ```
pub fn dots(similarity: f64, low: f64, high: f64, dots: i32) -> Result<Option<i32>> {
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(Error::Bounds { low, high });
    }
    if dots < 1 {
        return Err(Error::Dots(dots));
    }
    if similarity.is_nan() {
        return Ok(None);
    }
    let part = if similarity <= low {
        0.0
    } else if similarity >= high {
        1.0
    } else {
        // By halves, for the difference of large numbers is more than a number can be.
        (similarity / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)
    };
    Ok(Some((part.clamp(0.0, 1.0) * f64::from(dots)).round() as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::num::f64::NORMAL;
    use proptest::prelude::*;

    #[test]
    fn rounds_and_clamps() {
        let five = |similarity| dots(similarity, 0.2, 0.3, 5).unwrap();
        assert_eq!(five(0.2), Some(0));
        assert_eq!(five(0.2099), Some(0));
        assert_eq!(five(0.2101), Some(1));
        assert_eq!(five(0.2899), Some(4));
        assert_eq!(five(0.2901), Some(5));
        assert_eq!(five(0.3), Some(5));
        assert_eq!(five(-1.0), Some(0));
        assert_eq!(five(f64::INFINITY), Some(5));
        assert_eq!(five(f64::NEG_INFINITY), Some(0));
        assert_eq!(five(f64::NAN), None);
        assert_eq!(dots(0.5, 0.0, 1.0, 1).unwrap(), Some(1));
        assert_eq!(dots(0.0, -f64::MAX, f64::MAX, 10).unwrap(), Some(5));
        assert_eq!(dots(0.5, 0.0, 5e-324, 5).unwrap(), Some(5));
        assert_eq!(dots(1.0, 0.0, 1.0, i32::MAX).unwrap(), Some(i32::MAX));
    }

    #[test]
    fn refuses_what_is_no_scale() {
        for (low, high) in [
            (0.3, 0.2),
            (0.2, 0.2),
            (f64::NAN, 0.2),
            (0.2, f64::INFINITY),
        ] {
            assert!(matches!(dots(0.1, low, high, 5), Err(Error::Bounds { .. })));
        }
        assert_eq!(dots(0.1, 0.0, 1.0, 0), Err(Error::Dots(0)));
        assert_eq!(dots(0.1, 0.0, 1.0, -3), Err(Error::Dots(-3)));
    }

    proptest! {
        #[test]
        fn more_similar_is_never_fewer(
            similarities in [NORMAL; 2], bounds in [NORMAL; 2], count in 1..100_i32,
        ) {
            prop_assume!(bounds[0] != bounds[1]);
            let scaled = |similarity| {
                dots(similarity, bounds[0].min(bounds[1]), bounds[0].max(bounds[1]), count).unwrap().unwrap()
            };
            let [one, other] = similarities;
            let (one, other) = (scaled(one.min(other)), scaled(one.max(other)));
            prop_assert!(0 <= one && one <= other && other <= count);
        }
    }
}
