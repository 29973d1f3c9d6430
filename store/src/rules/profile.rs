//! What the backend says about a conversation besides messages: how it is shown, and that a user joined it.

use super::{
    Effect,
    message::{MessageSent, preview},
    row::Slot,
};
use conversation_protocol::{ConversationId, GroupType, UserId, server::Profile};
use serde::{Deserialize, Serialize};

/// How a conversation is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileSet {
    /// The conversation, seen from this user.
    pub conversation_id: ConversationId,
    /// The fields that are given.
    pub profile: Profile,
    /// The kind of the group, if given.
    pub group_type: Option<GroupType>,
    /// Not greater than the last one: ignored.
    pub revision: Option<u64>,
}

/// A user joined a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// The group's conversation.
    pub conversation_id: ConversationId,
    /// The kind of the group, if given.
    pub group_type: Option<GroupType>,
    /// How the group is shown.
    pub profile: Profile,
    /// Messages up to this one do not count.
    pub seq: Option<u64>,
    /// The preview of the new row.
    pub message: Option<Box<MessageSent>>,
}

pub(super) fn profile_set(slot: &mut Slot, set: &ProfileSet) -> Effect {
    let Some(row) = slot.row() else { return Effect::Nothing };
    if let Some(revision) = set.revision {
        if revision <= row.memory.profile_revision {
            return Effect::Nothing;
        }
        row.memory.profile_revision = revision;
    }
    row.set_profile(&set.profile, set.group_type);
    Effect::Touched
}

pub(super) fn joined(slot: &mut Slot, user: &UserId, joined: &Joined) -> Effect {
    let message_seq = joined.message.as_ref().map(|sent| sent.message.seq);
    let seq = joined.seq.max(message_seq);
    match (&*slot, seq) {
        (Slot::Row(_), _) => return Effect::Nothing,
        (Slot::Tombstone(tombstone), Some(seq)) if seq <= tombstone.barrier => return Effect::Nothing,
        (Slot::Tombstone(_) | Slot::Absent, _) => {}
    }
    let (row, _) = slot.row_or_make(&joined.conversation_id);
    row.set_profile(&joined.profile, joined.group_type);
    if let Some(seq) = seq {
        row.memory.newest = row.memory.newest.max(seq);
        row.read_up_to(seq);
    }
    if let Some(sent) = &joined.message {
        row.memory.preview = row.memory.preview.max(sent.message.seq);
        row.visible.last_message = Some(preview(user, &sent.sender, &sent.message));
    }
    Effect::Activated
}
