//! Which sessions live in this process, as stores in it keep them: in memory, since they end with it.

use crate::SessionLease;
use conversation_protocol::UserId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Milliseconds between two removals of all leases that ended without a word.
const SWEEP_INTERVAL_MS: u64 = 60_000;

/// All leases.
#[derive(Default)]
pub(crate) struct Leases {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each lease with its end.
    by_user: HashMap<UserId, HashMap<SessionLease, u64>>,
    swept_ms: u64,
}

impl Leases {
    pub(crate) fn renew(&self, leases: &[SessionLease], lease_ms: u64, now_ms: u64) {
        let mut state = self.state();
        for lease in leases {
            let ends_ms = now_ms.saturating_add(lease_ms);
            state.by_user.entry(lease.user.clone()).or_default().insert(lease.clone(), ends_ms);
        }
        if now_ms >= state.swept_ms.saturating_add(SWEEP_INTERVAL_MS) {
            state.swept_ms = now_ms;
            state.by_user.retain(|_, leases| {
                leases.retain(|_, ends_ms| *ends_ms > now_ms);
                !leases.is_empty()
            });
        }
    }

    pub(crate) fn end(&self, leases: &[SessionLease]) {
        let mut state = self.state();
        for lease in leases {
            if let Some(of_user) = state.by_user.get_mut(&lease.user) {
                of_user.remove(lease);
                if of_user.is_empty() {
                    state.by_user.remove(&lease.user);
                }
            }
        }
    }

    pub(crate) fn of(&self, user: &UserId, now_ms: u64) -> Vec<SessionLease> {
        let state = self.state();
        let leases = state.by_user.get(user).into_iter().flatten();
        leases.filter(|(_, ends_ms)| **ends_ms > now_ms).map(|(lease, _)| lease.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
