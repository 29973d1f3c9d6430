//! Which shards are there, and which is a bucket's? One for ever, or those of a cluster, as that says it.

use super::{endpoint::Endpoint, primary::Primary, shard::Shard, slots::Slots};
use crate::{ShardId, StoreError, Topology, bucket::BUCKETS, topology::Shard as Told};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{Notify, watch};

/// All shards of a store.
pub(super) struct Shards {
    members: RwLock<BTreeMap<ShardId, Member>>,
    topology: watch::Sender<Topology>,
    /// Told where the shards of a cluster may be elsewhere.
    pub(super) doubts: Arc<Notify>,
    node: u64,
}

struct Member {
    shard: Arc<Shard>,
    /// Of a shard of a cluster: the node that is its primary, and where that is.
    primary: Option<(String, watch::Sender<Endpoint>)>,
}

impl Shards {
    /// One shard, whose place is known.
    pub(super) fn single(primary: Primary) -> Self {
        let place = primary.endpoint().shown();
        let node = rand::random();
        let shard = Arc::new(Shard::new(ShardId::ONLY, primary, node));
        let members = BTreeMap::from([(ShardId::ONLY, Member { shard, primary: None })]);
        let topology = watch::Sender::new(Topology::single(place));
        Self { members: RwLock::new(members), topology, doubts: Arc::default(), node }
    }

    /// Those of a cluster.
    pub(super) fn of_cluster(slots: &Slots) -> Self {
        let topology = watch::Sender::new(Topology::single(""));
        let shards = Self { members: RwLock::default(), topology, doubts: Arc::default(), node: rand::random() };
        shards.update(slots);
        shards
    }

    /// What everybody may know of them.
    pub(super) fn topology(&self) -> watch::Receiver<Topology> {
        self.topology.subscribe()
    }

    /// The shard of an id, if there is one.
    pub(super) fn get(&self, id: ShardId) -> Result<Arc<Shard>, StoreError> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let member = members.get(&id).or_else(|| members.values().next());
        member.map(|member| member.shard.clone()).ok_or_else(|| StoreError::Unavailable("redis: no shard".to_owned()))
    }

    /// The shard of a bucket.
    pub(super) fn of_bucket(&self, bucket: u16) -> Result<Arc<Shard>, StoreError> {
        let id = self.topology.borrow().shard_of_bucket(bucket);
        self.get(id)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Shard>> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        members.values().map(|member| member.shard.clone()).collect()
    }

    /// The shard whose primary is at an address.
    pub(super) fn at(&self, host: &str, port: u16) -> Option<Arc<Shard>> {
        self.all().into_iter().find(|shard| shard.primary.endpoint().place() == (host, port))
    }

    /// A server says that a bucket is in another shard by now.
    pub(super) fn moved(&self, bucket: u16, to: ShardId) {
        self.topology.send_if_modified(|topology| {
            let has_moved = topology.shard_of_bucket(bucket) != to;
            if has_moved {
                *topology = topology.with(bucket, to);
            }
            has_moved
        });
    }

    /// Takes up what a cluster says of itself. A new primary of what was a shard's slots is that shard's primary.
    pub(super) fn update(&self, slots: &Slots) {
        let known = self.topology.borrow().clone();
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        let mut by_primary: BTreeMap<&str, ShardId> = BTreeMap::new();
        for (id, member) in members.iter() {
            if let Some((node, _)) = &member.primary
                && slots.primaries.contains_key(node)
            {
                by_primary.insert(slots.primaries.get_key_value(node).map_or("", |(node, _)| node), *id);
            }
        }
        let taken: Vec<ShardId> = by_primary.values().copied().collect();
        let mut free: Vec<ShardId> = members.keys().copied().filter(|id| !taken.contains(id)).collect();
        for (node, endpoint) in &slots.primaries {
            if let Some(id) = by_primary.get(node.as_str()) {
                members[id].follow(node, endpoint);
                continue;
            }
            let of_node = || (0..BUCKETS).filter(|bucket| slots.primary_of(*bucket) == Some(node));
            let most = free
                .iter()
                .copied()
                .max_by_key(|id| of_node().filter(|bucket| known.shard_of_bucket(*bucket) == *id).count());
            let successor = most.filter(|id| of_node().any(|bucket| known.shard_of_bucket(bucket) == *id));
            let id = match successor {
                Some(id) => {
                    free.retain(|other| *other != id);
                    if let Some(member) = members.get_mut(&id) {
                        member.primary = member.primary.take().map(|(_, place)| (node.clone(), place));
                        member.follow(node, endpoint);
                    }
                    id
                }
                None => {
                    let id = ShardId(members.keys().next_back().map_or(0, |last| last.0 + 1));
                    members.insert(id, Member::new(id, node, endpoint, &self.doubts, self.node));
                    id
                }
            };
            by_primary.insert(node, id);
        }
        let by_bucket: Vec<ShardId> = (0..BUCKETS)
            .map(|bucket| {
                let now = slots.primary_of(bucket).and_then(|node| by_primary.get(node.as_str()));
                // What nobody serves at the moment is where it was.
                now.copied().unwrap_or_else(|| known.shard_of_bucket(bucket))
            })
            .collect();
        members.retain(|id, _| by_bucket.contains(id));
        let told = members.iter().map(|(id, member)| Told { id: *id, place: member.shard.primary.endpoint().shown() });
        let topology = Topology::of_shards(told.collect(), by_bucket);
        // Nobody holds both: whoever asks for a bucket looks at one after the other.
        drop(members);
        self.topology.send_if_modified(|known| {
            let is_news = *known != topology;
            *known = topology;
            is_news
        });
    }
}

impl Member {
    fn new(id: ShardId, node: &str, endpoint: &Endpoint, doubts: &Arc<Notify>, this: u64) -> Self {
        let (place, places) = watch::channel(endpoint.clone());
        let shard = Arc::new(Shard::new(id, Primary::new(places, doubts.clone()), this));
        Self { shard, primary: Some((node.to_owned(), place)) }
    }

    /// Its primary is there.
    fn follow(&self, node: &str, endpoint: &Endpoint) {
        if let Some((_, place)) = &self.primary {
            place.send_if_modified(|known| {
                let has_moved = *known != *endpoint;
                if has_moved {
                    tracing::info!(
                        shard = self.shard.id.0,
                        node,
                        primary = endpoint.shown(),
                        "redis: a shard has another primary"
                    );
                    *known = endpoint.clone();
                }
                has_moved
            });
        }
    }
}
