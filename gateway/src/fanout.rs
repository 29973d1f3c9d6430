//! How does a change that many users share reach all of them? At once, or through the lanes of the store's durable queue.
//!
//! At once is quicker for a few users. Many users at once from several nodes get into each other's way, and a node that
//! dies in their middle leaves the rest undone; in a lane one node writes, all waiting changes of a user are one
//! step, and whoever takes the lane over goes on where the dead one stopped.

mod contention;
mod holding;
mod lane;

use crate::{clock, metrics::Metrics};
use contention::Contention;
use conversation_protocol::{ApiError, ErrorKind, UserId};
use conversation_store::{
    Store, StoreError, Writer,
    lanes::{Enqueued, Entry, Lane},
    rules::Change,
};
use holding::Holding;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

/// Users of one call that are written at once while other nodes are found to write the same users.
const CONTENDED_DIRECT_MAX: usize = 8;
/// Milliseconds after which a lane that was full may have room.
const FULL_RETRY_MS: u64 = 1_000;
/// How long the last batches may take when the node goes.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// The queue of this node: what it puts into lanes, and the lanes it works off.
pub struct Fanout {
    store: Arc<dyn Store>,
    writer: Writer,
    metrics: Arc<Metrics>,
    node: String,
    direct_users_max: usize,
    contention: Contention,
    /// One for each lane: it may have something to do.
    wakes: Vec<Notify>,
    /// Set once the node goes.
    stopping: watch::Sender<bool>,
    /// Set once all lanes are given up.
    stopped: watch::Sender<bool>,
}

/// What became of a change that was put into lanes.
#[derive(Debug, Default)]
pub struct Queued {
    /// How many users will have it.
    pub queued: u64,
    /// Who will not, and why; all others are not affected.
    pub failed: Vec<(UserId, ApiError)>,
}

impl Fanout {
    /// Starts to work off lanes, on the current tokio runtime.
    pub fn start(
        store: Arc<dyn Store>,
        writer: Writer,
        metrics: Arc<Metrics>,
        node: String,
        direct_users_max: usize,
    ) -> Arc<Self> {
        let fanout = Arc::new(Self {
            store,
            writer,
            metrics,
            node,
            direct_users_max,
            contention: Contention::default(),
            wakes: Lane::all().map(|_| Notify::new()).collect(),
            stopping: watch::Sender::new(false),
            stopped: watch::Sender::new(false),
        });
        tokio::spawn(Holding::new(fanout.clone()).run());
        tokio::spawn(lane::listen(fanout.clone()));
        fanout
    }

    /// Whether a change of so many users is made at once.
    pub fn is_direct(&self, users: usize) -> bool {
        let is_contended = self.contention.is_there(clock::monotonic().as_millis() as u64);
        users <= if is_contended { self.direct_users_max.min(CONTENDED_DIRECT_MAX) } else { self.direct_users_max }
    }

    /// Puts a change into the lanes of its users; `trace` is where its call is traced.
    ///
    /// # Errors
    /// Where no lane took it; the change is not made then.
    pub async fn enqueue(
        &self,
        users: Vec<UserId>,
        change: Change,
        trace: Option<&Arc<str>>,
    ) -> Result<Queued, ApiError> {
        let change = Arc::new(change);
        let mut by_lane: BTreeMap<Lane, Vec<UserId>> = BTreeMap::new();
        for user in users {
            by_lane.entry(Lane::of(&user)).or_default().push(user);
        }
        let (mut entries, mut of_lanes) = (Vec::with_capacity(by_lane.len()), Vec::with_capacity(by_lane.len()));
        for (lane, users) in by_lane {
            let entry = Entry { users, change: change.clone(), trace: trace.cloned() };
            entries.push((lane, entry.encode().map_err(|error| crate::api::store_error(&error))?));
            of_lanes.push(entry.users);
        }
        let answers = self.store.enqueue(&entries).await;
        let mut outcome = Queued::default();
        for (users, answer) in of_lanes.into_iter().zip(answers) {
            match answer.map_err(|error| crate::api::store_error(&error)).and_then(taken) {
                Ok(()) => outcome.queued += users.len() as u64,
                Err(error) => outcome.failed.extend(users.into_iter().map(|user| (user, error.clone()))),
            }
        }
        self.metrics.fanout.queued.inc_by(outcome.queued);
        match outcome.failed.first() {
            Some((_, error)) if outcome.queued == 0 => Err(error.clone()),
            Some(_) | None => Ok(outcome),
        }
    }

    /// Gives all lanes up, so that other nodes need not wait for the end of a lease.
    pub async fn stop(&self) {
        let mut stopped = self.stopped.subscribe();
        self.stopping.send_replace(true);
        let gave_up = tokio::time::timeout(STOP_PATIENCE, stopped.wait_for(|stopped| *stopped)).await;
        if gave_up.is_err() {
            tracing::warn!("lanes were not given up in time; their leases end by themselves");
        }
    }
}

fn taken(enqueued: Enqueued) -> Result<(), ApiError> {
    match enqueued {
        Enqueued::Done => Ok(()),
        Enqueued::Full => Err(ApiError {
            retry_after_ms: Some(FULL_RETRY_MS),
            ..ApiError::new(ErrorKind::TooFrequent, "too many changes wait to be made, try again")
        }),
    }
}

/// Whether an error is that of the store's data, which no repetition mends.
fn is_corrupt(error: &StoreError) -> bool {
    match error {
        StoreError::Corrupt(_) => true,
        StoreError::Unavailable(_) => false,
    }
}
