//! What a user's own settings do to a row: pin, receive option, draft, marks, custom data, delete (docs/DOMAIN.md, 2).

use super::{
    Effect, Refusal,
    row::{Slot, Tombstone},
};
use conversation_protocol::{ConversationId, RecvOpt, limits::PINNED_MAX, marks::Marks};

/// `pinned` is the number of pinned rows of the user.
pub(super) fn pin(slot: &mut Slot, id: &ConversationId, is_pinned: bool, pinned: u64) -> Result<Effect, Refusal> {
    if slot.row().map_or(!is_pinned, |row| row.visible.is_pinned == is_pinned) {
        return Ok(Effect::Nothing);
    }
    if is_pinned && pinned >= PINNED_MAX as u64 {
        return Err(Refusal::TooManyPinned);
    }
    let (row, made) = slot.row_or_make(id);
    row.visible.is_pinned = is_pinned;
    row.set_activation(row.visible.order_key);
    Ok(if made { Effect::Activated } else { Effect::Touched })
}

pub(super) fn receive_option(slot: &mut Slot, recv_opt: RecvOpt) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    row.visible.recv_opt = recv_opt;
    Ok(Effect::Touched)
}

/// `now_s` is in seconds since 1970.
pub(super) fn draft(slot: &mut Slot, id: &ConversationId, text: &str, now_s: u64) -> Effect {
    if slot.row().map_or("", |row| row.visible.draft_text.as_str()) == text {
        return Effect::Nothing;
    }
    let (row, _) = slot.row_or_make(id);
    text.clone_into(&mut row.visible.draft_text);
    row.visible.draft_timestamp = if text.is_empty() { 0 } else { now_s };
    if text.is_empty() { Effect::Touched } else { Effect::Activated }
}

pub(super) fn mark(slot: &mut Slot, marks: Marks, is_set: bool) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    row.visible.mark_list = marks.apply_to(&row.visible.mark_list, is_set);
    Ok(Effect::Touched)
}

pub(super) fn custom_data(slot: &mut Slot, custom_data: &str) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    custom_data.clone_into(&mut row.visible.custom_data);
    Ok(Effect::Touched)
}

pub(super) fn delete(slot: &mut Slot) -> Effect {
    match slot {
        Slot::Absent | Slot::Tombstone(_) => Effect::Nothing,
        Slot::Row(row) => {
            let (barrier, recv_opt) = (row.memory.newest, row.visible.recv_opt);
            *slot = Slot::Tombstone(Tombstone { version: 0, barrier, recv_opt });
            Effect::Touched
        }
    }
}
