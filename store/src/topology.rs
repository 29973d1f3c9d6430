//! Which users lie together on one server? One shard of a Redis Cluster, or all of them in any other store.

use crate::bucket::{self, BUCKETS};
use conversation_protocol::UserId;
use std::sync::Arc;
use tokio::sync::watch;

/// Names a shard for as long as the store is open, whatever server is its primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The one shard of a store that has no others.
    pub const ONLY: Self = Self(0);
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Which one.
    pub id: ShardId,
    /// Where it is, for people: the address of its primary, or the kind of store.
    pub place: String,
}

/// The shards there are, and whose data are in which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    shards: Arc<[Shard]>,
    /// For each bucket; empty where there is only one shard.
    by_bucket: Arc<[ShardId]>,
}

impl Topology {
    /// One shard for everybody.
    pub(crate) fn single(place: impl Into<String>) -> Self {
        let only = Shard { id: ShardId::ONLY, place: place.into() };
        Self { shards: Arc::from([only]), by_bucket: Arc::from([]) }
    }

    /// Several shards, with the one of each bucket.
    pub(crate) fn of_shards(shards: Vec<Shard>, by_bucket: Vec<ShardId>) -> Self {
        debug_assert_eq!(by_bucket.len(), usize::from(BUCKETS));
        Self { shards: shards.into(), by_bucket: by_bucket.into() }
    }

    /// The same for ever, to be watched.
    pub(crate) fn constant(self) -> watch::Receiver<Self> {
        watch::channel(self).1
    }

    /// The same, but for one bucket.
    pub(crate) fn with(&self, bucket: u16, shard: ShardId) -> Self {
        let mut by_bucket = self.by_bucket.to_vec();
        if let Some(of_bucket) = by_bucket.get_mut(usize::from(bucket)) {
            *of_bucket = shard;
        }
        Self { shards: self.shards.clone(), by_bucket: by_bucket.into() }
    }

    /// The buckets of a shard.
    pub(crate) fn buckets_of(&self, shard: ShardId) -> impl Iterator<Item = u16> + Clone + '_ {
        (0..BUCKETS).filter(move |bucket| self.shard_of_bucket(*bucket) == shard)
    }

    /// All shards, in the order of their ids.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard of a user.
    pub fn shard_of(&self, user: &UserId) -> ShardId {
        if self.by_bucket.is_empty() { ShardId::ONLY } else { self.shard_of_bucket(bucket::of(user)) }
    }

    /// The shard of a bucket.
    pub(crate) fn shard_of_bucket(&self, bucket: u16) -> ShardId {
        self.by_bucket.get(usize::from(bucket)).copied().unwrap_or(ShardId::ONLY)
    }
}
