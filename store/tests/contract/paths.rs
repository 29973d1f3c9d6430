//! A path for hints, as a queue that a test takes from: one path for each shard of the store, together.

use async_trait::async_trait;
use conversation_protocol::UserId;
use conversation_store::{HintReceiver, HintSink, HintsEnd, ShardId, Store, StoreError, Told, Topology, Wakes};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// What came on a path, in order.
pub(super) struct HintQueue {
    received: mpsc::UnboundedReceiver<Told>,
    ends: Vec<HintsEnd>,
}

impl HintQueue {
    /// What comes next; `None` once the path has ended.
    pub(super) async fn next(&mut self) -> Option<Told> {
        let told = self.received.recv().await;
        if told.is_none() {
            for end in self.ends.drain(..) {
                end.reached().await;
            }
        }
        told
    }
}

struct Queue(mpsc::UnboundedSender<Told>);

impl HintReceiver for Queue {
    fn told(&self, told: Told, _: &mut Wakes) {
        // A test that reads no more does not care.
        let _ = self.0.send(told);
    }
}

/// The sinks of all shards.
struct Sinks {
    topology: watch::Receiver<Topology>,
    of_shards: BTreeMap<ShardId, Box<dyn HintSink>>,
}

impl Sinks {
    fn by_shard(&self, users: &[UserId]) -> BTreeMap<ShardId, Vec<UserId>> {
        let mut by_shard: BTreeMap<ShardId, Vec<UserId>> = BTreeMap::new();
        for user in users {
            by_shard.entry(self.topology.borrow().shard_of(user)).or_default().push(user.clone());
        }
        by_shard
    }
}

#[async_trait]
impl HintSink for Sinks {
    async fn follow(&mut self, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let mut moved = Vec::new();
        for (shard, users) in self.by_shard(users) {
            moved.extend(self.of_shards.get_mut(&shard).unwrap().follow(&users).await?);
        }
        Ok(moved)
    }

    async fn unfollow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        for (shard, users) in self.by_shard(users) {
            self.of_shards.get_mut(&shard).unwrap().unfollow(&users).await?;
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), StoreError> {
        for sink in self.of_shards.values_mut() {
            sink.ping().await?;
        }
        Ok(())
    }
}

/// Opens a path.
pub(super) async fn open(store: &dyn Store) -> Result<(Box<dyn HintSink>, HintQueue), StoreError> {
    let (queue, received) = mpsc::unbounded_channel();
    let receiver = Arc::new(Queue(queue));
    let topology = store.topology();
    let shards = topology.borrow().shards().to_vec();
    let (mut of_shards, mut ends) = (BTreeMap::new(), Vec::new());
    for shard in shards {
        let (sink, end) = store.hints(shard.id, receiver.clone()).await?;
        of_shards.insert(shard.id, sink);
        ends.push(end);
    }
    Ok((Box::new(Sinks { topology, of_shards }), HintQueue { received, ends }))
}

/// The shard of a user.
pub(super) fn shard_of(store: &dyn Store, user: &UserId) -> ShardId {
    store.topology().borrow().shard_of(user)
}
