//! Who is connected, comes, is refused and goes?

use super::registrar::Registrar;
use crate::transport::Transport;
use conversation_protocol::CloseCode;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

/// Why who asks to be let in is refused, beside the codes of [`CloseCode`] that a WebSocket is closed with.
const REFUSALS: [&str; 7] = [
    "node_full",
    "connect_rate",
    "sse",
    "address_flood",
    "address_connections",
    "address_authentications",
    "address_requests",
];
/// With what a WebSocket is closed that does not become a session.
const REFUSAL_CODES: [CloseCode; 4] =
    [CloseCode::Forbidden, CloseCode::Overloaded, CloseCode::ProtocolError, CloseCode::Unauthenticated];
/// What may take a client too long.
const TIMEOUTS: [&str; 5] = ["request", "body", "answer", "taking", "write"];

/// Metrics of connections and sessions.
pub struct ConnectionMetrics {
    /// Live sessions by transport.
    pub sessions: IntGaugeVec,
    /// Sessions that there may be.
    pub sessions_max: IntGauge,
    /// Sessions begun, by transport.
    pub connects: IntCounterVec,
    /// Sessions closed by the gateway, by code.
    pub closes: IntCounterVec,
    /// Connections and requests refused, by reason.
    pub refusals: IntCounterVec,
    /// Connections given up, by what they took too long for.
    pub timeouts: IntCounterVec,
    /// Addresses that limits are kept of.
    pub limited_addresses: IntGauge,
}

impl ConnectionMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Self {
        let metrics = Self {
            sessions: registrar.gauges("sessions", "Live sessions.", &["transport"]),
            sessions_max: registrar.gauge("sessions_max", "Live sessions that this node may have."),
            connects: registrar.counters("connects_total", "Sessions begun.", &["transport"]),
            closes: registrar.counters("closes_total", "Sessions closed by the gateway.", &["code"]),
            refusals: registrar.counters("refusals_total", "Connections and requests refused.", &["reason"]),
            timeouts: registrar.counters(
                "timeouts_total",
                "Connections given up because something took too long.",
                &["what"],
            ),
            limited_addresses: registrar
                .gauge("limited_addresses", "Addresses that limits are kept of, each limit by itself."),
        };
        for transport in [Transport::WebSocket, Transport::Sse] {
            metrics.sessions.with_label_values(&[transport.name()]);
            metrics.connects.with_label_values(&[transport.name()]);
        }
        for code in CloseCode::ALL {
            metrics.closes.with_label_values(&[code.name()]);
        }
        for reason in REFUSALS.into_iter().chain(REFUSAL_CODES.map(CloseCode::name)) {
            metrics.refusals.with_label_values(&[reason]);
        }
        for what in TIMEOUTS {
            metrics.timeouts.with_label_values(&[what]);
        }
        metrics
    }
}
