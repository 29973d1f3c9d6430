//! What reading does to a row: up to a sequence, a time, or everything (docs/DOMAIN.md, 4).

use super::{Effect, Refusal, row::Slot};

/// How far a user has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadUpTo {
    /// C2C: up to this time in seconds, unless a sequence is given; 0: everything.
    pub timestamp: u64,
    /// Up to this sequence; 0: see `timestamp`; in a group: everything.
    pub sequence: u64,
}

pub(super) fn read(slot: &mut Slot, up_to: ReadUpTo) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    let mark = if up_to.sequence > 0 {
        Some(row.mark_for_sequence(up_to.sequence))
    } else if up_to.timestamp > 0 && row.visible.conversation_id.is_c2c() {
        row.mark_for_time(up_to.timestamp)
    } else {
        Some(row.memory.newest)
    };
    if let Some(mark) = mark {
        row.read_up_to(mark);
    }
    Ok(Effect::Touched)
}

pub(super) fn clear_history(slot: &mut Slot) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    row.read_up_to(row.memory.newest);
    row.visible.last_message = None;
    row.memory.preview = row.memory.preview.max(row.memory.newest);
    row.memory.cleared = row.memory.preview;
    Ok(Effect::Touched)
}
