//! What is kept of one conversation: the row that clients see, and what the rules must remember beside it.

use super::sequences::{Unread, is_zero};
use crate::{
    IndexedKind, StoreError,
    record::{Lines, corrupt_json, write_row},
};
use conversation_protocol::{
    Conversation, ConversationId, ConversationType, Facets, GroupAtInfo, GroupType, LastMessage, RecvOpt,
    conversation::PIN_BIT,
    ids::Peer,
    limits::{EARLY_CHANGES_BYTES_MAX, EARLY_CHANGES_MAX, MESSAGE_TIMES_MAX, READ_AHEAD_MAX, SEQ_LIMIT},
    server::{Message, Profile},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Range};

/// A conversation that is in the list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What clients see.
    pub(crate) visible: Conversation,
    /// The tick at which it came, or came back.
    pub(crate) created: u64,
    /// What only the rules need.
    pub(crate) memory: Memory,
}

/// What the rules remember of a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The highest seq that was seen in any way.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    pub(crate) newest: u64,
    /// How far this user has read.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub(crate) mark: u64,
    /// Only a message above this becomes the preview: the highest that was eligible, or a clear's or delete's barrier.
    #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
    pub(crate) preview: u64,
    /// No message up to this becomes the preview again: the barrier of a clear, or of a deletion of the row.
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    pub(crate) cleared: u64,
    /// The revision of the preview's content.
    #[serde(rename = "pr", default, skip_serializing_if = "is_zero")]
    pub(crate) preview_revision: u64,
    /// The revision of the profile.
    #[serde(rename = "fr", default, skip_serializing_if = "is_zero")]
    pub(crate) profile_revision: u64,
    /// What came above the mark.
    #[serde(rename = "u", default, skip_serializing_if = "Unread::is_empty")]
    pub(crate) unread: Unread,
    /// C2C: seq and time of the messages above the mark, by rising seq.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) times: Vec<(u64, u64)>,
    /// C2C: the seq of the message whose time is the row's c2cReadTimestamp.
    #[serde(rename = "rt", default, skip_serializing_if = "is_zero")]
    pub(crate) read_time_seq: u64,
    /// What came before its message, by seq.
    #[serde(rename = "e", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) early: BTreeMap<u64, Early>,
}

/// A change that came before its message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Early {
    /// The message was revoked.
    Revoked(Revocation),
    /// The message was deleted.
    Deleted,
    /// The message's content was changed.
    Modified(Box<Modification>),
}

/// Who revoked a message, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) revoker: conversation_protocol::UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A message's new content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Modification {
    pub(crate) message: Message,
    #[serde(default)]
    pub(crate) revision: Option<u64>,
}

/// What is left of a conversation that was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    /// The tick of the deletion.
    #[serde(skip)]
    pub(crate) version: u64,
    /// Messages up to this seq do not bring the row back.
    pub(crate) barrier: u64,
    /// Comes back with the row.
    pub(crate) recv_opt: RecvOpt,
}

/// One conversation of a user: never there, there, or deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    /// Nothing is kept.
    Absent,
    /// In the list.
    Row(Box<Row>),
    /// Deleted.
    Tombstone(Tombstone),
}

impl Slot {
    /// Reads what a store keeps.
    pub(crate) fn decode(value: Option<&str>) -> Result<Self, StoreError> {
        let Some(value) = value else { return Ok(Self::Absent) };
        let wrong = |error: serde_json::Error| corrupt_json("row", value, &error);
        Ok(match Lines::read(value)? {
            Lines::Row { created, visible, hidden, .. } => Self::Row(Box::new(Row {
                visible: serde_json::from_str(visible).map_err(wrong)?,
                created,
                memory: serde_json::from_str(hidden).map_err(wrong)?,
            })),
            Lines::Tombstone { version, hidden } => {
                let tombstone: Tombstone = serde_json::from_str(hidden).map_err(wrong)?;
                Self::Tombstone(Tombstone { version, ..tombstone })
            }
        })
    }

    /// Where the slot stands in a store's indexes.
    pub(crate) fn indexed(&self) -> Option<crate::Indexed> {
        match self {
            Self::Absent => None,
            Self::Row(row) => Some(crate::Indexed {
                version: row.visible.version,
                kind: IndexedKind::Row {
                    order_key: row.visible.order_key,
                    has_unread: row.has_unread(),
                    is_grouped: !row.visible.conversation_group_list.is_empty(),
                },
            }),
            Self::Tombstone(tombstone) => {
                Some(crate::Indexed { version: tombstone.version, kind: IndexedKind::Tombstone })
            }
        }
    }

