//! The plot of a soak: memory, descriptors, latency and the store over time, below each other; what is not judged is shaded.

use super::report::Report;
use crate::{
    chart::{Line, picture},
    report::{Report as _, plots},
};

/// Bytes of a MiB.
const MIB_BYTES: f64 = 1_048_576.0;

/// Draws it.
pub(super) fn plot(report: &Report) -> String {
    let series = report.series();
    let store = report.samples.iter().map(|sample| {
        let bytes = sample.look.store.map(|store| store.store_bytes as f64);
        (sample.look.after_seconds, bytes.map(|bytes| bytes / MIB_BYTES))
    });
    let store = vec![Line { name: "Redis".to_owned(), points: store.collect() }];
    let mut charts = vec![plots::memory(&series), plots::descriptors(&series)];
    charts.extend(plots::latency(&series, "Latency"));
    charts.push(plots::over_time(&series, "Data of the store".to_owned(), "MiB", store));
    picture(&charts)
}
