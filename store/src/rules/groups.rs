//! What conversation groups (folders) do to rows (docs/DOMAIN.md, 2).

use super::{Change, Effect, Refusal, row::Slot};
use conversation_protocol::{GroupEvent, limits::GROUPED_MAX};

/// `grouped` is the number of the user's rows that are in groups.
pub(super) fn add(slot: &mut Slot, name: &str, grouped: u64) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    let names = &mut row.visible.conversation_group_list;
    if names.iter().any(|other| other == name) {
        return Ok(Effect::Nothing);
    }
    if names.is_empty() && grouped >= GROUPED_MAX {
        return Err(Refusal::TooManyGrouped);
    }
    names.push(name.to_owned());
    Ok(Effect::Touched)
}

pub(super) fn remove(slot: &mut Slot, name: &str) -> Result<Effect, Refusal> {
    let row = slot.row().ok_or(Refusal::UnknownConversation)?;
    row.visible.conversation_group_list.retain(|other| other != name);
    Ok(Effect::Touched)
}

/// In a row that is in the group; the name keeps its place.
pub(super) fn rename(slot: &mut Slot, old_name: &str, new_name: &str) -> Effect {
    let Some(row) = slot.row() else { return Effect::Nothing };
    for name in &mut row.visible.conversation_group_list {
        if name == old_name {
            new_name.clone_into(name);
        }
    }
    Effect::Touched
}

/// What is told of a change that moved a conversation into or out of a group.
pub(super) fn event_of(change: &Change) -> Option<GroupEvent> {
    if let Change::AddToGroup { conversation_id, name } = change {
        Some(GroupEvent::Added(name.clone(), vec![conversation_id.clone()]))
    } else if let Change::RemoveFromGroup { conversation_id, name } = change {
        Some(GroupEvent::Removed(name.clone(), vec![conversation_id.clone()]))
    } else {
        None
    }
}

/// Adds a notice to those of a step; conversations of one group that follow each other share one.
pub(super) fn notice(events: &mut Vec<GroupEvent>, event: GroupEvent) {
    match (events.last_mut(), &event) {
        (
            Some(GroupEvent::Created(name, ids) | GroupEvent::Added(name, ids)),
            GroupEvent::Added(other_name, other_ids),
        )
        | (Some(GroupEvent::Removed(name, ids)), GroupEvent::Removed(other_name, other_ids))
            if name == other_name =>
        {
            ids.extend(other_ids.iter().cloned());
        }
        (Some(_) | None, _) => events.push(event),
    }
}
