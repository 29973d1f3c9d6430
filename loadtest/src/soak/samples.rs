//! What is looked at every few seconds: each node's memory, descriptors and threads, the store, the latency.

use super::servers::Servers;
use crate::{
    http::Http,
    measure::{
        exposition::scrape,
        look::{Look, Looker},
        process::Usage,
    },
};
use hdrhistogram::Histogram;
use serde::Serialize;

/// One look.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Each node's process, the store and the latency.
    #[serde(flatten)]
    pub look: Look,
    /// Sessions of each node.
    pub sessions: Vec<u64>,
    /// Entries that wait in lanes.
    pub lane_entries: u64,
}

impl Sample {
    pub(super) async fn take(
        servers: &Servers,
        http: &Http,
        looker: &mut Looker,
        timed: Histogram<u64>,
    ) -> Result<Self, String> {
        let look = looker.look(Some(timed)).await;
        if let Some((pid, _)) = servers.pids.iter().zip(&look.processes).find(|(_, usage)| usage.is_none()) {
            return Err(format!("process {pid} is gone"));
        }
        let (mut sessions, mut lane_entries) = (Vec::new(), 0);
        for url in &servers.urls {
            let metrics = scrape(http, url).await.map_err(|error| format!("{url}: {error}"))?;
            sessions.push(metrics.sum("gateway_sessions") as u64);
            lane_entries += metrics.sum("gateway_fanout_waiting") as u64;
        }
        Ok(Self { look, sessions, lane_entries })
    }

    /// A node's process.
    pub(super) fn process(&self, node: usize) -> Option<&Usage> {
        self.look.processes.get(node)?.as_ref()
    }
}
