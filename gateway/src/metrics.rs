//! What the gateway counts about itself, for Prometheus.

use conversation_protocol::EventName;
use prometheus::{
    Encoder, Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

/// All metrics of a node.
pub struct Metrics {
    registry: Registry,
    /// Live sessions by transport.
    pub sessions: IntGaugeVec,
    /// Users whose hints are followed.
    pub followed_users: IntGauge,
    /// Sessions begun, by transport.
    pub connects: IntCounterVec,
    /// Connections and requests refused, by reason.
    pub refusals: IntCounterVec,
    /// Addresses that limits are kept of.
    pub limited_addresses: IntGauge,
    /// Connections given up, by what they took too long for.
    pub timeouts: IntCounterVec,
    /// Sessions closed by the gateway, by code.
    pub closes: IntCounterVec,
    /// Events sent, by name.
    pub events: EventCounters,
    /// Syncs ended, by mode and result.
    pub syncs: IntCounterVec,
    /// Reads for syncs, by kind and result.
    pub sync_reads: IntCounterVec,
    /// Reads for syncs that wait for their turn.
    pub sync_reads_waiting: IntGauge,
    /// Hints heard.
    pub hints: IntCounter,
    /// 1 while the path of hints stands.
    pub relay_connected: IntGauge,
    /// How often the path of hints broke.
    pub relay_interruptions: IntCounter,
    /// Seconds since the newest probe that came on the path of hints was sent.
    pub relay_probe_age: Gauge,
    /// How often probes did not come on a path of hints that stood.
    pub relay_silences: IntCounter,
    /// Probes that the store did not take.
    pub relay_probes_refused: IntCounter,
    /// Calls, by API, method and result code (0: done).
    pub calls: IntCounterVec,
    /// Steps committed by this node.
    pub store_steps: IntGauge,
    /// Changes in them.
    pub store_changes: IntGauge,
    /// Steps that another node was faster than.
    pub store_conflicts: IntGauge,
    /// Users' changes that were put into lanes by this node.
    pub fanout_queued: IntCounter,
    /// Entries of lanes that this node has worked off.
    pub fanout_entries: IntCounter,
    /// Entries that could not be made and are kept aside.
    pub fanout_dead: IntCounter,
    /// Entries that wait in the lanes that this node holds.
    pub fanout_waiting: IntGauge,
    /// Milliseconds that the oldest of them has waited.
    pub fanout_oldest_ms: IntGauge,
    /// Lanes that this node holds.
    pub fanout_lanes: IntGauge,
    /// Reads of the token keys at `--jwks`, by result.
    pub jwks_reads: IntCounterVec,
    /// Token keys there.
    pub jwks_keys: IntGauge,
    /// 1 while the node is going away.
    pub draining: IntGauge,
}

/// A counter for each event, found without a look into a table: nothing is counted as often.
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

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all metrics with a registry of their own.
    pub fn new() -> Self {
        let registry = Registry::new();
        Self {
            sessions: register(&registry, |opts| IntGaugeVec::new(opts, &["transport"]), "sessions", "Live sessions."),
            followed_users: register(
                &registry,
                IntGauge::with_opts,
                "followed_users",
                "Users whose hints are followed.",
            ),
            connects: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["transport"]),
                "connects_total",
                "Sessions begun.",
            ),
            refusals: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["reason"]),
                "refusals_total",
                "Connections and requests refused.",
            ),
            limited_addresses: register(
                &registry,
                IntGauge::with_opts,
                "limited_addresses",
                "Addresses that limits are kept of, each limit by itself.",
            ),
            timeouts: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["what"]),
                "timeouts_total",
                "Connections given up because something took too long.",
            ),
            closes: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["code"]),
                "closes_total",
                "Sessions closed by the gateway.",
            ),
            events: EventCounters::new(&register(
                &registry,
                |opts| IntCounterVec::new(opts, &["event"]),
                "events_total",
                "Events sent.",
            )),
            syncs: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["mode", "result"]),
                "syncs_total",
                "Syncs begun, finished and failed.",
            ),
            sync_reads: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["kind", "result"]),
                "sync_reads_total",
                "Reads for syncs.",
            ),
            sync_reads_waiting: register(
                &registry,
                IntGauge::with_opts,
                "sync_reads_waiting",
                "Reads for syncs that wait for their turn.",
            ),
            hints: register(&registry, IntCounter::with_opts, "hints_total", "Hints heard."),
            relay_connected: register(
                &registry,
                IntGauge::with_opts,
                "relay_connected",
                "1 while the path of hints stands.",
            ),
            relay_interruptions: register(
                &registry,
                IntCounter::with_opts,
                "relay_interruptions_total",
                "How often the path of hints broke.",
            ),
            relay_probe_age: register(
                &registry,
                Gauge::with_opts,
                "relay_probe_age_seconds",
                "Since the newest probe that came on the path of hints was sent.",
            ),
            relay_silences: register(
                &registry,
                IntCounter::with_opts,
                "relay_silences_total",
                "How often probes did not come on a path of hints that stood.",
            ),
            relay_probes_refused: register(
                &registry,
                IntCounter::with_opts,
                "relay_probes_refused_total",
                "Probes that the store did not take.",
            ),
            calls: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["api", "method", "code"]),
                "calls_total",
                "Calls by API, method and result code, 0 being done.",
            ),
            store_steps: register(&registry, IntGauge::with_opts, "store_steps", "Steps committed by this node."),
            store_changes: register(&registry, IntGauge::with_opts, "store_changes", "Changes in the steps committed."),
            store_conflicts: register(
                &registry,
                IntGauge::with_opts,
                "store_conflicts",
                "Steps that another node was faster than.",
            ),
            fanout_queued: register(
                &registry,
                IntCounter::with_opts,
                "fanout_queued_total",
                "Users' changes put into the lanes of the durable queue.",
            ),
            fanout_entries: register(
                &registry,
                IntCounter::with_opts,
                "fanout_entries_total",
                "Entries of lanes worked off.",
            ),
            fanout_dead: register(
                &registry,
                IntCounter::with_opts,
                "fanout_dead_total",
                "Entries of lanes that could not be made and are kept aside.",
            ),
            fanout_waiting: register(
                &registry,
                IntGauge::with_opts,
                "fanout_waiting",
                "Entries that wait in the lanes that this node holds.",
            ),
            fanout_oldest_ms: register(
                &registry,
                IntGauge::with_opts,
                "fanout_oldest_ms",
                "Milliseconds that the oldest of them has waited.",
            ),
            fanout_lanes: register(&registry, IntGauge::with_opts, "fanout_lanes", "Lanes that this node holds."),
            jwks_reads: register(
                &registry,
                |opts| IntCounterVec::new(opts, &["result"]),
                "jwks_reads_total",
                "Reads of the token keys at --jwks.",
            ),
            jwks_keys: register(&registry, IntGauge::with_opts, "jwks_keys", "Token keys read from --jwks."),
            draining: register(&registry, IntGauge::with_opts, "draining", "1 while the node is going away."),
            registry,
        }
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("metrics are always text");
        text
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    make: impl FnOnce(Opts) -> prometheus::Result<C>,
    name: &str,
    help: &str,
) -> C {
    let metric = make(Opts::new(format!("gateway_{name}"), help)).expect("the metric's name is valid");
    registry.register(Box::new(metric.clone())).expect("the metric's name is new");
    metric
}
