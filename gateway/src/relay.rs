//! How hints get from a shard of the store to the hub: one path, kept up for ever, and probed for as long as it stands.
//!
//! When the path breaks, or does not deliver what the store takes, whoever followed it may have missed something. On the
//! new path all users are followed anew, and then every session compares its clock with the store's.

use crate::{
    clock, compare,
    hub::{Hub, Wish},
    metrics::{Metrics, PathMetrics},
    path::{HintPath, PROBE_INTERVAL, ShardPath},
    session::GapCause,
};
use conversation_protocol::UserId;
use conversation_store::{HintReceiver, HintSink, HintsEnd, ShardId, Store, StoreError, Told, Wakes};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time};

/// Users followed at once.
const BATCH_MAX: usize = 1_000;
/// Milliseconds between attempts at a new path, at least and at most; doubled each time, with jitter.
const RETRY_MS: (u64, u64) = (50, 3_000);
/// Between pings that show the path to be alive, and sweeps of users who left.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Between two looks whether probes come.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Before a user is followed again who was not where it was thought: by then it is known where.
const MOVE_PAUSE: Duration = Duration::from_millis(100);
/// A ping, or a batch of subscriptions, that takes longer breaks the path.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps the path of a shard's hints up until nobody wishes for anything any more.
pub struct Relay {
    shard: ShardId,
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    shown: Arc<PathMetrics>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    path: Arc<HintPath>,
}

impl Relay {
    /// A relay; the path of the shard says how it stands.
    pub fn new(
        of: &ShardPath,
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        wishes: mpsc::UnboundedReceiver<Wish>,
    ) -> Self {
        let ShardPath { shard, path, shown } = of;
        Self { shard: shard.id, store, hub, metrics, shown: shown.clone(), wishes, path: path.clone() }
    }

    /// Runs until the shard or the hub is gone.
    pub async fn run(mut self) {
        let mut wait_ms = RETRY_MS.0;
        let mut is_first = true;
        loop {
            let (hub, metrics, path) = (self.hub.clone(), self.metrics.clone(), self.path.clone());
            let delivery = Delivery { shard: self.shard, hub, metrics, path };
            match self.store.hints(self.shard, Arc::new(delivery)).await {
                Ok((sink, end)) => {
                    tracing::info!(shard = self.shard.0, "hints: connected");
                    self.path.opened();
                    self.shown.connected.set(1);
                    let Some(error) = self.keep_up(sink, end, is_first).await else { return };
                    is_first = false;
                    if self.path.was_proven() {
                        wait_ms = RETRY_MS.0;
                    }
                    self.path.interrupted();
                    self.shown.connected.set(0);
                    self.shown.interruptions.inc();
                    tracing::warn!(%error, shard = self.shard.0, "hints: interrupted");
                }
                Err(error) => tracing::warn!(%error, shard = self.shard.0, "hints: not connected"),
            }
            time::sleep(Duration::from_millis(rand::random_range(wait_ms / 2..=wait_ms))).await;
            wait_ms = (wait_ms * 2).min(RETRY_MS.1);
        }
    }

    /// Works on one path until it breaks; `None`: the shard or the hub is gone.
    async fn keep_up(&mut self, mut sink: Box<dyn HintSink>, end: HintsEnd, is_first: bool) -> Option<StoreError> {
        let (store, hub, shown, path) = (self.store.clone(), self.hub.clone(), self.shown.clone(), self.path.clone());
        let shard = self.shard;
        let result = tokio::select! {
            result = self.command(sink.as_mut(), is_first) => result,
            () = end.reached() => Err(StoreError::Unavailable("the path of hints ended".to_owned())),
            never = probe(shard, store.as_ref(), &shown, &path) => match never {},
            error = deafness(shard, &store, &hub, &shown, &path) => Err(error),
        };
        result.err()
    }

