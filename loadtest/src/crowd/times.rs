//! A histogram as it goes from one process to another: each value that was recorded, and how often.

use crate::measure::percentiles::histogram;
use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes pairs of a value and its count.
pub(super) fn serialize<S: Serializer>(times: &Histogram<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(times.iter_recorded().map(|at| (at.value_iterated_to(), at.count_at_value())))
}

/// Reads them.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Histogram<u64>, D::Error> {
    let mut times = histogram();
    for (value, count) in Vec::<(u64, u64)>::deserialize(deserializer)? {
        times.saturating_record_n(value, count);
    }
    Ok(times)
}

/// Adds what another process recorded; all of them have the same bounds.
pub(super) fn add(times: &mut Histogram<u64>, other: &Histogram<u64>) {
    times.add(other).expect("histograms of one kind");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Serialize, Deserialize)]
    struct Carried(#[serde(with = "super")] Histogram<u64>);

    #[test]
    fn a_histogram_arrives_as_it_was_sent() {
        let mut times = histogram();
        (0..5_000_u64).for_each(|n| times.saturating_record(n * n));
        let json = serde_json::to_string(&Carried(times.clone())).unwrap();
        let Carried(arrived) = serde_json::from_str(&json).unwrap();
        assert_eq!(arrived, times);
        add(&mut times, &arrived);
        assert_eq!((times.len(), times.value_at_quantile(0.5)), (10_000, arrived.value_at_quantile(0.5)));
    }
}
