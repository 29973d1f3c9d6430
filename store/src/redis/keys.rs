//! Which keys of Redis hold a user's data, and in which cluster slot they lie.
//!
//! Data depend on every line of this: a user's bucket is the low 12 bits of the CRC-16 of the userID, and the tag of
//! bucket b is the smallest decimal number that Redis Cluster puts into slot 4b.

use crate::{
    bucket::{self, BUCKETS, crc16},
    lanes::Lane,
};
use conversation_protocol::UserId;
use std::sync::{Arc, OnceLock};

/// Slots of a Redis Cluster.
const SLOTS: u16 = 16_384;
/// Bytes of a store's name.
const NAME_BYTES_MAX: usize = 32;

/// The tag of every bucket.
fn tags() -> &'static [String] {
    static TAGS: OnceLock<Vec<String>> = OnceLock::new();
    TAGS.get_or_init(|| {
        let slots_per_bucket = SLOTS / BUCKETS;
        let mut tags = vec![String::new(); usize::from(BUCKETS)];
        let mut missing = tags.len();
        for number in 0_u64.. {
            let tag = number.to_string();
            let slot = crc16(tag.as_bytes()) % SLOTS;
            let place = &mut tags[usize::from(slot / slots_per_bucket)];
            if slot.is_multiple_of(slots_per_bucket) && place.is_empty() {
                *place = tag;
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
        tags
    })
}

/// What all keys and channels of a store begin with, so that several stores can be in one Redis: nothing, or a name and a
/// colon.
#[derive(Debug, Clone)]
pub(super) struct Keys(Arc<str>);

impl Keys {
    /// Those of a store without a name.
    pub(super) fn plain() -> Self {
        Self(Arc::from(""))
    }

    /// Those of a store of a name: 1 to 32 letters, digits, `.`, `_` or `-`, so that it has no tag of its own.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain);
        is_name.then(|| Self(format!("{name}:").into()))
    }

    /// Whether they are those of a store without a name.
    pub(super) fn is_plain(&self) -> bool {
        self.0.is_empty()
    }

    /// The channel of a user's hints, and what all the user's keys begin with. The tag stands before the userID, so that
    /// braces in the userID cannot move a key to another slot.
    pub(super) fn channel(&self, user: &UserId) -> String {
        format!("{}conv:{{{}}}:{user}", self.0, tag(bucket::of(user)))
    }

    /// The user whose channel this is.
    pub(super) fn user_of_channel(&self, channel: &str) -> Option<UserId> {
        let (_, user) = channel.strip_prefix(&*self.0)?.strip_prefix("conv:{")?.split_once("}:")?;
        user.parse().ok()
    }

    /// The channel of one node's probes in the slot of a bucket. It begins otherwise than what belongs to users, so that no
    /// userID leads here.
    pub(super) fn probe_channel(&self, bucket: u16, node: u64) -> String {
        format!("{}probe:{{{}}}:{node:016x}", self.0, tag(bucket))
    }

    /// The key of a user's head.
    pub(super) fn head(&self, user: &UserId) -> String {
        format!("{}:head", self.channel(user))
    }

    /// The keys of a user's rows, in the order in which the scripts expect them.
    pub(super) fn data(&self, user: &UserId) -> [String; 7] {
        data_keys(&self.channel(user))
    }

    /// The key of a user's sessions.
    pub(super) fn sessions(&self, user: &UserId) -> String {
        format!("{}:sessions", self.channel(user))
    }

    /// The stream of a lane's entries, and the channel of its wakes; in the slot of the lane's first bucket. It begins
    /// otherwise than what belongs to users, so that no userID leads here.
    pub(super) fn lane(&self, lane: Lane) -> String {
        format!("{}lane:{{{}}}:{}", self.0, tag(lane.first_bucket()), lane.number())
    }

    /// Which node holds a lane.
    pub(super) fn lane_holder(&self, lane: Lane) -> String {
        format!("{}:holder", self.lane(lane))
    }

    /// The stream of a lane's entries that could not be made.
    pub(super) fn lane_dead(&self, lane: Lane) -> String {
        format!("{}:dead", self.lane(lane))
    }

    /// The lane whose wakes come on a channel.
    pub(super) fn lane_of_channel(&self, channel: &str) -> Option<Lane> {
        let (_, number) = channel.strip_prefix(&*self.0)?.strip_prefix("lane:{")?.split_once("}:")?;
        Lane::from_number(number.parse().ok()?)
    }

    /// The live nodes by the end of their lease.
    pub(super) fn nodes(&self) -> String {
        format!("{}lane:{{{}}}:nodes", self.0, tag(NODES_BUCKET))
    }

    /// The layout of all data. It begins otherwise than what belongs to users, so that no userID leads here.
    pub(super) fn layout(&self) -> String {
        format!("{}layout:{{{}}}", self.0, tag(LAYOUT_BUCKET))
    }
}

