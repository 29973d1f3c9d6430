//! Which shards need a relay? Each one there is; a user's wish goes to the relay of the user's shard.

use crate::{
    clock,
    hub::{Hub, Wish},
    metrics::Metrics,
    path::{HintPath, ShardPath},
    relay::Relay,
};
use conversation_store::{Shard, ShardId, Store, Topology};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{mpsc, watch};

/// Wishes that are handed on together.
const BATCH_MAX: usize = 1_000;

/// The paths of all shards.
#[derive(Default)]
pub struct Paths(RwLock<BTreeMap<ShardId, ShardPath>>);

impl Paths {
    /// Those there are now, by the shards' ids.
    pub fn all(&self) -> Vec<ShardPath> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn set(&self, paths: BTreeMap<ShardId, ShardPath>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = paths;
    }
}

/// The relays of all shards.
pub struct Relays {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    paths: Arc<Paths>,
    /// What each relay is told; it ends when this is dropped.
    running: BTreeMap<ShardId, mpsc::UnboundedSender<Wish>>,
}

impl Relays {
    /// Starts relays for the shards there are, on the current tokio runtime; they run until the hub is gone.
    pub fn start(
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        wishes: mpsc::UnboundedReceiver<Wish>,
    ) -> Arc<Paths> {
        let paths = Arc::new(Paths::default());
        let mut topology = store.topology();
        let mut relays = Self { store, hub, metrics, wishes, paths: paths.clone(), running: BTreeMap::new() };
        relays.adapt(&topology.borrow_and_update());
        tokio::spawn(relays.run(topology));
        paths
    }

    async fn run(mut self, mut topology: watch::Receiver<Topology>) {
        let mut wishes = Vec::new();
        loop {
            tokio::select! {
                count = self.wishes.recv_many(&mut wishes, BATCH_MAX) => {
                    if count == 0 {
                        return;
                    }
                    for wish in wishes.drain(..) {
                        match self.running.get(&wish.shard) {
                            // A relay ends after its wishes.
                            Some(relay) => drop(relay.send(wish)),
                            // The shard has gone since.
                            None => self.hub.moved(&wish.user, wish.shard),
                        }
                    }
                }
                () = changed(&mut topology) => {
                    self.adapt(&topology.borrow_and_update());
                    self.hub.look_for_moved();
                }
            }
        }
    }

    /// Makes relays for new shards, and lets those of old ones end.
    fn adapt(&mut self, topology: &Topology) {
        let mut known: BTreeMap<ShardId, ShardPath> =
            self.paths.all().into_iter().map(|path| (path.shard.id, path)).collect();
        let mut paths = BTreeMap::new();
        for shard in topology.shards() {
            let path = match known.remove(&shard.id) {
                Some(known) => ShardPath { shard: shard.clone(), ..known },
                None => self.begin(shard),
            };
            paths.insert(shard.id, path);
        }
        for gone in known.keys() {
            self.running.remove(gone);
            self.metrics.relay.forget(*gone);
        }
        self.paths.set(paths);
    }

    fn begin(&mut self, shard: &Shard) -> ShardPath {
        let path = Arc::new(HintPath::new(clock::monotonic()));
        let shown = Arc::new(self.metrics.relay.of(shard.id));
        let path = ShardPath { shard: shard.clone(), path, shown };
        let (relay, wishes) = mpsc::unbounded_channel();
        let (store, hub, metrics) = (self.store.clone(), self.hub.clone(), self.metrics.clone());
        tokio::spawn(Relay::new(&path, store, hub, metrics, wishes).run());
        self.running.insert(shard.id, relay);
        path
    }
}

/// Waits until the shards are others; for ever where they never are.
async fn changed(topology: &mut watch::Receiver<Topology>) {
    if topology.changed().await.is_err() {
        std::future::pending().await
    }
}