    /// The row, made if it is not there; says whether it was made.
    pub(crate) fn row_or_make(&mut self, id: &ConversationId) -> (&mut Row, bool) {
        let made = match self {
            Self::Row(_) => false,
            Self::Absent => {
                *self = Self::Row(Box::new(Row::new(id, 0, RecvOpt::Receive)));
                true
            }
            Self::Tombstone(tombstone) => {
                *self = Self::Row(Box::new(Row::new(id, tombstone.barrier, tombstone.recv_opt)));
                true
            }
        };
        match self {
            Self::Row(row) => (row, made),
            Self::Absent | Self::Tombstone(_) => unreachable!("the row was just made"),
        }
    }

    /// The row, if it is there.
    pub(crate) fn row(&mut self) -> Option<&mut Row> {
        match self {
            Self::Row(row) => Some(row),
            Self::Absent | Self::Tombstone(_) => None,
        }
    }
}

impl Row {
    /// A row without messages; `barrier` is the newest seq of the deleted row it follows, or 0.
    fn new(id: &ConversationId, barrier: u64, recv_opt: RecvOpt) -> Self {
        let (user_id, group_id) = match id.peer() {
            Peer::User(user) => (Some(user), None),
            Peer::Group(group) => (None, Some(group)),
        };
        let is_c2c = id.is_c2c();
        Self {
            visible: Conversation {
                conversation_id: id.clone(),
                conversation_type: if is_c2c { ConversationType::C2c } else { ConversationType::Group },
                user_id,
                group_id,
                group_type: None,
                show_name: String::new(),
                face_url: String::new(),
                unread_count: 0,
                recv_opt,
                last_message: None,
                group_at_info_list: Vec::new(),
                draft_text: String::new(),
                draft_timestamp: 0,
                is_pinned: false,
                order_key: 0,
                mark_list: Vec::new(),
                custom_data: String::new(),
                conversation_group_list: Vec::new(),
                c2c_read_timestamp: is_c2c.then_some(0),
                group_read_sequence: (!is_c2c).then_some(barrier),
                version: 0,
            },
            created: 0,
            memory: Memory {
                newest: barrier,
                mark: barrier,
                preview: barrier,
                cleared: barrier,
                // The times of what was read before the deletion went with the row.
                read_time_seq: barrier,
                ..Memory::default()
            },
        }
    }

    /// The value to keep, and where in it the JSON stands that clients see.
    pub(crate) fn encode(&self) -> (String, Range<usize>) {
        write_row(self.visible.version, self.created, &self.facets(), &self.visible, &self.memory)
    }

    /// What filters and totals need to know of the row.
    pub(crate) fn facets(&self) -> Facets {
        Facets::of(&self.visible)
    }

    /// What the row adds to the total.
    pub(crate) fn total_share(&self) -> u64 {
        if self.visible.recv_opt == RecvOpt::Receive { self.visible.unread_count } else { 0 }
    }

    /// Whether reading everything would find something to do here: what is unread, but also what did not count.
    pub(crate) fn has_unread(&self) -> bool {
        self.memory.mark < self.memory.newest
    }

    /// Puts the row at a place in the activity order; the pin bit goes on top of it.
    pub(crate) fn set_activation(&mut self, activation: u64) {
        let pin = if self.visible.is_pinned { PIN_BIT } else { 0 };
        self.visible.order_key = (activation & !PIN_BIT) | pin;
    }

    /// Moves the read mark to `seq` if that is ahead; never back. What is after it stays unread.
    pub(crate) fn read_up_to(&mut self, seq: u64) {
        if seq <= self.memory.mark {
            return;
        }
        self.memory.mark = seq;
        self.memory.unread.read_up_to(seq);
        self.visible.unread_count = self.memory.unread.count();
        self.visible.group_at_info_list.retain(|info| info.seq > seq);
        if let Some(mark) = &mut self.visible.group_read_sequence {
            *mark = seq;
        }
        let read = self.memory.times.partition_point(|(message_seq, _)| *message_seq <= seq);
        let newest_read = self.memory.times.drain(..read).next_back();
        if let Some((message_seq, timestamp)) = newest_read {
            self.set_read_time(message_seq, timestamp);
        }
    }

    /// The newest message at or below the mark is known by its time.
    fn set_read_time(&mut self, seq: u64, timestamp: u64) {
        if seq > self.memory.read_time_seq {
            self.memory.read_time_seq = seq;
            self.visible.c2c_read_timestamp = Some(timestamp);
        }
    }

