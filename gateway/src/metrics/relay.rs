//! How does the path of hints stand?

use super::registrar::Registrar;
use prometheus::{Gauge, IntCounter, IntGauge};

/// Metrics of the path of hints.
pub struct RelayMetrics {
    /// Users whose hints are followed.
    pub followed_users: IntGauge,
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
        Self {
            followed_users: registrar.gauge("followed_users", "Users whose hints are followed."),
            connected: registrar.gauge("relay_connected", "1 while the path of hints stands."),
            interruptions: registrar.counter("relay_interruptions_total", "How often the path of hints broke."),
            probe_age: registrar.seconds("relay_probe_age_seconds", age),
            silences: registrar.counter("relay_silences_total", silences),
            probes_refused: registrar.counter("relay_probes_refused_total", "Probes that the store did not take."),
        }
    }
}
