//! How a hint that was lost without a trace is found: every followed user's clock is compared with the store's.

use crate::{
    hub::Hub,
    in_force::InForce,
    leases::LEASE_MS,
    live::LiveSession,
    session::{GapCause, Input},
};
use arc_swap::ArcSwap;
use conversation_protocol::UserId;
use conversation_store::{SessionLease, Store, StoreError};
use futures_util::future;
use std::{sync::Arc, time::Duration};
use tokio::time;

/// Users compared in one trip to the store.
const BATCH_MAX: usize = 500;
/// Between two trips, so that comparisons leave the store room.
const PAUSE: Duration = Duration::from_millis(5);
/// How finely the interval of comparisons is kept.
const TICK: Duration = Duration::from_millis(500);

/// Compares whoever is due, and renews their leases, until the process ends.
pub async fn run(store: Arc<dyn Store>, hub: Arc<Hub>, in_force: Arc<ArcSwap<InForce>>) {
    let mut ticks = time::interval(TICK);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut count = 0u32;
    loop {
        ticks.tick().await;
        let due = hub.due_for_comparison();
        // A shard that does not answer delays no other one.
        future::join_all(due.values().map(|due| compare(store.as_ref(), &hub, due, GapCause::Comparison))).await;
        count = count.wrapping_add(1);
        if count.is_multiple_of(60) {
            in_force.load().rates.forget_quiet();
        }
    }
}

/// Compares the clocks of some users of one shard now, and renews their sessions' leases. Where the shard does not answer the rest
/// is left: all its users are compared once the path of its hints stands again. Gaps that it finds are put down to `cause`.
pub async fn compare(store: &dyn Store, hub: &Hub, users: &[UserId], cause: GapCause) {
    for batch in users.chunks(BATCH_MAX) {
        let sessions: Vec<Arc<[Arc<LiveSession>]>> = batch.iter().map(|user| hub.sessions_of(user)).collect();
        for session in sessions.iter().flat_map(|sessions| sessions.iter()) {
            session.input(Input::Compare(cause));
        }
        let mut is_away = false;
        for (sessions, head) in sessions.iter().zip(store.heads(batch).await) {
            match head {
                Ok(head) => {
                    let head = Arc::new(head);
                    for session in sessions.iter() {
                        session.input(Input::Compared(head.clone()));
                    }
                }
                Err(error) => {
                    is_away = matches!(error, StoreError::Unavailable(_));
                    tracing::debug!(%error, "a clock was not compared");
                }
            }
        }
        if is_away {
            return;
        }
        let leases: Vec<SessionLease> = sessions
            .iter()
            .flat_map(|sessions| sessions.iter())
            .filter(|session| !session.is_over())
            .map(|session| session.lease().clone())
            .collect();
        if !leases.is_empty()
            && let Err(error) = store.renew_sessions(&leases, LEASE_MS).await
        {
            tracing::debug!(%error, count = leases.len(), "leases not renewed");
        }
        time::sleep(PAUSE).await;
    }
}