    /// Remembers when a C2C message was sent; past 256 the oldest is forgotten.
    pub(crate) fn remember_time(&mut self, seq: u64, timestamp: u64) {
        if !self.visible.conversation_id.is_c2c() {
            return;
        }
        if seq <= self.memory.mark {
            self.set_read_time(seq, timestamp);
            return;
        }
        let times = &mut self.memory.times;
        if let Err(index) = times.binary_search_by_key(&seq, |(message_seq, _)| *message_seq) {
            times.insert(index, (seq, timestamp));
            if times.len() > MESSAGE_TIMES_MAX {
                times.remove(0);
            }
        }
    }

    /// The seq up to which a read reaches: up to 1,000 ahead of the newest is remembered, further, or where no message
    /// can be, means the newest.
    pub(crate) fn mark_for_sequence(&self, seq: u64) -> u64 {
        let ahead = self.memory.newest + READ_AHEAD_MAX;
        if seq > ahead || seq >= SEQ_LIMIT { self.memory.newest } else { seq }
    }

    /// The newest message that is not after a time; `None`: nothing above the mark is.
    pub(crate) fn mark_for_time(&self, timestamp: u64) -> Option<u64> {
        self.memory.times.iter().rev().find(|(_, sent)| *sent <= timestamp).map(|(seq, _)| *seq)
    }

    /// Keeps a change for a message that has not come; past 64 the lowest seq is forgotten.
    pub(crate) fn remember_early(&mut self, seq: u64, early: Early) {
        let kept = &mut self.memory.early;
        kept.insert(seq, early);
        let bytes = |early: &Early| match early {
            Early::Revoked(revocation) => 64 + revocation.reason.as_ref().map_or(0, String::len),
            Early::Deleted => 32,
            Early::Modified(modification) => {
                let message = &modification.message;
                let texts = [&message.text, &message.nick_name, &message.face_url, &message.cloud_custom_data];
                let texts = texts.into_iter().chain(&message.at_user_list);
                256 + texts.map(String::len).sum::<usize>()
            }
        };
        while kept.len() > EARLY_CHANGES_MAX
            || (kept.len() > 1 && kept.values().map(bytes).sum::<usize>() > EARLY_CHANGES_BYTES_MAX)
        {
            kept.pop_first();
        }
    }

    /// Whether a message may still come that would count or become the preview.
    pub(crate) fn may_still_matter(&self, seq: u64) -> bool {
        let memory = &self.memory;
        if seq > memory.mark { !memory.unread.has_seen(seq) } else { seq > memory.preview }
    }

    /// A message above the mark counts no more, if it did, and its mention goes.
    pub(crate) fn uncount(&mut self, seq: u64) {
        if seq > self.memory.mark && self.memory.unread.has_seen(seq) {
            self.memory.unread.revoke(seq);
            self.visible.unread_count = self.memory.unread.count();
            self.visible.group_at_info_list.retain(|info| info.seq != seq);
        }
    }

    /// Takes over the fields of a profile that are given.
    pub(crate) fn set_profile(&mut self, profile: &Profile, group_type: Option<GroupType>) {
        if let Some(show_name) = &profile.show_name {
            self.visible.show_name.clone_from(show_name);
        }
        if let Some(face_url) = &profile.face_url {
            self.visible.face_url.clone_from(face_url);
        }
        if group_type.is_some() && !self.visible.conversation_id.is_c2c() {
            self.visible.group_type = group_type;
        }
    }

    /// Adds an unread mention; past the bound the oldest is forgotten.
    pub(crate) fn add_mention(&mut self, info: GroupAtInfo) {
        let list = &mut self.visible.group_at_info_list;
        let index = list.partition_point(|other| other.seq < info.seq);
        list.insert(index, info);
        if list.len() > conversation_protocol::limits::AT_INFO_MAX {
            list.remove(0);
        }
    }

    /// The preview, if it is this message.
    pub(crate) fn preview_of(&mut self, seq: u64) -> Option<&mut LastMessage> {
        self.visible.last_message.as_mut().filter(|message| message.seq == seq)
    }
}

impl Tombstone {
    /// The value to keep.
    pub(crate) fn encode(&self) -> String {
        let hidden = serde_json::to_string(self).expect("a tombstone is always JSON");
        Lines::Tombstone { version: self.version, hidden: &hidden }.write()
    }
}
