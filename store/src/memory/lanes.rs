//! How the lanes of the durable queue are kept in memory: one holder, and nothing outlives the process.

use super::MemoryStore;
use crate::{
    StoreError,
    in_process::is_lane_full,
    lanes::{Backlog, Enqueued, EntryId, LANES, Lane, LaneQueue, LaneWakes},
};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    entries: Vec<BTreeMap<EntryId, String>>,
    last_id: EntryId,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { entries: vec![BTreeMap::new(); usize::from(LANES)], last_id: EntryId(0, 0) }
    }
}

impl Lanes {
    fn of(&mut self, lane: Lane) -> &mut BTreeMap<EntryId, String> {
        &mut self.entries[usize::from(lane.number())]
    }

    /// Puts an entry in; whether it was taken, and whether the lane was empty before.
    fn put(&mut self, lane: Lane, entry: &str, now_ms: u64) -> (Enqueued, bool) {
        let waiting: usize = self.entries.iter().map(BTreeMap::len).sum();
        let oldest_ms = self.of(lane).first_key_value().map(|(EntryId(ms, _), _)| *ms);
        if is_lane_full(waiting as u64, oldest_ms, now_ms) {
            return (Enqueued::Full, false);
        }
        self.last_id = self.last_id.next(now_ms);
        let id = self.last_id;
        self.of(lane).insert(id, entry.to_owned());
        (Enqueued::Done, oldest_ms.is_none())
    }
}

#[async_trait]
impl LaneQueue for MemoryStore {
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>> {
        let now_ms = self.local.now_ms();
        let mut woken = Vec::new();
        let mut lanes = self.lanes();
        let put = entries.iter().map(|(lane, entry)| {
            let (enqueued, was_empty) = lanes.put(*lane, entry, now_ms);
            woken.extend(was_empty.then_some(*lane));
            Ok(enqueued)
        });
        let answers = put.collect();
        drop(lanes);
        self.local.bell.ring(&woken);
        answers
    }

    async fn count_nodes(&self, _node: &str, _lease_ms: u64) -> Result<u64, StoreError> {
        Ok(1)
    }

    async fn hold_lanes(&self, _node: &str, lanes: &[Lane], _lease_ms: u64) -> Result<Vec<Lane>, StoreError> {
        Ok(lanes.to_vec())
    }

    async fn release_lanes(&self, _node: &str, _lanes: &[Lane]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
        Ok(self.lanes().of(lane).iter().take(count_max).map(|(id, entry)| (*id, entry.clone())).collect())
    }

    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError> {
        let (mut all, now_ms) = (self.lanes(), self.local.now_ms());
        let backlog = |of_lane: &BTreeMap<EntryId, String>| Backlog {
            entries: of_lane.len() as u64,
            oldest_ms: of_lane.first_key_value().map_or(0, |(EntryId(ms, _), _)| now_ms.saturating_sub(*ms)),
        };
        Ok(lanes.iter().map(|lane| backlog(all.of(*lane))).collect())
    }

    async fn finish_entries(&self, lane: Lane, done: &[EntryId], _dead: &[String]) -> Result<(), StoreError> {
        // Nobody can look into the memory of a process for entries that were kept aside.
        let mut lanes = self.lanes();
        let of_lane = lanes.of(lane);
        for id in done {
            of_lane.remove(id);
        }
        Ok(())
    }

    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError> {
        Ok(self.local.bell.listen())
    }
}
