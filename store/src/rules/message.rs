//! What messages do to a row: sent, revoked, deleted, modified (docs/DOMAIN.md, 3 and 4).

use super::{
    Effect,
    row::{Early, Modification, Revocation, Slot},
};
use conversation_protocol::{
    AtType, ConversationId, GroupAtInfo, GroupType, LastMessage, MessageStatus, UserId,
    conversation::AT_ALL,
    server::{Message, Profile},
};
use serde::{Deserialize, Serialize};

/// A message was sent; as one user's side of the conversation sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageSent {
    /// The conversation, seen from this user.
    pub conversation_id: ConversationId,
    /// The kind of the group, if given.
    pub group_type: Option<GroupType>,
    /// How the conversation is shown to this user.
    pub profile: Profile,
    /// Who sent it.
    pub sender: UserId,
    /// The message.
    pub message: Message,
}

/// A message was revoked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRevoked {
    /// The conversation, seen from this user.
    pub conversation_id: ConversationId,
    /// The message's sequence.
    pub seq: u64,
    /// Who revoked it.
    pub revoker: UserId,
    /// Why.
    pub reason: Option<String>,
}

/// A message was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageDeleted {
    /// The conversation, seen from this user.
    pub conversation_id: ConversationId,
    /// The message's sequence.
    pub seq: u64,
    /// What becomes the preview where it was the preview: its sender and the message.
    pub previous: Option<(UserId, Message)>,
}

/// A message's content was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageModified {
    /// The conversation, seen from this user.
    pub conversation_id: ConversationId,
    /// The message with its new content.
    pub message: Message,
    /// Not greater than the last one: ignored.
    pub revision: Option<u64>,
}

/// Whether a message mentions a user.
fn mention(user: &UserId, message: &Message) -> Option<AtType> {
    let me = message.at_user_list.iter().any(|at| at == user.as_str());
    let all = message.at_user_list.iter().any(|at| at == AT_ALL);
    match (me, all) {
        (true, true) => Some(AtType::AllAndMe),
        (true, false) => Some(AtType::Me),
        (false, true) => Some(AtType::All),
        (false, false) => None,
    }
}

/// The preview that a message makes.
pub(super) fn preview(user: &UserId, sender: &UserId, message: &Message) -> LastMessage {
    LastMessage {
        msg_id: message.msg_id.clone(),
        seq: message.seq,
        sender: sender.clone(),
        nick_name: message.nick_name.clone(),
        face_url: message.face_url.clone(),
        is_self: sender == user,
        timestamp: message.timestamp,
        elem_type: message.elem_type,
        text: message.text.clone(),
        status: MessageStatus::Sent,
        revoker: None,
        revoke_reason: None,
        at_user_list: message.at_user_list.clone(),
        cloud_custom_data: message.cloud_custom_data.clone(),
    }
}

/// Replaces the content of a preview; what names the message stays.
fn replace_content(preview: &mut LastMessage, message: &Message) {
    preview.nick_name.clone_from(&message.nick_name);
    preview.face_url.clone_from(&message.face_url);
    preview.elem_type = message.elem_type;
    preview.text.clone_from(&message.text);
    preview.at_user_list.clone_from(&message.at_user_list);
    preview.cloud_custom_data.clone_from(&message.cloud_custom_data);
}

/// Takes the content from a preview.
fn revoke_preview(preview: &mut LastMessage, revocation: &Revocation) {
    preview.status = MessageStatus::Revoked;
    preview.text.clear();
    preview.cloud_custom_data.clear();
    preview.revoker = Some(revocation.revoker.clone());
    preview.revoke_reason.clone_from(&revocation.reason);
}

