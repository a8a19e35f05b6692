//! What share of vectors lies within a distance, told from a few of them.
//!
//! For a query planner, which asks before there is a scan, and wants the order of magnitude: of a hundred vectors some
//! are within a large radius, and none within a radius that leaves one in a thousand. Below the nearest of them the share
//! is taken to fall with a power of the distance, as the volume of a ball does; the power, the local dimension, is that
//! of the vectors nearest to it.

/// Shares for which [`quantiles`] keeps a distance.
const LEVELS: usize = 32;
/// Distances that a power is told from: with fewer it is a matter of chance, with more not local.
const NEAREST: usize = 10;
/// The power where nothing tells it.
const POWER: f64 = 8.0;
/// Cosine distances of a vector from itself may be rounded to as much.
const SELF: f64 = 1e-6;
/// The share where nothing is known of the distance, or of the rows: a guess.
pub const UNKNOWN: f64 = 0.01;
/// No two vectors are farther apart by cosine distance.
const FARTHEST: f64 = 2.0;

/// What is known of a value before there is a scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known<T> {
    /// What it is.
    Value(T),
    /// That it is NULL.
    Null,
    /// Nothing.
    No,
}

/// The share of vectors within a cosine distance of a center, where `sampled` tells it from a sample if there is one;
/// `None` where the distance is NULL.
pub fn within(radius: Known<f64>, sampled: impl FnOnce(f64) -> Option<f64>) -> Option<f64> {
    match radius {
        Known::Null => None,
        Known::No => Some(UNKNOWN),
        Known::Value(radius) if radius.is_nan() || radius < 0.0 => Some(0.0),
        Known::Value(radius) if radius >= FARTHEST => Some(1.0),
        Known::Value(radius) => Some(sampled(radius).unwrap_or(UNKNOWN)),
    }
}

/// The `number`th of [`LEVELS`] shares, dense where they are small: a planner cares about ratios.
fn level(number: usize) -> f64 {
    ((number + 1) as f64 / LEVELS as f64).powi(3)
}

/// The distances within which certain shares of all pairs lie, for [`of_pairs`]: nothing where there are no pairs, and
/// no shares smaller than one of the pairs.
pub fn quantiles(distances: &mut [f32]) -> Vec<f32> {
    distances.sort_unstable_by(f32::total_cmp);
    let count = distances.len() as f64;
    (0..LEVELS)
        .map(|number| level(number) * count)
        .filter(|&rank| rank >= 1.0)
        .map(|rank| distances[(rank.ceil() as usize).min(distances.len()) - 1])
        .collect()
}

/// The share of vectors within `radius` of one that is like them, on average; `None` where there were no pairs.
pub fn of_pairs(quantiles: &[f32], radius: f64) -> Option<f64> {
    let first = LEVELS.checked_sub(quantiles.len())?;
    let share = |at: usize| level(first + at);
    let distance = |at: usize| f64::from(quantiles[at]);
    quantiles.last()?;
    let Some(above) = (0..quantiles.len()).find(|&at| radius < distance(at)) else {
        return Some(1.0);
    };
    let Some(below) = above.checked_sub(1) else {
        let next = (1..quantiles.len().min(NEAREST)).rfind(|&at| quantiles[at].is_finite());
        let power = next.map_or(POWER, |next| {
            (share(next) / share(0)).ln() / (distance(next) / distance(0)).ln()
        });
        return Some(share(0) * fall(radius, distance(0), power));
    };
    let part = (radius - distance(below)) / (distance(above) - distance(below));
    Some(share(below) + part * (share(above) - share(below)))
}

/// The share of vectors within `radius` of the one that `distances` are from, those of a sample of them; `None` where
/// the sample has none.
pub fn of_sample(distances: &mut [f64], radius: f64) -> Option<f64> {
    distances.sort_unstable_by(f64::total_cmp);
    // That the vector is in the sample itself says nothing of others.
    let others = match distances {
        [own, others @ ..] if *own <= SELF && !others.is_empty() => others,
        all => all,
    };
    let nearest = *others.first()?;
    let count = others.len() as f64;
    let within = others.partition_point(|&distance| distance <= radius);
    if within > 0 {
        return Some(within as f64 / count);
    }
    let next = NEAREST.min(others.partition_point(|distance| distance.is_finite()) / 2);
    let logs = others[..next].iter().map(|d| (others[next] / d).ln());
    let power = match next {
        0 => POWER,
        _ => next as f64 / logs.sum::<f64>(),
    };
    // The nearest of so many is as often nearer as farther than this share of all.
    Some(std::f64::consts::LN_2 / count * fall(radius, nearest, power))
}

