//! What is looked at every few seconds: each node's memory, descriptors and threads, the store, the latency.

use super::servers::Servers;
use crate::{
    http::Http,
    measure::{exposition::scrape, percentiles::Percentiles, process::Usage, redis},
};
use hdrhistogram::Histogram;
use serde::Serialize;

/// One look.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Seconds since the load began.
    pub after_seconds: f64,
    /// Each node's process.
    pub processes: Vec<Usage>,
    /// Sessions of each node.
    pub sessions: Vec<u64>,
    /// Entries that wait in lanes.
    pub lane_entries: u64,
    /// Memory that Redis uses for its data, if it is known.
    pub store_bytes: Option<u64>,
    /// Of messages that came since the look before; none if none did.
    pub latency: Option<Percentiles>,
}

impl Sample {
    pub(super) async fn take(
        servers: &Servers,
        http: &Http,
        after_seconds: f64,
        latency: Option<Percentiles>,
    ) -> Result<Self, String> {
        let processes = servers.pids.iter().map(|pid| Usage::of(&[*pid])).collect::<Result<_, _>>()?;
        let (mut sessions, mut lane_entries) = (Vec::new(), 0);
        for url in &servers.urls {
            let metrics = scrape(http, url).await.map_err(|error| format!("{url}: {error}"))?;
            sessions.push(metrics.sum("gateway_sessions") as u64);
            lane_entries += metrics.sum("gateway_fanout_waiting") as u64;
        }
        let store_bytes = match &servers.redis {
            Some(address) => Some(redis::info(address).await?.number("used_memory")),
            None => None,
        };
        Ok(Self { after_seconds, processes, sessions, lane_entries, store_bytes, latency })
    }
}

/// Tells what was timed between two looks.
#[derive(Default)]
pub(super) struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    pub(super) fn since_last(&mut self, so_far: Histogram<u64>) -> Option<Percentiles> {
        let mut new = so_far.clone();
        if let Some(before) = self.0.replace(so_far) {
            new.subtract(before).ok()?;
        }
        (!new.is_empty()).then(|| Percentiles::of(&new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::percentiles::histogram;

    #[test]
    fn only_what_is_new_is_told() {
        let (mut latencies, mut so_far) = (Latencies::default(), histogram());
        so_far.record(5_000).unwrap();
        assert_eq!(latencies.since_last(so_far.clone()).unwrap().count, 1);
        assert!(latencies.since_last(so_far.clone()).is_none());
        so_far.record(90_000).unwrap();
        let new = latencies.since_last(so_far).unwrap();
        assert_eq!((new.count, new.p50_ms.round()), (1, 90.0));
    }
}
