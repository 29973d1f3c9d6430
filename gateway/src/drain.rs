//! How a node goes away: not ready first, then every session told when to come back, then the end.

use crate::{clock, node::Node, session::Input};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};

/// Milliseconds within which clients come back after their close.
const RETURN_SPREAD_MS: u64 = 1_000;
/// How long the last sessions may take to go.
const LAST_SESSIONS_WAIT: Duration = Duration::from_secs(5);

/// Waits for a signal and drains the node; a second signal ends the process at once.
pub async fn on_signal(node: Arc<Node>) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (delay, spread) = tokio::select! {
        _ = terminate.recv() => {
            let config = &node.in_force().config;
            (Duration::from_millis(config.drain_delay_ms), Duration::from_millis(config.drain_spread_ms))
        }
        // Somebody at a terminal has no balancer to wait for.
        _ = interrupt.recv() => (Duration::ZERO, Duration::ZERO),
    };
    tracing::info!(sessions = node.hub.session_count(), "draining; a second signal stops at once");
    tokio::select! {
        () = drain(&node, delay, spread) => tracing::info!("drained"),
        _ = terminate.recv() => tracing::warn!("stopped at once"),
        _ = interrupt.recv() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

/// Takes the node out of service and, after a delay, closes its sessions, spread over a time.
pub async fn drain(node: &Arc<Node>, delay: Duration, spread: Duration) {
    node.is_draining.store(true, Ordering::Relaxed);
    node.metrics.draining.set(1);
    time::sleep(delay).await;
    node.is_closing.store(true, Ordering::Relaxed);
    let sessions = node.hub.all_sessions();
    let begin = clock::monotonic();
    let count = sessions.len().max(1) as u32;
    for (index, session) in sessions.into_iter().enumerate() {
        time::sleep_until(clock::instant(begin + spread * index as u32 / count)).await;
        session.input(Input::Drain { after_ms: rand::random_range(0..RETURN_SPREAD_MS) });
    }
    let deadline = clock::monotonic() + LAST_SESSIONS_WAIT;
    while node.hub.session_count() > 0 && clock::monotonic() < deadline {
        time::sleep(Duration::from_millis(20)).await;
    }
}
