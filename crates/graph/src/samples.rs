//! The average of numbers, and how much they vary.

/// Numbers that were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Samples {
    count: usize,
    sum: f64,
    squares: f64,
}

impl Samples {
    /// One more.
    pub(crate) fn put(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        self.squares += number * number;
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Their average and so many standard deviations; not a number where there are none.
    pub(crate) fn above(&self, deviations: f64) -> f64 {
        let count = self.count as f64;
        let mean = self.sum / count;
        let variance = self.squares / count - mean * mean;
        mean + deviations * variance.max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_and_deviations() {
        let mut samples = Samples::default();
        assert!(samples.above(1.0).is_nan());
        for number in [1.0, 3.0, 1.0, 3.0] {
            samples.put(number);
        }
        assert_eq!(samples.count(), 4);
        assert_eq!(
            (samples.above(0.0), samples.above(2.0), samples.above(-3.0)),
            (2.0, 4.0, -1.0)
        );
    }
}
