//! How changes of rows become frames: new, changed, deleted, each at most so many rows and bytes.

use conversation_protocol::{
    ConversationId, Event, EventName, Frame, LogEntry, RowState,
    limits::{FRAME_ROWS_MAX, SLICE_BYTES_MAX},
};

/// The frames of changes, each conversation once, for a client to whom rows created after `since` are new.
pub(super) fn changes(entries: &[LogEntry], since: u64) -> Vec<Frame> {
    let (mut new, mut changed, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            LogEntry::Row(row) if row.created > since => new.push(row),
            LogEntry::Row(row) => changed.push(row),
            LogEntry::Deleted { conversation_id, version } => deleted.push((conversation_id, *version)),
        }
    }
    let mut frames = Vec::new();
    rows(EventName::NewConversation, new, &mut frames);
    rows(EventName::ConversationChanged, changed, &mut frames);
    frames.extend(deleted.chunks(FRAME_ROWS_MAX).map(deletions));
    frames
}

/// How many of the entries, by rising version, fit into one frame: rows or deletions, and at least one.
pub(super) fn first_frame(entries: &[LogEntry]) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&LogEntry| {
        bytes += match entry {
            LogEntry::Row(row) => row.json.len(),
            LogEntry::Deleted { .. } => 0,
        };
        bytes <= SLICE_BYTES_MAX && entry.is_row() == entries[0].is_row()
    };
    entries.iter().take(FRAME_ROWS_MAX).take_while(fits).count().max(entries.len().min(1))
}

/// Frames of rows, at most [`FRAME_ROWS_MAX`] rows and, but for a single row, [`SLICE_BYTES_MAX`] bytes each.
pub(super) fn rows<'a>(event: EventName, rows: impl IntoIterator<Item = &'a RowState>, frames: &mut Vec<Frame>) {
    let mut part: Vec<&str> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if part.len() == FRAME_ROWS_MAX || (!part.is_empty() && bytes + row.json.len() > SLICE_BYTES_MAX) {
            frames.push(Frame::rows(event, &part));
            part.clear();
            bytes = 0;
        }
        bytes += row.json.len();
        part.push(&row.json);
    }
    if !part.is_empty() {
        frames.push(Frame::rows(event, &part));
    }
}

fn deletions(deleted: &[(&ConversationId, u64)]) -> Frame {
    Frame::new(&Event::ConversationDeleted {
        conversation_id_list: deleted.iter().map(|(conversation_id, _)| (*conversation_id).clone()).collect(),
        version: deleted.iter().map(|(_, version)| *version).max().unwrap_or_default(),
    })
}

/// The total as it is at `version`.
pub(super) fn total(total_unread_count: u64, version: u64) -> Frame {
    Frame::new(&Event::TotalUnreadMessageCountChanged { total_unread_count, version })
}
