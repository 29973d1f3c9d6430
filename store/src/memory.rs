//! How conversation lists are kept in memory: plain maps, which end with the process.
//!
//! Nothing is handed to another thread: whoever commits does it, and hands the hint on, at once.

mod lanes;
mod list;

use crate::{
    Commit, Committed, FacetPage, FacetRow, HintReceiver, HintSink, HintsEnd, Load, Loaded, SessionLease, ShardId,
    Store, StoreError, Topology, Wakes,
    in_process::Local,
    record::{read_entry, read_facets_of, read_head, read_row},
};
use async_trait::async_trait;
use conversation_protocol::{ConversationId, Head, Page, ReplaySlice, RowState, UnreadFacets, UserId};
use lanes::Lanes;
use list::List;
use std::{
    array,
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Parts that are locked on their own, so that threads seldom wait for each other.
const PARTS: usize = 64;

/// A store in this process, whose data end with it.
pub struct MemoryStore {
    parts: [Mutex<HashMap<UserId, List>>; PARTS],
    hasher: RandomState,
    lanes: Mutex<Lanes>,
    local: Local,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            parts: array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            lanes: Mutex::default(),
            local: Local::default(),
        }
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.local.followers.interrupt_all();
    }
}

impl MemoryStore {
    /// The part that a user's list is in. Every change in it is made as a whole, so a panic leaves nothing half-changed.
    fn part(&self, user: &UserId) -> MutexGuard<'_, HashMap<UserId, List>> {
        let part = self.hasher.hash_one(user) as usize % PARTS;
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a user's list, which may be that of a user without data.
    fn read<T>(&self, user: &UserId, read: impl FnOnce(&List) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.part(user).get(user) {
            Some(list) => read(list),
            None => read(&List::default()),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit_one(&self, commit: Commit, wakes: &mut Wakes) -> Result<Committed, StoreError> {
        let Commit { user, replication_id: _, expected_clock, clock, head, writes, hint, load } = commit;
        let mut part = self.part(&user);
        let list = part.get_mut(&user);
        if list.as_ref().map_or(0, |list| list.clock) != expected_clock {
            let now_us = self.local.clock.now_us();
            let found = list.map_or_else(|| List::default().load(&load, now_us), |list| list.load(&load, now_us));
            return found.map(Committed::Conflict);
        }
        match list {
            Some(list) => list.write(clock, head, writes),
            None => part.entry(user.clone()).or_default().write(clock, head, writes),
        }
        // The part is still locked, so that the hints of one user come in the order of their commits.
        self.local.followers.tell(&user, hint, wakes);
        Ok(Committed::Done)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn topology(&self) -> watch::Receiver<Topology> {
        Topology::single("memory").constant()
    }

    async fn load(&self, loads: &[Load]) -> Vec<Result<Loaded, StoreError>> {
        let now_us = self.local.clock.now_us();
        loads.iter().map(|load| self.read(&load.user, |list| list.load(load, now_us))).collect()
    }

    fn now_us(&self, _: &UserId) -> Option<u64> {
        Some(self.local.clock.now_us())
    }

    fn replication_id(&self, _: &UserId) -> u64 {
        0
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>> {
        let mut wakes = Wakes::default();
        commits.into_iter().map(|commit| self.commit_one(commit, &mut wakes)).collect()
    }

    async fn heads(&self, users: &[UserId]) -> Vec<Result<Head, StoreError>> {
        users.iter().map(|user| self.read(user, |list| read_head(list.head.as_deref()))).collect()
    }

    async fn replay(
        &self,
        user: &UserId,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<ReplaySlice, StoreError> {
        self.read(user, |list| {
            let (changed, values) = list.log_after(after, rows_max, bytes_max)?;
            let entries = values.into_iter().map(|(id, value)| read_entry(id, value)).collect::<Result<_, _>>()?;
            Ok(ReplaySlice { head: read_head(list.head.as_deref())?, changed, entries })
        })
    }

    async fn page(&self, user: &UserId, below: u64, count: u32) -> Result<Page, StoreError> {
        self.read(user, |list| {
            let (found, is_finished) = list.below(below, count)?;
            let next_seq = found.last().map_or(below, |(order_key, _)| *order_key);
            let rows = found.into_iter().map(|(_, (id, value))| {
                read_row(id, value)?.ok_or_else(|| StoreError::Corrupt("a tombstone stands in the list".to_owned()))
            });
            let rows = rows.collect::<Result<_, _>>()?;
            Ok(Page { head: read_head(list.head.as_deref())?, rows, next_seq, is_finished })
        })
    }

    async fn rows(
        &self,
        user: &UserId,
        conversation_ids: &[ConversationId],
    ) -> Result<(Head, Vec<Option<RowState>>), StoreError> {
        self.read(user, |list| {
            let rows = conversation_ids.iter().map(|id| match list.values.get(id) {
                Some(value) => read_row(id, value),
                None => Ok(None),
            });
            Ok((read_head(list.head.as_deref())?, rows.collect::<Result<_, _>>()?))
        })
    }

    async fn facets(&self, user: &UserId, below: u64, count: u32) -> Result<FacetPage, StoreError> {
        self.read(user, |list| {
            let (found, is_finished) = list.below(below, count)?;
            let rows = found.into_iter().map(|(order_key, (id, value))| {
                Ok(FacetRow { conversation_id: id.clone(), order_key, facets: read_facets_of(value)? })
            });
            let rows = rows.collect::<Result<_, StoreError>>()?;
            Ok(FacetPage { head: read_head(list.head.as_deref())?, rows, is_finished })
        })
    }

    async fn unread(&self, user: &UserId) -> Result<UnreadFacets, StoreError> {
        self.read(user, |list| Ok(UnreadFacets { head: read_head(list.head.as_deref())?, rows: list.unread_facets()? }))
    }

    async fn delete_user(&self, user: &UserId) -> Result<(), StoreError> {
        self.part(user).remove(user);
        Ok(())
    }

    async fn forget_idle(&self, idle: Duration) -> Result<u64, StoreError> {
        let before_us = self.local.clock.now_us().saturating_sub(idle.as_micros() as u64);
        let mut forgotten = 0;
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let count = part.len();
            part.retain(|_, list| list.clock >= before_us);
            forgotten += (count - part.len()) as u64;
        }
        Ok(forgotten)
    }

    async fn hints(
        &self,
        _: ShardId,
        receiver: Arc<dyn HintReceiver>,
    ) -> Result<(Box<dyn HintSink>, HintsEnd), StoreError> {
        Ok(self.local.hints(receiver))
    }

    async fn probe(&self, _: ShardId, number: u64) -> Result<(), StoreError> {
        self.local.followers.probe(number);
        Ok(())
    }

    async fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) -> Result<(), StoreError> {
        self.local.renew_sessions(leases, lease_ms);
        Ok(())
    }

    async fn end_sessions(&self, leases: &[SessionLease]) -> Result<(), StoreError> {
        self.local.end_sessions(leases);
        Ok(())
    }

    async fn sessions(&self, users: &[UserId]) -> Result<Vec<Vec<SessionLease>>, StoreError> {
        Ok(self.local.sessions(users))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Change, Decided, Limits, load_for, step};

    #[tokio::test]
    async fn a_lost_race_for_a_user_without_data_leaves_nothing() {
        let (store, user) = (MemoryStore::default(), "alice".parse().unwrap());
        let changes = [Change::CreateGroup("work".to_owned())];
        let load = load_for(&user, &changes, Limits::default());
        let loaded = store.load(std::slice::from_ref(&load)).await.remove(0).unwrap();
        let Decided::Step(step) = step(load, &loaded, &changes, Limits::default(), 7, 0).unwrap() else {
            panic!("nothing was unfinished");
        };
        // As after a deletion of the user that this step does not know of.
        let late = Commit { expected_clock: 9, ..step.commit.unwrap() };
        let outcome = store.commit(vec![late]).await.remove(0).unwrap();
        assert!(matches!(outcome, Committed::Conflict(Loaded { head: None, .. })));
        assert!(store.part(&user).is_empty());
    }
}
