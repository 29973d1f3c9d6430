//! How do the paths of hints stand, one for each shard of the store?

use super::registrar::Registrar;
use conversation_store::ShardId;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// Metrics of the paths of hints.
pub struct RelayMetrics {
    /// Users whose hints are followed.
    pub followed_users: IntGauge,
    connected: IntGaugeVec,
    interruptions: IntCounterVec,
    probe_age: GaugeVec,
    silences: IntCounterVec,
    probes_refused: IntCounterVec,
}

/// Metrics of one shard's path.
pub struct PathMetrics {
    /// 1 while the path stands.
    pub connected: IntGauge,
    /// How often the path broke.
    pub interruptions: IntCounter,
    /// Seconds since the newest probe that came on the path was sent.
    pub probe_age: Gauge,
    /// How often probes did not come on a path that stood.
    pub silences: IntCounter,
    /// Probes that the store did not take.
    pub probes_refused: IntCounter,
}

impl RelayMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Self {
        let (age, silences) = (
            "Since the newest probe that came on the path of hints was sent.",
            "How often probes did not come on a path of hints that stood.",
        );
        let (interruptions, refused) = ("How often the path of hints broke.", "Probes that the store did not take.");
        let shard = &["shard"];
        Self {
            followed_users: registrar.gauge("followed_users", "Users whose hints are followed."),
            connected: registrar.gauges("relay_connected", "1 while the path of hints stands.", shard),
            interruptions: registrar.counters("relay_interruptions_total", interruptions, shard),
            probe_age: registrar.seconds_by("relay_probe_age_seconds", age, shard),
            silences: registrar.counters("relay_silences_total", silences, shard),
            probes_refused: registrar.counters("relay_probes_refused_total", refused, shard),
        }
    }

    /// Those of a shard, which are shown from now on.
    pub fn of(&self, shard: ShardId) -> PathMetrics {
        let label = shard.0.to_string();
        let labels = &[label.as_str()];
        PathMetrics {
            connected: self.connected.with_label_values(labels),
            interruptions: self.interruptions.with_label_values(labels),
            probe_age: self.probe_age.with_label_values(labels),
            silences: self.silences.with_label_values(labels),
            probes_refused: self.probes_refused.with_label_values(labels),
        }
    }

    /// Shows nothing of a shard any more, which has gone.
    pub fn forget(&self, shard: ShardId) {
        let label = shard.0.to_string();
        let labels = &[label.as_str()];
        let _ = self.connected.remove_label_values(labels);
        let _ = self.probe_age.remove_label_values(labels);
        for counters in [&self.interruptions, &self.silences, &self.probes_refused] {
            let _ = counters.remove_label_values(labels);
        }
    }
}
