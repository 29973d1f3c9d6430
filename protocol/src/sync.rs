//! What a sync reads from a store: heads, pages of the list, slices of the log of changes.

use crate::{
    cursor::Cursor,
    hint::RowState,
    ids::{ConversationId, DeviceId},
    limits::REPLAY_ROWS_MAX,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a store that took the place of another began to write the user anew: what the other one had written between the
/// two clocks is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u64, u64)", from = "(u64, u64)")]
pub struct Fork {
    /// The clock that was found.
    pub from: u64,
    /// The first clock after it.
    pub to: u64,
}

impl Fork {
    /// Whether a clock was read among the lost writes. One from before them knows none of them, and one from after
    /// them neither.
    pub fn has_lost(self, clock: u64) -> bool {
        self.from < clock && clock < self.to
    }
}

impl From<(u64, u64)> for Fork {
    fn from((from, to): (u64, u64)) -> Self {
        Self { from, to }
    }
}

impl From<Fork> for (u64, u64) {
    fn from(Fork { from, to }: Fork) -> Self {
        (from, to)
    }
}

/// The state of a user that belongs to no single row, as a client or a session needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The user's data set and clock; [`Cursor::EMPTY`] for a user without data.
    pub cursor: Cursor,
    /// The sum of the unread counts of the rows with receive option 0.
    pub total_unread: u64,
    /// How many rows there are.
    pub row_count: u64,
    /// The newest version of a tombstone that was purged; older cursors cannot be served.
    pub tombstone_floor: u64,
    /// Where writes were lost, in order.
    pub forks: Vec<Fork>,
    /// The names of all conversation groups (folders).
    pub group_names: Vec<String>,
    /// Tokens issued before this are refused, in microseconds since 1970; 0: none.
    pub not_before: u64,
    /// The same, for single devices.
    pub device_not_before: BTreeMap<DeviceId, u64>,
}

impl Head {
    /// The head of a user without data.
    pub fn empty() -> Self {
        Self {
            cursor: Cursor::EMPTY,
            total_unread: 0,
            row_count: 0,
            tombstone_floor: 0,
            forks: Vec::new(),
            group_names: Vec::new(),
            not_before: 0,
            device_not_before: BTreeMap::new(),
        }
    }

    /// Whether a replay from `since` is complete, where `changed` rows have changed after it.
    pub fn can_replay(&self, since: Cursor, changed: u64) -> bool {
        let in_bounds = since == Cursor::EMPTY
            || (since.epoch == self.cursor.epoch
                && since.read_at <= self.cursor.version
                && since.version >= self.tombstone_floor
                && !self.forks.iter().any(|fork| fork.has_lost(since.read_at)));
        in_bounds && changed <= REPLAY_ROWS_MAX
    }

    /// Whether a token issued at `issued_at` (microseconds since 1970; `None`: not said) was kicked, on this device.
    pub fn is_kicked(&self, device: Option<&DeviceId>, issued_at: Option<u64>) -> bool {
        let of_device = device.and_then(|device| self.device_not_before.get(device)).copied().unwrap_or(0);
        let not_before = self.not_before.max(of_device);
        not_before > 0 && issued_at.is_none_or(|issued_at| issued_at < not_before)
    }
}

/// One entry of the log of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// A row in its newest state.
    Row(RowState),
    /// A tombstone.
    Deleted {
        /// Which conversation went.
        conversation_id: ConversationId,
        /// When.
        version: u64,
    },
}

impl LogEntry {
    /// Whether it is a row, not a tombstone.
    pub fn is_row(&self) -> bool {
        match self {
            Self::Row(_) => true,
            Self::Deleted { .. } => false,
        }
    }

    /// The entry's place in the log.
    pub fn version(&self) -> u64 {
        match self {
            Self::Row(row) => row.version,
            Self::Deleted { version, .. } => *version,
        }
    }
}

/// A part of the log after a version, all read in one step with its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaySlice {
    /// The head at the time of reading.
    pub head: Head,
    /// How many entries the log had after the version asked for, those of `entries` included.
    pub changed: u64,
    /// The first of them, by rising version.
    pub entries: Vec<LogEntry>,
}

/// A part of the list, read in one step with its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The head at the time of reading.
    pub head: Head,
    /// Rows by falling orderKey.
    pub rows: Vec<RowState>,
    /// What to ask with next: the orderKey of the last row, or what was asked with.
    pub next_seq: u64,
    /// Whether nothing lies below.
    pub is_finished: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head { cursor: Cursor::new(7, 100), tombstone_floor: 20, ..Head::empty() }
    }

    #[test]
    fn a_cursor_is_served_between_the_floor_and_the_clock_of_its_own_data_set() {
        let can = |epoch, version, changed| head().can_replay(Cursor::new(epoch, version), changed);
        assert!(can(7, 20, 1) && can(7, 100, 0) && can(7, 50, 1_000));
        assert!(!can(7, 19, 1), "older than the oldest kept tombstone");
        assert!(!can(7, 101, 0), "ahead of the clock");
        assert!(!can(8, 50, 1), "another data set or user");
        assert!(!can(7, 50, 1_001), "more than 1,000 rows behind");
    }

    #[test]
    fn a_cursor_that_was_read_among_lost_writes_is_not_served_older_and_newer_ones_are() {
        let forks = vec![Fork { from: 40, to: 50 }, Fork { from: 80, to: 81 }];
        let head = Head { forks, ..head() };
        let can = |version, read_at| head.can_replay(Cursor { epoch: 7, version, read_at }, 1);
        assert!(can(40, 40) && can(50, 50) && can(80, 80) && can(81, 81));
        assert!(!can(41, 41) && !can(49, 49), "everything up to a lost write");
        assert!(!can(30, 45), "rows were left out whose newer states are lost");
        assert!(can(30, 40), "they were not lost");
        assert!(can(30, 60), "they are there, as they were written anew");
        assert!(!can(100, 101), "the store is not yet where it was");
    }

    #[test]
    fn the_cursor_of_a_user_without_data_fits_every_epoch_and_floor() {
        assert!(head().can_replay(Cursor::EMPTY, 1_000));
        assert!(!head().can_replay(Cursor::EMPTY, 1_001));
        assert!(!Head::empty().can_replay(Cursor::new(7, 5), 0));
    }

    #[test]
    fn a_kick_refuses_older_tokens_and_those_without_a_time() {
        let phone: DeviceId = "phone".parse().unwrap();
        let mut head = Head { not_before: 50, ..Head::empty() };
        head.device_not_before.insert(phone.clone(), 70);
        assert!(head.is_kicked(None, Some(49)) && !head.is_kicked(None, Some(50)) && head.is_kicked(None, None));
        assert!(head.is_kicked(Some(&phone), Some(69)) && !head.is_kicked(Some(&phone), Some(70)));
        assert!(!Head::empty().is_kicked(Some(&phone), None));
    }
}
