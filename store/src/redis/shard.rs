//! What does a node have to one shard? Connections for commits, for reads and for lanes, so that a large answer or backlog
//! delays no commit.

use super::{keys::Keys, link::Link, primary::Primary, time::ServerTime};
use crate::ShardId;
use std::sync::{Mutex, PoisonError};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Commits,
    Reads,
    /// Of the lanes' holder.
    Lanes,
}

/// The connections to a shard's primary, whichever server that is.
pub(super) struct Shard {
    pub(super) id: ShardId,
    pub(super) primary: Primary,
    pub(super) time: ServerTime,
    commits: Link,
    reads: Link,
    lanes: Link,
    /// Names this value's probes among those of other nodes.
    node: u64,
    /// The bucket in whose slot the channel of the probes is, once that was asked.
    probe_bucket: Mutex<Option<u16>>,
}

impl Shard {
    /// Connections that are made in the background. Needs a runtime.
    pub(super) fn new(id: ShardId, primary: Primary, node: u64) -> Self {
        let link = |purpose| Link::new(purpose, primary.clone());
        let (commits, reads, lanes) = (link("commits"), link("reads"), link("lanes"));
        let (time, probe_bucket) = (ServerTime::default(), Mutex::default());
        Self { id, commits, reads, lanes, primary, time, node, probe_bucket }
    }

    /// The connection for a purpose.
    pub(super) fn link(&self, purpose: Purpose) -> &Link {
        match purpose {
            Purpose::Commits => &self.commits,
            Purpose::Reads => &self.reads,
            Purpose::Lanes => &self.lanes,
        }
    }

    /// The channel of the probes, in a slot of one of the shard's buckets: the same for as long as that is one of them. Its path
    /// ends when that slot moves, so it is any of them: slots that are moved in order would end it again and again.
    pub(super) fn probe_channel(&self, keys: &Keys, mut buckets: impl Iterator<Item = u16> + Clone) -> Option<String> {
        let mut chosen = self.probe_bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if chosen.is_none_or(|present| buckets.clone().all(|bucket| bucket != present)) {
            let count = buckets.clone().count();
            *chosen = buckets.nth(rand::random_range(0..count.max(1)));
        }
        chosen.map(|bucket| keys.probe_channel(bucket, self.node))
    }
}