    /// Follows and unfollows; ends with an error when the path breaks, and well when nobody wishes for anything any more.
    async fn command(&mut self, sink: &mut dyn HintSink, is_first: bool) -> Result<(), StoreError> {
        let users = self.hub.interrupted(self.shard);
        for batch in users.chunks(BATCH_MAX) {
            self.follow(sink, batch).await?;
        }
        if !is_first {
            compare_soon(&self.store, &self.hub, users);
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
                    let again = wishes.iter().filter(|wish| wish.is_again).map(|wish| wish.user.clone()).collect();
                    let users: Vec<UserId> = wishes.drain(..).map(|wish| wish.user).collect();
                    self.follow(sink, &users).await?;
                    compare_soon(&self.store, &self.hub, again);
                }
                _ = sweep.tick() => {
                    within(sink.ping()).await?;
                    let left = self.hub.forget_left(self.shard);
                    for batch in left.chunks(BATCH_MAX) {
                        within(sink.unfollow(batch)).await?;
                    }
                    // Somebody may have come back between the two: their wish came before the path was given up.
                    let back: Vec<_> = left.into_iter().filter(|user| self.hub.wants(user)).collect();
                    if !back.is_empty() {
                        self.follow(sink, &back).await?;
                    }
                }
            }
        }
    }

    async fn follow(&self, sink: &mut dyn HintSink, users: &[UserId]) -> Result<(), StoreError> {
        let elsewhere = within(sink.follow(users)).await?;
        if elsewhere.is_empty() {
            self.hub.followed(users, self.shard);
            return Ok(());
        }
        let here: Vec<UserId> = users.iter().filter(|user| !elsewhere.contains(user)).cloned().collect();
        self.hub.followed(&here, self.shard);
        let (hub, shard) = (self.hub.clone(), self.shard);
        tokio::spawn(async move {
            time::sleep(MOVE_PAUSE).await;
            elsewhere.iter().for_each(|user| hub.moved(user, shard));
        });
        Ok(())
    }
}

/// Has the clocks of users compared who may have missed something.
fn compare_soon(store: &Arc<dyn Store>, hub: &Arc<Hub>, users: Vec<UserId>) {
    if !users.is_empty() {
        let (store, hub) = (store.clone(), hub.clone());
        tokio::spawn(async move { compare::compare(store.as_ref(), &hub, &users, GapCause::Interruption).await });
    }
}

async fn within<T>(command: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let too_slow = || StoreError::Unavailable("the path of hints did not answer in time".to_owned());
    time::timeout(COMMAND_TIMEOUT, command).await.unwrap_or_else(|_| Err(too_slow()))
}

/// Takes what comes on a path to where it belongs.
struct Delivery {
    shard: ShardId,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    path: Arc<HintPath>,
}

impl HintReceiver for Delivery {
    fn told(&self, told: Told, wakes: &mut Wakes) {
        match told {
            Told::Hint(user, hint) => {
                self.metrics.delivery.hints.inc();
                self.hub.deliver(&user, &hint, wakes);
            }
            Told::Moved(user) => self.hub.moved(&user, self.shard),
            Told::Probe(sent_ms) => self.path.heard(Duration::from_millis(sent_ms)),
        }
    }
}

/// Publishes probes.
async fn probe(shard: ShardId, store: &dyn Store, shown: &PathMetrics, path: &HintPath) -> Infallible {
    let mut ticks = time::interval(PROBE_INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sent_ms = clock::monotonic().as_millis() as u64;
        match store.probe(shard, sent_ms).await {
            Ok(()) => path.published(Duration::from_millis(sent_ms)),
            Err(error) => {
                shown.probes_refused.inc();
                tracing::debug!(%error, "hints: a probe was not published");
            }
        }
    }
}

/// Ends when the path does not deliver what the store takes. Where probes come again, but not all have come, everybody
/// compares, as after an interruption.
async fn deafness(
    shard: ShardId,
    store: &Arc<dyn Store>,
    hub: &Arc<Hub>,
    shown: &PathMetrics,
    path: &HintPath,
) -> StoreError {
    loop {
        time::sleep(LOOK_INTERVAL).await;
        if path.is_deaf(clock::monotonic()) {
            shown.silences.inc();
            return StoreError::Unavailable("hints do not arrive".to_owned());
        }
        if path.take_doubt() {
            shown.silences.inc();
            tracing::warn!("hints: arrive again after a silence, in which some may have been lost");
            compare_soon(store, hub, hub.users_of(shard));
        }
    }
}
