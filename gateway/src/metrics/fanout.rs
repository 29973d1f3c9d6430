//! What waits in the durable queue, and what became of what did?

use super::registrar::Registrar;
use prometheus::{Gauge, IntCounter, IntGauge};

/// Metrics of the durable queue.
pub struct FanoutMetrics {
    /// Users' changes that were put into lanes by this node.
    pub queued: IntCounter,
    /// Entries of lanes that this node has worked off.
    pub entries: IntCounter,
    /// Entries that could not be made and are kept aside.
    pub dead: IntCounter,
    /// Entries that wait in the lanes that this node holds.
    pub waiting: IntGauge,
    /// Seconds that the oldest of them has waited.
    pub oldest_age: Gauge,
    /// Lanes that this node holds.
    pub lanes: IntGauge,
}

impl FanoutMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Self {
        let dead = "Entries of lanes that could not be made and are kept aside.";
        let waiting = "Entries that wait in the lanes that this node holds.";
        let oldest_age = "Age of the oldest entry that waits in the lanes that this node holds.";
        Self {
            queued: registrar.counter("fanout_queued_total", "Users' changes put into the lanes of the durable queue."),
            entries: registrar.counter("fanout_entries_total", "Entries of lanes worked off."),
            dead: registrar.counter("fanout_dead_total", dead),
            waiting: registrar.gauge("fanout_waiting", waiting),
            oldest_age: registrar.seconds("fanout_oldest_age_seconds", oldest_age),
            lanes: registrar.gauge("fanout_lanes", "Lanes that this node holds."),
        }
    }
}
