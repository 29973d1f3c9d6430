//! What stores that live in the gateway's own process have in common: there is one node, and no network.

mod bell;
mod clock;
mod followers;
mod leases;

use crate::{
    HintReceiver, HintSink, HintsEnd, SessionLease,
    lanes::{LANE_AGE_MAX_MS, LANE_ENTRIES_MAX},
};
use bell::Bell;
use clock::Clock;
use conversation_protocol::UserId;
use followers::Followers;
use leases::Leases;
use std::sync::Arc;

/// What such a store has beside its data, all of it in memory.
#[derive(Default)]
pub(crate) struct Local {
    pub(crate) clock: Clock,
    pub(crate) followers: Arc<Followers>,
    pub(crate) bell: Bell,
    leases: Leases,
}

impl Local {
    /// A new path for hints.
    pub(crate) fn hints(&self, receiver: Arc<dyn HintReceiver>) -> (Box<dyn HintSink>, HintsEnd) {
        let (sink, end) = Followers::connect(&self.followers, receiver);
        (Box::new(sink), end)
    }

    /// Makes or renews leases.
    pub(crate) fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) {
        self.leases.renew(leases, lease_ms, self.now_ms());
    }

    /// Ends leases.
    pub(crate) fn end_sessions(&self, leases: &[SessionLease]) {
        self.leases.end(leases);
    }

    /// The live sessions of several users, in order.
    pub(crate) fn sessions(&self, users: &[UserId]) -> Vec<Vec<SessionLease>> {
        let now_ms = self.now_ms();
        users.iter().map(|user| self.leases.of(user, now_ms)).collect()
    }

    /// The store's time, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_us() / 1_000
    }
}

/// Whether a lane takes no further entry, where so many wait in all lanes and its own oldest since then. One process may
/// keep as many in all as a lane of a server.
pub(crate) fn is_lane_full(waiting: u64, oldest_ms: Option<u64>, now_ms: u64) -> bool {
    let is_old = oldest_ms.is_some_and(|oldest_ms| now_ms.saturating_sub(oldest_ms) > LANE_AGE_MAX_MS);
    is_old || waiting >= LANE_ENTRIES_MAX
}
