//! How times are summed up: histograms, and the percentiles that are told.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;

/// The longest time that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// Points of the distribution for each half of what is left until the longest.
const QUANTILES_PER_HALF: u32 = 5;

/// A histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are constants")
}

/// A histogram with these microseconds in it.
pub(crate) fn histogram_of(times_us: impl IntoIterator<Item = u64>) -> Histogram<u64> {
    let mut times = histogram();
    times_us.into_iter().for_each(|us| times.saturating_record(us));
    times
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// How many were timed.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// 90 of 100 took less.
    pub p90_ms: f64,
    /// 99 of 100 took less.
    pub p99_ms: f64,
    /// 999 of 1,000 took less.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Percentiles {
    /// Sums up microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            count: histogram.len(),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: histogram.max() as f64 / 1_000.0,
        }
    }
}

/// A point of the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantile {
    /// The share, up to 1.
    pub quantile: f64,
    /// How long it took at most, in milliseconds.
    pub ms: f64,
}

/// Points of the distribution of microseconds, the closer together the nearer to the longest.
pub(crate) fn quantiles(histogram: &Histogram<u64>) -> Vec<Quantile> {
    let steps = histogram.iter_quantiles(QUANTILES_PER_HALF);
    steps.map(|step| Quantile { quantile: step.quantile(), ms: step.value_iterated_to() as f64 / 1_000.0 }).collect()
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.1} ms, p90 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1} ({} timed)",
            self.p50_ms, self.p90_ms, self.p99_ms, self.p999_ms, self.max_ms, self.count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let of = Percentiles::of(&histogram_of((1..=1_000).map(|ms| ms * 1_000)));
        assert_eq!((of.count, of.p50_ms.round(), of.p99_ms.round(), of.max_ms.round()), (1_000, 500.0, 990.0, 1_000.0));
        assert_eq!(Percentiles::of(&histogram()).max_ms, 0.0);
    }

    #[test]
    fn the_distribution_rises_to_the_longest() {
        let quantiles = quantiles(&histogram_of(1..=10_000));
        assert!(quantiles.is_sorted_by(|a, b| a.quantile <= b.quantile && a.ms <= b.ms), "{quantiles:?}");
        let last = quantiles.last().unwrap();
        assert!(last.quantile == 1.0 && (last.ms - 10.0).abs() < 0.1, "{last:?}");
        assert!(quantiles.len() < 100 && super::quantiles(&histogram()).len() < 2);
    }
}
