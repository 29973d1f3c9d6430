//! What an import does: it makes the rows that are not there, and leaves the others (docs/DOMAIN.md, 2).

use super::{
    Effect, Refusal,
    row::{Row, Slot},
};
use crate::record::StoredHead;
use conversation_protocol::{
    GroupType, MessageStatus, UserId,
    limits::{GROUPED_MAX, GROUPS_MAX, PINNED_MAX},
    marks::Marks,
    server::ImportedConversation,
};
use std::collections::HashSet;

/// `head` is the user's, before the import; `now_s` is in seconds since 1970.
pub(super) fn import(
    slot: &mut Slot,
    user: &UserId,
    imported: &ImportedConversation,
    head: &StoredHead,
    now_s: u64,
) -> Result<Effect, Refusal> {
    let newest = imported.last_message.as_ref().map_or(0, |message| message.seq);
    match slot {
        Slot::Row(_) => return Ok(Effect::Nothing),
        // What the user deleted since stays deleted, however often the import is repeated.
        Slot::Tombstone(tombstone) if newest <= tombstone.barrier => return Ok(Effect::Nothing),
        Slot::Tombstone(_) | Slot::Absent => {}
    }
    if imported.is_pinned && head.pinned >= PINNED_MAX as u64 {
        return Err(Refusal::TooManyPinned);
    }
    let names = &imported.conversation_group_list;
    if !names.is_empty() && head.grouped >= GROUPED_MAX {
        return Err(Refusal::TooManyGrouped);
    }
    if names.iter().any(|name| !head.group_names.contains(name)) {
        let is_full = head.group_names.len() >= GROUPS_MAX;
        return Err(if is_full { Refusal::TooManyGroups } else { Refusal::UnknownGroup });
    }
    let (row, _) = slot.row_or_make(&imported.conversation_id);
    fill(row, user, imported, now_s);
    set_unread(row, newest, imported);
    Ok(Effect::Activated)
}

fn fill(row: &mut Row, user: &UserId, imported: &ImportedConversation, now_s: u64) {
    let visible = &mut row.visible;
    visible.group_type = imported.group_type.filter(|_| !visible.conversation_id.is_c2c());
    visible.show_name.clone_from(&imported.show_name);
    visible.face_url.clone_from(&imported.face_url);
    visible.recv_opt = imported.recv_opt;
    visible.last_message.clone_from(&imported.last_message);
    if let Some(message) = &mut visible.last_message {
        message.is_self = message.sender == *user;
        if message.status == MessageStatus::Revoked {
            message.text.clear();
            message.cloud_custom_data.clear();
        }
    }
    visible.draft_text.clone_from(&imported.draft_text);
    if !imported.draft_text.is_empty() {
        visible.draft_timestamp = if imported.draft_timestamp > 0 { imported.draft_timestamp } else { now_s };
    }
    visible.is_pinned = imported.is_pinned;
    let marks = imported.mark_list.iter().fold(0, |sum, mark| sum | mark);
    visible.mark_list = Marks::try_from(marks).map_or_else(|_| Vec::new(), |marks| marks.apply_to(&[], true));
    visible.custom_data.clone_from(&imported.custom_data);
    for name in &imported.conversation_group_list {
        if !visible.conversation_group_list.contains(name) {
            visible.conversation_group_list.push(name.clone());
        }
    }
}

/// The last messages up to the newest are unread, as many as the import says.
fn set_unread(row: &mut Row, newest: u64, imported: &ImportedConversation) {
    let counts = row.visible.group_type != Some(GroupType::AVChatRoom);
    let unread = if counts { imported.unread_count.min(newest) } else { 0 };
    let mark = newest - unread;
    row.memory.newest = row.memory.newest.max(newest);
    row.memory.preview = row.memory.preview.max(newest);
    row.read_up_to(mark);
    row.memory.unread.see_range(row.memory.mark + 1, newest);
    row.visible.unread_count = row.memory.unread.count();
    if row.visible.conversation_id.is_c2c() {
        if let Some(timestamp) = imported.c2c_read_timestamp {
            row.visible.c2c_read_timestamp = Some(timestamp);
            row.memory.read_time_seq = row.memory.read_time_seq.max(mark);
        }
        if let Some(message) = &imported.last_message {
            row.remember_time(message.seq, message.timestamp);
        }
    } else {
        let mark = row.memory.mark;
        let mut named = HashSet::new();
        let mentions = imported.group_at_info_list.iter().filter(|info| info.seq > mark && named.insert(info.seq));
        mentions.for_each(|info| row.add_mention(*info));
    }
}
