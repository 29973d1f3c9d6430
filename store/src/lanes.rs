//! What is the durable queue for fan-out? 64 lanes, each worked off in order by one node at a time.
//!
//! A change that many users share is put into the lanes of its users, one entry for each lane, and is done once the
//! node that holds the lane has made it. Whoever holds a lane has it for the time of a lease; a dead node's lanes go to
//! others. An entry is removed once it is done for all its users, so that whoever takes a lane over begins with the
//! oldest entry that may not be done. A user's head keeps the last entry that was made ([`crate::record::StoredHead`]),
//! so that a former holder who was frozen in the middle changes nothing when it thaws.

use crate::{StoreError, bucket, rules::Change};
use async_trait::async_trait;
use conversation_protocol::UserId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Lanes of a store.
pub const LANES: u16 = 64;
const BUCKETS_PER_LANE: u16 = bucket::BUCKETS / LANES;
/// Entries of one lane; more are refused.
pub const LANE_ENTRIES_MAX: u64 = 100_000;
/// Milliseconds that the oldest entry of a lane may have waited; while it has waited longer, more are refused.
pub const LANE_AGE_MAX_MS: u64 = 10_000;
/// Entries that could not be made and are kept for the operator; past it the oldest go.
pub const DEAD_ENTRIES_MAX: u64 = 10_000;

/// One lane, below [`LANES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(u16);

impl Lane {
    /// The lane of a user.
    pub fn of(user: &UserId) -> Self {
        Self(bucket::of(user) / BUCKETS_PER_LANE)
    }

    /// The first of its buckets.
    pub(crate) fn first_bucket(self) -> u16 {
        self.0 * BUCKETS_PER_LANE
    }

    /// All lanes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LANES).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The lane of a number, if there is one.
    pub fn from_number(number: u16) -> Option<Self> {
        (number < LANES).then_some(Self(number))
    }
}

/// Where an entry stands in its lane: milliseconds since 1970 on the store's clock, and a number among those of the
/// same millisecond. Rises with every entry of a lane, also where the clock steps back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryId(pub u64, pub u64);

impl EntryId {
    /// The id of an entry that comes at this time, where `self` is the last that was given.
    pub(crate) const fn next(self, now_ms: u64) -> Self {
        let Self(last_ms, last_number) = self;
        if now_ms > last_ms { Self(now_ms, 0) } else { Self(last_ms, last_number + 1) }
    }
}

/// A change that several users of one lane share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose rows change.
    pub users: Vec<UserId>,
    /// How.
    pub change: Arc<Change>,
    /// Where the call is traced: its W3C traceparent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<str>>,
}

impl Entry {
    /// The value to keep.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a change that never goes through lanes.
    pub fn encode(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|error| StoreError::Corrupt(format!("a change for a lane: {error}")))
    }

    /// Reads a value.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not one of ours.
    pub fn decode(value: &str) -> Result<Self, StoreError> {
        serde_json::from_str(value).map_err(|error| crate::record::corrupt_json("an entry", value, &error))
    }
}

/// Whether a lane took an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It will be done, as far as the store keeps what it confirmed.
    Done,
    /// The lane has too many entries, or too old ones.
    Full,
}

/// What waits in a lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that are not done.
    pub entries: u64,
    /// Milliseconds that the oldest of them has waited.
    pub oldest_ms: u64,
}

/// Tells which lanes have something to do. A wake may be lost, so lanes must be looked at now and then.
#[async_trait]
pub trait LaneWakes: Send {
    /// The next lane that was empty and has an entry now; `None` once the path is broken.
    async fn next(&mut self) -> Option<Lane>;
}

/// The durable queue of a store.
#[async_trait]
pub trait LaneQueue: Send + Sync {
    /// Puts an entry into each of some lanes; one answer per entry, in order.
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>>;

    /// Says that a node lives, for `lease_ms`; answers how many live nodes there are, this one included.
    async fn count_nodes(&self, node: &str, lease_ms: u64) -> Result<u64, StoreError>;

    /// Takes or renews lanes for `lease_ms`; answers those that the node holds now. A lane of another one is left to it.
    async fn hold_lanes(&self, node: &str, lanes: &[Lane], lease_ms: u64) -> Result<Vec<Lane>, StoreError>;

    /// Gives up lanes that the node holds.
    async fn release_lanes(&self, node: &str, lanes: &[Lane]) -> Result<(), StoreError>;

    /// The oldest entries of a lane, in order.
    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError>;

    /// What waits in each of some lanes, in order.
    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError>;

    /// Removes entries of a lane that are done; keeps `dead` for the operator.
    async fn finish_entries(&self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StoreError>;

    /// A new path for wakes.
    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{MessageRevoked, ReadUpTo};
    use conversation_protocol::method::ReadScope;

    #[test]
    fn users_spread_over_all_lanes() {
        let mut counts = vec![0; usize::from(LANES)];
        for number in 0..6_400 {
            counts[usize::from(Lane::of(&format!("user{number}").parse().unwrap()).number())] += 1;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 50 && *most < 150, "between {least} and {most} users where 100 are expected");
    }

    #[test]
    fn an_entry_survives_its_text_and_a_clients_change_never_becomes_one() {
        let revoked = MessageRevoked {
            conversation_id: "group_g".parse().unwrap(),
            seq: 7,
            revoker: "a".parse().unwrap(),
            reason: None,
        };
        let users = vec!["a".parse().unwrap(), "b".parse().unwrap()];
        let entry = Entry { users, change: Arc::new(Change::Revoked(Arc::new(revoked))), trace: None };
        assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
        let read = Change::Read(ReadScope::All, ReadUpTo { timestamp: 0, sequence: 0 });
        assert!(Entry { change: Arc::new(read), ..entry }.encode().is_err());
        let error = Entry::decode("secret").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn entries_are_ordered_by_time_then_number() {
        assert!(EntryId(1, 9) < EntryId(2, 0) && EntryId(2, 0) < EntryId(2, 1));
    }
}