pub(super) fn sent(slot: &mut Slot, user: &UserId, sent: &MessageSent) -> Effect {
    let message = &sent.message;
    let seq = message.seq;
    if let Slot::Tombstone(tombstone) = slot
        && seq <= tombstone.barrier
    {
        return Effect::Nothing;
    }
    let (row, made) = slot.row_or_make(&sent.conversation_id);
    if seq > row.memory.mark && row.memory.unread.has_seen(seq) {
        return Effect::Nothing;
    }
    let is_self = sent.sender == *user;
    if seq > row.memory.newest {
        row.memory.newest = seq;
        row.set_profile(&sent.profile, sent.group_type);
    }
    let (revocation, modification, is_deleted) = match row.memory.early.remove(&seq) {
        Some(Early::Revoked(revocation)) => (Some(revocation), None, false),
        Some(Early::Modified(modification)) => (None, Some(modification), false),
        Some(Early::Deleted) => (None, None, true),
        None => (None, None, false),
    };
    let is_gone = is_deleted || revocation.is_some();
    if is_deleted && seq > row.memory.preview {
        // A repeat of the message, once it is read, would become the preview after all.
        row.memory.early.insert(seq, Early::Deleted);
    }
    row.remember_time(seq, message.timestamp);
    if is_self {
        row.read_up_to(seq);
    } else if seq > row.memory.mark {
        let counts =
            !is_gone && !message.is_excluded_from_unread_count && row.visible.group_type != Some(GroupType::AVChatRoom);
        row.memory.unread.see(seq, counts);
        row.visible.unread_count = row.memory.unread.count();
        if let Some(at_type) = mention(user, message)
            && !is_gone
            && !row.visible.conversation_id.is_c2c()
        {
            row.add_mention(GroupAtInfo { seq, at_type });
        }
    }
    let replaces = !is_deleted && !message.is_excluded_from_last_message && seq > row.memory.preview;
    if replaces {
        row.memory.preview = seq;
        let mut preview = preview(user, &sent.sender, message);
        row.memory.preview_revision = modification.as_ref().and_then(|edit| edit.revision).unwrap_or(0);
        if let Some(modification) = &modification {
            replace_content(&mut preview, &modification.message);
        }
        if let Some(revocation) = &revocation {
            revoke_preview(&mut preview, revocation);
        }
        row.visible.last_message = Some(preview);
    }
    if made || replaces { Effect::Activated } else { Effect::Touched }
}

pub(super) fn revoked(slot: &mut Slot, revoked: &MessageRevoked) -> Effect {
    let seq = revoked.seq;
    let Some(row) = slot.row() else { return Effect::Nothing };
    let revocation = Revocation { revoker: revoked.revoker.clone(), reason: revoked.reason.clone() };
    row.uncount(seq);
    if let Some(preview) = row.preview_of(seq)
        && preview.status == MessageStatus::Sent
    {
        revoke_preview(preview, &revocation);
    }
    // A preview that the backend named may be of a message that has not come.
    if row.may_still_matter(seq) {
        match row.memory.early.get(&seq) {
            Some(Early::Revoked(_) | Early::Deleted) => {}
            Some(Early::Modified(_)) | None => row.remember_early(seq, Early::Revoked(revocation)),
        }
    }
    Effect::Touched
}

pub(super) fn deleted(slot: &mut Slot, user: &UserId, deleted: &MessageDeleted) -> Effect {
    let seq = deleted.seq;
    let Some(row) = slot.row() else { return Effect::Nothing };
    row.uncount(seq);
    if row.preview_of(seq).is_some() {
        let previous = deleted.previous.as_ref().filter(|(_, message)| message.seq > row.memory.cleared);
        row.visible.last_message = previous.map(|(sender, message)| preview(user, sender, message));
        row.memory.preview_revision = 0;
    }
    if row.may_still_matter(seq) {
        row.remember_early(seq, Early::Deleted);
    }
    Effect::Touched
}

pub(super) fn modified(slot: &mut Slot, modified: &MessageModified) -> Effect {
    let seq = modified.message.seq;
    let Some(row) = slot.row() else { return Effect::Nothing };
    let last_revision = row.memory.preview_revision;
    if let Some(preview) = row.preview_of(seq) {
        let is_stale = modified.revision.is_some_and(|revision| revision <= last_revision);
        if preview.status == MessageStatus::Revoked || is_stale {
            return Effect::Nothing;
        }
        replace_content(preview, &modified.message);
        row.memory.preview_revision = modified.revision.unwrap_or(last_revision);
    } else if seq > row.memory.preview && row.may_still_matter(seq) {
        let last_revision = match row.memory.early.get(&seq) {
            Some(Early::Revoked(_) | Early::Deleted) => return Effect::Nothing,
            Some(Early::Modified(kept)) => kept.revision,
            None => None,
        };
        if modified.revision.is_some() && modified.revision <= last_revision {
            return Effect::Nothing;
        }
        let modification =
            Modification { message: modified.message.clone(), revision: modified.revision.or(last_revision) };
        row.remember_early(seq, Early::Modified(Box::new(modification)));
    }
    Effect::Touched
}
