//! Which keys of Redis hold a user's data, and in which cluster slot they lie.
//!
//! Data depend on every line of this: a user's bucket is the low 12 bits of the CRC-16 of the userID, and the tag of
//! bucket b is the smallest decimal number that Redis Cluster puts into slot 4b.

use crate::{
    bucket::{self, BUCKETS, crc16},
    lanes::Lane,
};
use conversation_protocol::UserId;
use std::sync::OnceLock;

/// Slots of a Redis Cluster.
const SLOTS: u16 = 16_384;

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

/// The channel of a user's hints, and what all the user's keys begin with. The tag stands before the userID, so that
/// braces in the userID cannot move a key to another slot.
pub(super) fn channel(user: &UserId) -> String {
    format!("conv:{{{}}}:{user}", tags()[usize::from(bucket::of(user))])
}

/// The channel of one node's probes in the slot of a bucket. It begins otherwise than what belongs to users, so that no
/// userID leads here.
pub(super) fn probe_channel(bucket: u16, node: u64) -> String {
    format!("probe:{{{}}}:{node:016x}", tags()[usize::from(bucket)])
}

/// The slot in which everything of a bucket lies.
pub(super) fn slot_of_bucket(bucket: u16) -> u16 {
    bucket * (SLOTS / BUCKETS)
}

/// The user whose channel this is.
pub(super) fn user_of_channel(channel: &str) -> Option<UserId> {
    let (_, user) = channel.strip_prefix("conv:{")?.split_once("}:")?;
    user.parse().ok()
}

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
pub(super) fn data_keys(channel: &str) -> [String; 7] {
    ["head", "rows", "order", "log", "unread", "tombstones", "grouped"].map(|name| format!("{channel}:{name}"))
}

/// The key of a user's head.
pub(super) fn head_key(user: &UserId) -> String {
    format!("{}:head", channel(user))
}

/// The stream of a lane's entries, and the channel of its wakes; in the slot of the lane's first bucket. It begins
/// otherwise than what belongs to users, so that no userID leads here.
pub(super) fn lane_key(lane: Lane) -> String {
    format!("lane:{{{}}}:{}", tags()[usize::from(lane.first_bucket())], lane.number())
}

/// Which node holds a lane.
pub(super) fn lane_holder_key(lane: Lane) -> String {
    format!("{}:holder", lane_key(lane))
}

/// The stream of a lane's entries that could not be made.
pub(super) fn lane_dead_key(lane: Lane) -> String {
    format!("{}:dead", lane_key(lane))
}

/// The lane whose wakes come on a channel.
pub(super) fn lane_of_channel(channel: &str) -> Option<Lane> {
    let (_, number) = channel.strip_prefix("lane:{")?.split_once("}:")?;
    Lane::from_number(number.parse().ok()?)
}

/// The bucket in whose slot the live nodes are.
pub(super) const NODES_BUCKET: u16 = 0;

/// The live nodes by the end of their lease.
pub(super) fn nodes_key() -> String {
    format!("lane:{{{}}}:nodes", tags()[usize::from(NODES_BUCKET)])
}

/// The key of a user's sessions.
pub(super) fn sessions_key(user: &UserId) -> String {
    format!("{}:sessions", channel(user))
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
        for user in ["alice", "{}", "{x}", "}{", "a:b:head", "}:x", "ü{1}"] {
            let user: UserId = user.parse().unwrap();
            let channel = channel(&user);
            for key in data_keys(&channel).iter().chain([&channel, &sessions_key(&user), &head_key(&user)]) {
                assert_eq!(slot(key), 4 * bucket::of(&user), "{key}");
            }
            assert_eq!(user_of_channel(&channel), Some(user));
        }
    }

    #[test]
    fn the_keys_of_a_lane_lie_in_the_slot_of_its_first_bucket() {
        for lane in Lane::all() {
            for key in [lane_key(lane), lane_holder_key(lane), lane_dead_key(lane)] {
                assert_eq!(slot(&key), 4 * 64 * lane.number(), "{key}");
            }
            assert_eq!(lane_of_channel(&lane_key(lane)), Some(lane));
        }
        assert_eq!(lane_of_channel("lane:{1}:64"), None);
        assert_eq!(slot(&nodes_key()), 0);
    }

    #[test]
    fn the_layout_of_existing_data_stays() {
        let first: Vec<&str> = tags()[..4].iter().map(String::as_str).collect();
        assert_eq!(first, ["3560", "4569", "46920", "5465"]);
        assert_eq!(head_key(&"alice".parse().unwrap()), "conv:{4686}:alice:head");
    }
}