/// What is left of the share within `from` at the smaller `radius`.
fn fall(radius: f64, from: f64, power: f64) -> f64 {
    let ratio = radius.max(0.0) / from;
    let left = ratio.powf(power);
    // Distances that are infinite, zero or all the same have no power.
    if left.is_nan() { 0.0 } else { left.min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distances from the middle of a ball of so many dimensions, whose share within `r` is `r^power`.
    fn ball(count: usize, power: f64, seed: u64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..count)
            .map(|_| random.f64().max(1e-9).powf(1.0 / power))
            .collect()
    }

    fn assert_within(factor: f64, estimate: f64, truth: f64) {
        assert!(
            (truth / factor..=truth * factor).contains(&estimate),
            "{estimate} for {truth}"
        );
    }

    /// The estimate that is in the middle of those by many samples.
    fn middle(mut estimate: impl FnMut(u64) -> Option<f64>) -> f64 {
        let mut all: Vec<f64> = (0..31).filter_map(&mut estimate).collect();
        all.sort_by(f64::total_cmp);
        all[15]
    }

    #[test]
    fn shares_that_no_sample_shows() {
        for power in [2.0, 8.0, 30.0] {
            for truth in [0.9f64, 0.1, 1e-2, 1e-3, 1e-4] {
                let radius = truth.powf(1.0 / power);
                let sample = |seed| of_sample(&mut ball(64, power, seed), radius);
                assert_within(2.5, middle(sample), truth);
                let pairs = |seed| {
                    let pairs = ball(20_000, power, seed);
                    let mut pairs: Vec<f32> = pairs.iter().map(|&d| d as f32).collect();
                    of_pairs(&quantiles(&mut pairs), radius)
                };
                assert_within(1.5, middle(pairs), truth);
            }
        }
    }

    #[test]
    fn a_radius_that_tells_enough_needs_no_sample() {
        let never = |_| -> Option<f64> { panic!("asked for a sample") };
        assert_eq!(within(Known::Null, never), None);
        assert_eq!(within(Known::No, never), Some(UNKNOWN));
        for (radius, share) in [(f64::NAN, 0.0), (-1.0, 0.0), (2.0, 1.0), (9.0, 1.0)] {
            assert_eq!(within(Known::Value(radius), never), Some(share));
        }
        assert_eq!(within(Known::Value(0.5), |_| None), Some(UNKNOWN));
        assert_eq!(
            within(Known::Value(0.5), |radius| Some(radius / 2.0)),
            Some(0.25)
        );
    }

    #[test]
    fn shares_grow_with_the_radius() {
        let mut pairs: Vec<f32> = ball(1000, 4.0, 1).iter().map(|&d| d as f32).collect();
        let quantiles = quantiles(&mut pairs);
        let mut sample = ball(50, 4.0, 2);
        let mut last = (0.0, 0.0);
        for step in 0..=200 {
            let radius = f64::from(step) / 100.0;
            let of_pairs = of_pairs(&quantiles, radius).unwrap();
            let of_sample = of_sample(&mut sample, radius).unwrap();
            assert!(of_pairs >= last.0 && of_sample >= last.1, "at {radius}");
            last = (of_pairs, of_sample);
        }
        assert_eq!(last, (1.0, 1.0));
    }

    #[test]
    fn samples_that_tell_little() {
        assert_eq!(of_sample(&mut [], 1.0), None);
        assert_eq!(of_pairs(&[], 1.0), None);
        assert_eq!(of_pairs(&[0.5; LEVELS + 1], 1.0), None);
        assert_eq!(of_sample(&mut [0.0], 0.5), Some(1.0));
        assert_within(100.0, of_sample(&mut [0.4], 0.3).unwrap(), 0.1);
        // Equal vectors, and one of them.
        assert_eq!(of_sample(&mut [0.0, 0.0, 0.0, 1.0], 0.1), Some(2.0 / 3.0));
        assert_eq!(of_sample(&mut [0.5; 10], 0.1), Some(0.0));
        assert_eq!(of_pairs(&quantiles(&mut [0.0; 100]), -0.1), Some(0.0));
        assert_eq!(of_pairs(&quantiles(&mut [0.0; 100]), 0.0), Some(1.0));
        // Vectors that have no distance from others.
        let infinite = f64::INFINITY;
        assert_eq!(of_sample(&mut [infinite; 5], 0.1), Some(0.0));
        assert_eq!(
            of_sample(&mut [0.3, infinite, infinite], 2.0),
            Some(1.0 / 3.0)
        );
        let lonely = of_sample(&mut [0.3, infinite, infinite], 0.2);
        assert_within(100.0, lonely.unwrap(), 0.1);
        let mut half = [0.1, 0.2, f32::INFINITY, f32::INFINITY];
        let within = of_pairs(&quantiles(&mut half), 2.0);
        assert_within(1.5, within.unwrap(), 0.5);
    }

    #[test]
    fn a_vector_of_the_sample_is_no_neighbour_of_its_own() {
        let radius = 1e-4f64.powf(1.0 / 8.0);
        let with_own = |seed| {
            let mut sample = ball(64, 8.0, seed);
            sample.push(0.0);
            of_sample(&mut sample, radius)
        };
        let without = |seed| of_sample(&mut ball(64, 8.0, seed), radius);
        assert_eq!(middle(with_own), middle(without));
    }
}
