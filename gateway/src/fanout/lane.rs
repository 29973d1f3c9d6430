//! How is one lane worked off? The oldest entries together, all changes of a user in one step, until all are made.

use super::{Fanout, holding::Held, is_corrupt};
use conversation_protocol::UserId;
use conversation_store::{
    StoreError, WriteError,
    lanes::{Entry, EntryId, Lane},
    rules::Change,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time;

/// Entries that are made together; a user's changes among them are one step.
const BATCH_ENTRIES_MAX: usize = 256;
/// How often a lane is looked at though nothing woke its worker.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often a user's changes may fail by the store's data before they are kept for the operator instead. A lost race
/// and a store that is away are no failures.
const ATTEMPTS_MAX: u32 = 5;
/// Before what failed is tried again, at first and at most; doubled each time.
const RETRY_MS: (u64, u64) = (5, 1_000);

/// How long to wait before the next attempt.
struct Backoff(u64);

impl Backoff {
    fn new() -> Self {
        Self(RETRY_MS.0)
    }

    async fn pause(&mut self) {
        time::sleep(Duration::from_millis(self.0)).await;
        self.0 = (self.0 * 2).min(RETRY_MS.1);
    }
}

/// Passes wakes on to the workers until the process ends.
pub(super) async fn listen(fanout: Arc<Fanout>) {
    loop {
        match fanout.store.lane_wakes().await {
            Ok(mut wakes) => {
                // What came before the path stood is found now.
                fanout.wakes.iter().for_each(|wake| wake.notify_one());
                while let Some(lane) = wakes.next().await {
                    fanout.wakes[usize::from(lane.number())].notify_one();
                }
            }
            Err(error) => tracing::debug!(%error, "wakes of lanes: not connected"),
        }
        time::sleep(LOOK_INTERVAL).await;
    }
}

/// Works a lane off as long as it is this node's.
pub(super) async fn work_off(fanout: Arc<Fanout>, lane: Lane, held: Arc<Held>) {
    let mut backoff = Backoff::new();
    while held.is_ours() {
        match fanout.store.lane_entries(lane, BATCH_ENTRIES_MAX).await {
            Ok(entries) if entries.is_empty() => {
                let woken = fanout.wakes[usize::from(lane.number())].notified();
                let _ = time::timeout(LOOK_INTERVAL, woken).await;
            }
            Ok(entries) => {
                backoff = Backoff::new();
                let ids: Vec<EntryId> = entries.iter().map(|(id, _)| *id).collect();
                let (batch, mut dead) = Batch::of(entries);
                let Some(failed) = make(&fanout, &held, batch).await else { return };
                dead.extend(failed);
                if !finish(&fanout, &held, lane, &ids, &dead).await {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, lane = lane.number(), "a lane cannot be read");
                backoff.pause().await;
            }
        }
    }
}

/// What is to be made, by user; the changes of each in the order of their entries.
struct Batch(BTreeMap<UserId, Vec<Queued>>);

/// A change of a user that comes from an entry.
#[derive(Clone)]
struct Queued {
    entry: EntryId,
    change: Arc<Change>,
    trace: Option<Arc<str>>,
}

impl Batch {
    /// Reads entries; those that cannot be read as they are.
    fn of(entries: Vec<(EntryId, String)>) -> (Self, Vec<String>) {
        let (mut by_user, mut dead): (BTreeMap<UserId, Vec<_>>, _) = (BTreeMap::new(), Vec::new());
        for (entry, text) in entries {
            match Entry::decode(&text) {
                Ok(Entry { users, change, trace }) => {
                    for user in users {
                        by_user.entry(user).or_default().push(Queued {
                            entry,
                            change: change.clone(),
                            trace: trace.clone(),
                        });
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "an entry of a lane cannot be read, and is kept aside");
                    dead.push(text);
                }
            }
        }
        (Self(by_user), dead)
    }
}

/// Makes a batch, whatever it takes; the entries that could not be made, or `None` if the lane was lost meanwhile.
async fn make(fanout: &Fanout, held: &Held, batch: Batch) -> Option<Vec<String>> {
    let (mut pending, mut dead, mut attempts) = (batch.0, Vec::new(), HashMap::<UserId, u32>::new());
    let mut backoff = Backoff::new();
    loop {
        if !held.is_ours() {
            return None;
        }
        let mut flat = Vec::new();
        for (user, changes) in &pending {
            flat.extend(
                changes
                    .iter()
                    .cloned()
                    .map(|Queued { entry, change, trace }| (user.clone(), Change::Queued { entry, change, trace })),
            );
        }
        let mut outcomes = fanout.writer.apply_all(flat).await.into_iter();
        let mut again = BTreeMap::new();
        for (user, changes) in pending {
            let mut failure = None;
            for outcome in outcomes.by_ref().take(changes.len()) {
                match outcome {
                    Ok(_) | Err(WriteError::Refused(_)) => {}
                    Err(error @ (WriteError::Contended | WriteError::Store(_))) => failure = Some(error),
                }
            }
            let Some(error) = failure else { continue };
            if is_poison(&error, attempts.entry(user.clone()).or_default()) {
                tracing::error!(%error, changes = changes.len(), "changes of a user cannot be made, and are kept aside");
                let aside = |Queued { change, trace, .. }| Entry { users: vec![user.clone()], change, trace }.encode();
                dead.extend(changes.into_iter().map(aside).filter_map(Result::ok));
            } else {
                again.insert(user, changes);
            }
        }
        if again.is_empty() {
            return Some(dead);
        }
        pending = again;
        backoff.pause().await;
    }
}

/// Counts a failure that lies in the store's data; whether it came too often.
fn is_poison(error: &WriteError, attempts: &mut u32) -> bool {
    match error {
        WriteError::Store(error) if is_corrupt(error) => *attempts += 1,
        WriteError::Store(_) | WriteError::Contended | WriteError::Refused(_) => {}
    }
    *attempts >= ATTEMPTS_MAX
}

/// Removes what is done from the lane; false if the lane was lost meanwhile.
async fn finish(fanout: &Fanout, held: &Held, lane: Lane, done: &[EntryId], dead: &[String]) -> bool {
    let mut backoff = Backoff::new();
    loop {
        match fanout.store.finish_entries(lane, done, dead).await {
            Ok(()) => {
                fanout.metrics.fanout.entries.inc_by(done.len() as u64);
                fanout.metrics.fanout.dead.inc_by(dead.len() as u64);
                return true;
            }
            Err(StoreError::Corrupt(error)) => {
                tracing::error!(error, lane = lane.number(), "entries of a lane cannot be removed");
                return false;
            }
            Err(StoreError::Unavailable(_)) if held.is_ours() => {}
            Err(StoreError::Unavailable(_)) => return false,
        }
        backoff.pause().await;
    }
}
