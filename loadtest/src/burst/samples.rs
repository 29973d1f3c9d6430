//! What is looked at every second while messages are sent: memory, lanes, refusals.

use super::{BurstOptions, fates::Fates};
use crate::{
    clock,
    http::Http,
    measure::{exposition::scrape, process::Usage},
};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// What a node said, or all of them together.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Telling {
    /// Entries that wait in lanes.
    pub lane_entries: u64,
    /// Milliseconds that the oldest of them has waited.
    pub lane_oldest_ms: u64,
    /// Entries of lanes that were worked off.
    pub lane_entries_done: u64,
    /// Sessions that the nodes have closed.
    pub closes: u64,
}

/// One look.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Seconds since the phase began.
    pub after_seconds: f64,
    /// Resident memory of the given processes.
    pub memory_kib: u64,
    /// Messages accepted so far, for all members or some.
    pub accepted: u64,
    /// Messages refused so far, for all members or some.
    pub refused: u64,
    /// What the nodes said.
    #[serde(flatten)]
    pub told: Telling,
}

/// All looks at a phase.
pub(super) struct Samples(pub(super) Vec<Sample>);

/// Looks every second until the phase is over, and once then.
pub(super) async fn sample_until(
    options: &BurstOptions,
    http: &Http,
    fates: &Fates,
    begun_us: u64,
    mut over: watch::Receiver<bool>,
) -> Result<Samples, String> {
    let (mut samples, mut ticks) = (Vec::new(), tokio::time::interval(LOOK));
    loop {
        let is_over = tokio::select! {
            _ = ticks.tick() => false,
            _ = over.wait_for(|over| *over) => true,
        };
        let (tally, told) = (fates.tally(), ask(options, http).await);
        samples.push(Sample {
            after_seconds: (clock::now_us() - begun_us) as f64 / 1e6,
            memory_kib: Usage::of(&options.pid)?.rss_kib,
            accepted: tally.accepted + tally.partly,
            refused: tally.refused + tally.partly,
            told,
        });
        if is_over {
            return Ok(Samples(samples));
        }
    }
}

/// A node that does not answer now counts as one that says nothing.
async fn ask(options: &BurstOptions, http: &Http) -> Telling {
    let mut all = Telling::default();
    for url in &options.target.url {
        let metrics = scrape(http, url).await.unwrap_or_default();
        let number = |name: &str| metrics.sum(name) as u64;
        let oldest_ms = (metrics.sum("gateway_fanout_oldest_age_seconds") * 1e3) as u64;
        all.lane_entries += number("gateway_fanout_waiting");
        all.lane_oldest_ms = all.lane_oldest_ms.max(oldest_ms);
        all.lane_entries_done += number("gateway_fanout_entries_total");
        all.closes += number("gateway_closes_total");
    }
    all
}