fn tag(bucket: u16) -> &'static str {
    &tags()[usize::from(bucket)]
}

/// The slot in which everything of a bucket lies.
pub(super) fn slot_of_bucket(bucket: u16) -> u16 {
    bucket * (SLOTS / BUCKETS)
}

/// The bucket in whose slot the live nodes are.
pub(super) const NODES_BUCKET: u16 = 0;

/// The bucket in whose slot the mark of the layout is.
pub(super) const LAYOUT_BUCKET: u16 = 0;

/// The places of the keys in the KEYS of every script about rows, from 1.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Rows = 2,
    Order = 3,
    Log = 4,
    Unread = 5,
    Tombstones = 6,
    Grouped = 7,
}

/// The keys of a user's rows, in the order in which the scripts expect them.
fn data_keys(channel: &str) -> [String; 7] {
    ["head", "rows", "order", "log", "unread", "tombstones", "grouped"].map(|name| format!("{channel}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slot of a key, as the cluster specification says it.
    fn slot(key: &str) -> u16 {
        let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
        crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
    }

    #[test]
    fn bucket_b_lies_in_slot_4b_whatever_is_in_the_user_id() {
        for (bucket, tag) in tags().iter().enumerate() {
            assert_eq!(usize::from(slot(&format!("{{{tag}}}"))), 4 * bucket);
        }
        for keys in [Keys::plain(), Keys::named("chat-1").unwrap()] {
            for user in ["alice", "{}", "{x}", "}{", "a:b:head", "}:x", "ü{1}"] {
                let user: UserId = user.parse().unwrap();
                let channel = keys.channel(&user);
                for key in keys.data(&user).iter().chain([&channel, &keys.sessions(&user), &keys.head(&user)]) {
                    assert_eq!(slot(key), 4 * bucket::of(&user), "{key}");
                }
                assert_eq!(keys.user_of_channel(&channel), Some(user));
            }
        }
    }

    #[test]
    fn the_keys_of_a_lane_lie_in_the_slot_of_its_first_bucket() {
        for keys in [Keys::plain(), Keys::named("a.b_c").unwrap()] {
            for lane in Lane::all() {
                for key in [keys.lane(lane), keys.lane_holder(lane), keys.lane_dead(lane)] {
                    assert_eq!(slot(&key), 4 * 64 * lane.number(), "{key}");
                }
                assert_eq!(keys.lane_of_channel(&keys.lane(lane)), Some(lane));
            }
            assert_eq!((slot(&keys.nodes()), slot(&keys.layout())), (0, 0));
        }
        assert_eq!(Keys::plain().lane_of_channel("lane:{1}:64"), None);
    }

    #[test]
    fn what_belongs_to_a_store_of_one_name_is_not_read_by_one_of_another() {
        let (plain, named) = (Keys::plain(), Keys::named("chat").unwrap());
        let alice: UserId = "alice".parse().unwrap();
        assert_eq!(named.channel(&alice), "chat:conv:{4686}:alice");
        assert_eq!(
            (plain.user_of_channel(&named.channel(&alice)), named.user_of_channel(&plain.channel(&alice))),
            (None, None)
        );
        for name in ["", "a{1}", "a:b", "ä", &"x".repeat(33)] {
            assert!(Keys::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_layout_of_existing_data_stays() {
        let first: Vec<&str> = tags()[..4].iter().map(String::as_str).collect();
        assert_eq!(first, ["3560", "4569", "46920", "5465"]);
        assert_eq!(Keys::plain().head(&"alice".parse().unwrap()), "conv:{4686}:alice:head");
    }
}
