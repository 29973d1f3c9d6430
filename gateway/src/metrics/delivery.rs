//! What are live clients told, and how soon?

use super::registrar::Registrar;
use conversation_protocol::EventName;
use prometheus::{Histogram, IntCounter, IntCounterVec};

/// Upper bounds in seconds.
const LATENCIES: [f64; 15] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Metrics of what live clients are told.
pub struct DeliveryMetrics {
    /// Hints heard.
    pub hints: IntCounter,
    /// Events sent, by name.
    pub events: EventCounters,
    /// Rows and deletions sent as they came.
    pub changes: IntCounter,
    /// Changes that a newer one of the same row replaced before they were sent.
    pub coalesced: IntCounter,
    /// Mailboxes that were full.
    pub overflows: IntCounter,
    /// From when a change was accepted until the connection took what tells it.
    pub latency: Histogram,
}

impl DeliveryMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Self {
        let coalesced = "Changes that a newer one of the same row replaced before they were sent.";
        let latency = "From when a change was accepted until the client's connection took what tells it.";
        Self {
            hints: registrar.counter("hints_total", "Hints heard."),
            events: EventCounters::new(&registrar.counters("events_total", "Events sent.", &["event"])),
            changes: registrar.counter("changes_delivered_total", "Rows and deletions sent to live sessions."),
            coalesced: registrar.counter("changes_coalesced_total", coalesced),
            overflows: registrar.counter("mailbox_overflows_total", "Mailboxes that were full."),
            latency: registrar.histogram("delivery_latency_seconds", latency, &LATENCIES),
        }
    }
}

/// A counter for each event.
pub struct EventCounters([IntCounter; EventName::ALL.len()]);

impl EventCounters {
    fn new(counters: &IntCounterVec) -> Self {
        let mut events = EventName::ALL;
        events.sort_unstable_by_key(|event| *event as usize);
        Self(events.map(|event| counters.with_label_values(&[event.as_str()])))
    }

    /// The counter of an event.
    pub fn of(&self, event: EventName) -> &IntCounter {
        &self.0[event as usize]
    }
}
