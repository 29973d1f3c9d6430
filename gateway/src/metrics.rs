//! What does the gateway count about itself, for Prometheus? docs/METRICS.md says what each metric tells.
//!
//! What is counted often is found without a look into a table of labels; what has few labels is there from the start, so that
//! a rate shows its first rise.

mod connections;
mod delivery;
mod fanout;
mod registrar;
mod relay;
mod store;
mod syncs;

pub use connections::ConnectionMetrics;
pub use delivery::{DeliveryMetrics, EventCounters};
pub use fanout::FanoutMetrics;
pub use relay::{PathMetrics, RelayMetrics};
pub use store::{StoreCall, StoreMetrics};
pub use syncs::{SyncMetrics, SyncModeMetrics};

use prometheus::{Encoder, IntCounterVec, IntGauge, Registry, TextEncoder};
use registrar::Registrar;

/// All metrics of a node.
pub struct Metrics {
    registry: Registry,
    /// Who is connected, comes and goes.
    pub connections: ConnectionMetrics,
    /// Calls, by API, method and result code (0: done).
    pub calls: IntCounterVec,
    /// How clients are brought up to date.
    pub syncs: SyncMetrics,
    /// What live clients are told.
    pub delivery: DeliveryMetrics,
    /// The path of hints.
    pub relay: RelayMetrics,
    /// What the store does.
    pub store: StoreMetrics,
    /// The durable queue.
    pub fanout: FanoutMetrics,
    /// Reads of the token keys at `--jwks`, by result.
    pub jwks_reads: IntCounterVec,
    /// Token keys there.
    pub jwks_keys: IntGauge,
    /// 1 while the node is going away.
    pub draining: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all metrics with a registry of their own.
    pub fn new() -> Self {
        let registry = Registry::new();
        let registrar = Registrar::new(&registry);
        #[cfg(target_os = "linux")]
        registrar.add(prometheus::process_collector::ProcessCollector::for_self());
        registrar
            .gauges("build_info", "1, with the version of the gateway.", &["version"])
            .with_label_values(&[VERSION])
            .set(1);
        let jwks_reads = registrar.counters("jwks_reads_total", "Reads of the token keys at --jwks.", &["result"]);
        for result in ["done", "failed"] {
            jwks_reads.with_label_values(&[result]);
        }
        let calls = "Calls by API, method and result code, 0 being done.";
        Self {
            connections: ConnectionMetrics::new(&registrar),
            calls: registrar.counters("calls_total", calls, &["api", "method", "code"]),
            syncs: SyncMetrics::new(&registrar),
            delivery: DeliveryMetrics::new(&registrar),
            relay: RelayMetrics::new(&registrar),
            store: StoreMetrics::new(&registrar),
            fanout: FanoutMetrics::new(&registrar),
            jwks_reads,
            jwks_keys: registrar.gauge("jwks_keys", "Token keys read from --jwks."),
            draining: registrar.gauge("draining", "1 while the node is going away."),
            registry,
        }
    }

    /// The text that Prometheus reads. Looks at the process too, which takes a while where many files are open.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("metrics are always text");
        text
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
