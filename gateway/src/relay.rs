//! How hints get from the store to the hub: one path, kept up for ever.
//!
//! When the path breaks, whoever followed it may have missed something. On the new path all users are followed anew,
//! and then every session compares its clock with the store's.

use crate::{
    compare,
    hub::{Hub, Wish},
    metrics::Metrics,
};
use conversation_protocol::UserId;
use conversation_store::{HintSink, HintStream, Store, StoreError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time};

/// Users followed at once.
const BATCH_MAX: usize = 1_000;
/// Milliseconds between attempts at a new path, at least and at most; doubled each time, with jitter.
const RETRY_MS: (u64, u64) = (50, 3_000);
/// Between pings that show the path to be alive, and sweeps of users who left.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// A ping, or a batch of subscriptions, that takes longer breaks the path.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps the path of hints up until the process ends.
pub struct Relay {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    is_connected: Arc<AtomicBool>,
}

impl Relay {
    /// A relay; the flag says whether the path stands.
    pub fn new(
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        wishes: mpsc::UnboundedReceiver<Wish>,
    ) -> (Self, Arc<AtomicBool>) {
        let is_connected = Arc::new(AtomicBool::new(false));
        (Self { store, hub, metrics, wishes, is_connected: is_connected.clone() }, is_connected)
    }

    /// Runs until the hub is gone.
    pub async fn run(mut self) {
        let mut wait_ms = RETRY_MS.0;
        let mut is_first = true;
        loop {
            match self.store.hints().await {
                Ok((sink, stream)) => {
                    wait_ms = RETRY_MS.0;
                    tracing::info!("hints: connected");
                    self.set_connected(true);
                    let Some(error) = self.keep_up(sink, stream, is_first).await else { return };
                    is_first = false;
                    self.set_connected(false);
                    self.metrics.relay_interruptions.inc();
                    tracing::warn!(%error, "hints: interrupted");
                }
                Err(error) => tracing::warn!(%error, "hints: not connected"),
            }
            time::sleep(Duration::from_millis(rand::random_range(wait_ms / 2..=wait_ms))).await;
            wait_ms = (wait_ms * 2).min(RETRY_MS.1);
        }
    }

    fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
        self.metrics.relay_connected.set(i64::from(is_connected));
    }

    /// Works on one path until it breaks; `None`: the hub is gone.
    async fn keep_up(
        &mut self,
        mut sink: Box<dyn HintSink>,
        stream: Box<dyn HintStream>,
        is_first: bool,
    ) -> Option<StoreError> {
        // Hints are delivered while users are being followed: a full path must never wait for an answer on it.
        let mut delivery = tokio::spawn(deliver(stream, self.hub.clone(), self.metrics.clone()));
        let result = tokio::select! {
            result = self.command(sink.as_mut(), is_first) => result,
            _ = &mut delivery => Err(StoreError::Unavailable("the path of hints ended".to_owned())),
        };
        delivery.abort();
        result.err()
    }

    /// Follows and unfollows; ends with an error when the path breaks, and well when the hub is gone.
    async fn command(&mut self, sink: &mut dyn HintSink, is_first: bool) -> Result<(), StoreError> {
        let users = self.hub.interrupted();
        for batch in users.chunks(BATCH_MAX) {
            self.follow(sink, batch).await?;
        }
        if !is_first {
            let (store, hub) = (self.store.clone(), self.hub.clone());
            tokio::spawn(async move { compare::compare(store.as_ref(), &hub, &users).await });
        }
        let mut sweep = time::interval(PING_INTERVAL);
        sweep.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut wishes = Vec::new();
        loop {
            tokio::select! {
                count = self.wishes.recv_many(&mut wishes, BATCH_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                    let users: Vec<UserId> = wishes.drain(..).map(|Wish::Follow(user)| user).collect();
                    self.follow(sink, &users).await?;
                }
                _ = sweep.tick() => {
                    within(sink.ping()).await?;
                    let left = self.hub.forget_left();
                    for batch in left.chunks(BATCH_MAX) {
                        within(sink.unfollow(batch)).await?;
                    }
                    // Somebody may have come back between the two: their wish came before the path was given up.
                    let back: Vec<_> = left.into_iter().filter(|user| self.hub.wants(user)).collect();
                    if !back.is_empty() {
                        self.follow(sink, &back).await?;
                    }
                    self.metrics.followed_users.set(self.hub.user_count() as i64);
                }
            }
        }
    }

    async fn follow(&self, sink: &mut dyn HintSink, users: &[UserId]) -> Result<(), StoreError> {
        within(sink.follow(users)).await?;
        self.hub.followed(users);
        Ok(())
    }
}

async fn within(command: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
    let too_slow = || StoreError::Unavailable("the path of hints did not answer in time".to_owned());
    time::timeout(COMMAND_TIMEOUT, command).await.unwrap_or_else(|_| Err(too_slow()))
}

async fn deliver(mut stream: Box<dyn HintStream>, hub: Arc<Hub>, metrics: Arc<Metrics>) {
    while let Some((user, hint)) = stream.next().await {
        metrics.hints.inc();
        hub.deliver(&user, &hint);
    }
}
