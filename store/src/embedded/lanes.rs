//! How the lanes of the durable queue are kept in a database: a table in order, one holder, wakes in memory.

use super::{EmbeddedStore, tables::failed};
use crate::{
    StoreError,
    in_process::is_lane_full,
    lanes::{Backlog, DEAD_ENTRIES_MAX, Enqueued, EntryId, Lane, LaneQueue, LaneWakes},
};
use async_trait::async_trait;
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition, TableError,
    WriteTransaction,
};

/// Lane, milliseconds, number among those of the same millisecond → entry.
const ENTRIES: TableDefinition<'_, (u16, u64, u64), &str> = TableDefinition::new("lane entries");
/// Counted up → an entry that could not be made.
const DEAD: TableDefinition<'_, u64, &str> = TableDefinition::new("dead entries");
/// The last id that was given, which later ones must pass though entries go and clocks step back.
const LAST_ID: TableDefinition<'_, (), (u64, u64)> = TableDefinition::new("last entry id");

/// Something to write to the lanes.
pub(super) enum LaneWrite {
    /// An entry comes.
    Put(Lane, String),
    /// Entries are done, and some could not be made.
    Finish(Lane, Vec<EntryId>, Vec<String>),
}

/// The tables of the lanes, to be written.
pub(super) struct Tables<'t> {
    entries: Table<'t, (u16, u64, u64), &'static str>,
    dead: Table<'t, u64, &'static str>,
    last_id: Table<'t, (), (u64, u64)>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        let open = || -> Result<Self, TableError> {
            Ok(Self {
                entries: transaction.open_table(ENTRIES)?,
                dead: transaction.open_table(DEAD)?,
                last_id: transaction.open_table(LAST_ID)?,
            })
        };
        open().map_err(failed)
    }

    /// Makes a write; the answer to a [`LaneWrite::Put`], and the lane that was empty before it.
    pub(super) fn write(
        &mut self,
        write: &LaneWrite,
        now_us: u64,
    ) -> Result<(Option<Enqueued>, Option<Lane>), StoreError> {
        match write {
            LaneWrite::Put(lane, entry) => {
                let (enqueued, was_empty) = self.put(*lane, entry, now_us / 1_000).map_err(failed)?;
                Ok((Some(enqueued), was_empty.then_some(*lane)))
            }
            LaneWrite::Finish(lane, done, dead) => {
                self.finish(*lane, done, dead).map_err(failed)?;
                Ok((None, None))
            }
        }
    }

    fn put(&mut self, lane: Lane, entry: &str, now_ms: u64) -> Result<(Enqueued, bool), StorageError> {
        let oldest = self.entries.range(of(lane))?.next().transpose()?.map(|(key, _)| key.value().1);
        if is_lane_full(self.entries.len()?, oldest, now_ms) {
            return Ok((Enqueued::Full, false));
        }
        let (last_ms, last_number) = self.last_id.get(())?.map_or((0, 0), |last| last.value());
        let EntryId(ms, number) = EntryId(last_ms, last_number).next(now_ms);
        self.last_id.insert((), (ms, number))?;
        self.entries.insert((lane.number(), ms, number), entry)?;
        Ok((Enqueued::Done, oldest.is_none()))
    }

    fn finish(&mut self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StorageError> {
        for entry in dead {
            let next = self.dead.last()?.map_or(0, |(key, _)| key.value() + 1);
            self.dead.insert(next, entry.as_str())?;
            if self.dead.len()? > DEAD_ENTRIES_MAX {
                self.dead.pop_first()?;
            }
        }
        for EntryId(ms, number) in done {
            self.entries.remove((lane.number(), *ms, *number))?;
        }
        Ok(())
    }
}

fn of(lane: Lane) -> std::ops::RangeInclusive<(u16, u64, u64)> {
    (lane.number(), 0, 0)..=(lane.number(), u64::MAX, u64::MAX)
}

fn oldest(snapshot: &ReadTransaction, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
    let entries = snapshot.open_table(ENTRIES).map_err(failed)?;
    let mut found = Vec::new();
    for entry in entries.range(of(lane)).map_err(failed)?.take(count_max) {
        let (key, value) = entry.map_err(failed)?;
        let (_, ms, number) = key.value();
        found.push((EntryId(ms, number), value.value().to_owned()));
    }
    Ok(found)
}

fn backlog(snapshot: &ReadTransaction, lane: Lane, now_ms: u64) -> Result<Backlog, StoreError> {
    let entries = snapshot.open_table(ENTRIES).map_err(failed)?;
    let mut backlog = Backlog::default();
    for entry in entries.range(of(lane)).map_err(failed)? {
        let (_, ms, _) = entry.map_err(failed)?.0.value();
        if backlog.entries == 0 {
            backlog.oldest_ms = now_ms.saturating_sub(ms);
        }
        backlog.entries += 1;
    }
    Ok(backlog)
}

#[async_trait]
impl LaneQueue for EmbeddedStore {
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>> {
        let writes = entries.iter().map(|(lane, entry)| LaneWrite::Put(*lane, entry.clone()));
        match self.committer.write_lanes(writes.collect()).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); entries.len()],
        }
    }

    async fn count_nodes(&self, _node: &str, _lease_ms: u64) -> Result<u64, StoreError> {
        // Nobody else can have the store open.
        Ok(1)
    }

    async fn hold_lanes(&self, _node: &str, lanes: &[Lane], _lease_ms: u64) -> Result<Vec<Lane>, StoreError> {
        Ok(lanes.to_vec())
    }

    async fn release_lanes(&self, _node: &str, _lanes: &[Lane]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
        oldest(&self.snapshot()?, lane, count_max)
    }

    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError> {
        let (snapshot, now_ms) = (self.snapshot()?, self.local.now_ms());
        lanes.iter().map(|lane| backlog(&snapshot, *lane, now_ms)).collect()
    }

    async fn finish_entries(&self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StoreError> {
        self.committer.write_lanes(vec![LaneWrite::Finish(lane, done.to_vec(), dead.to_vec())]).await.map(drop)
    }

    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError> {
        Ok(self.local.bell.listen())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_rise_though_entries_go_and_the_clock_stands() {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(directory.path()).unwrap();
        let lane = Lane::from_number(3).unwrap();
        let ahead = store.local.clock.now_us() + 3_600_000_000;
        store.local.clock.pass(ahead);
        let mut last = EntryId(0, 0);
        for _ in 0..3 {
            store.enqueue(&[(lane, "x".to_owned()), (lane, "y".to_owned())]).await;
            let ids: Vec<EntryId> = store.lane_entries(lane, 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
            assert!(last < ids[0] && ids[0] < ids[1], "{last:?} {ids:?}");
            last = ids[1];
            store.finish_entries(lane, &ids, &[]).await.unwrap();
        }
    }
}
