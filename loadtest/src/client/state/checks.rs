//! Which promises about one session's frames hold: brackets, the order of a flush, cursors and versions.

use super::Phase;
use conversation_protocol::{
    Conversation, ConversationId, Cursor, Event, SyncMode, conversation::PIN_BIT, event::ReceivedFrame,
    limits::FRAME_ROWS_MAX,
};
use std::collections::BTreeSet;

/// What one session was told so far, as far as later frames are bound by it.
#[derive(Debug, Default)]
pub(super) struct SessionChecks {
    /// Everything up to here was given, or is what the client resumed with.
    covered: Option<Cursor>,
    /// The cursor of the first changes of a user without data: they come in one frame with it, and their total
    /// after them with the same one, so that no client has rows with the cursor of no data.
    first: Option<Cursor>,
    /// The largest version since the last cursor.
    largest: u64,
    /// The place in a flush of the last frame, since the last cursor.
    rank: u8,
    /// Totals in the sync under way.
    totals: u32,
    /// The last total's version in this session.
    total_version: Option<u64>,
}

/// The place of notices of conversation groups in a flush.
const GROUP_RANK: u8 = 4;
/// The place of the total in a flush.
const TOTAL_RANK: u8 = 5;

/// Where an event stands in a flush; `None` for those that are in none.
fn rank(event: &Event) -> Option<u8> {
    match event {
        Event::NewConversation { .. } => Some(1),
        Event::ConversationChanged { .. } => Some(2),
        Event::ConversationDeleted { .. } => Some(3),
        Event::ConversationGroupCreated { .. }
        | Event::ConversationGroupDeleted { .. }
        | Event::ConversationGroupNameChanged { .. }
        | Event::ConversationsAddedToGroup { .. }
        | Event::ConversationsDeletedFromGroup { .. } => Some(GROUP_RANK),
        Event::TotalUnreadMessageCountChanged { .. } => Some(TOTAL_RANK),
        Event::UnreadMessageCountChangedByFilter { .. } => Some(TOTAL_RANK + 1),
        Event::SyncServerStart { .. }
        | Event::SyncServerFinish { .. }
        | Event::SyncServerFailed { .. }
        | Event::KickedOffline { .. }
        | Event::TokenExpired {}
        | Event::Reconnect { .. } => None,
    }
}

/// Whether an event may come in this phase.
pub(super) fn bracketing(phase: Phase, event: &Event) -> Option<String> {
    let name = event.name().as_str();
    let is_change = rank(event).is_some();
    match phase {
        Phase::Offline => Some(format!("{name} came without a connection")),
        Phase::Leaving => Some(format!("{name} came after the last event of the session")),
        Phase::Waiting => match event {
            Event::SyncServerFinish { .. } | Event::SyncServerFailed { .. } => {
                Some(format!("{name} came without its syncServerStart"))
            }
            Event::SyncServerStart { .. }
            | Event::KickedOffline { .. }
            | Event::TokenExpired {}
            | Event::Reconnect { .. } => None,
            Event::NewConversation { .. }
            | Event::ConversationChanged { .. }
            | Event::ConversationDeleted { .. }
            | Event::ConversationGroupCreated { .. }
            | Event::ConversationGroupDeleted { .. }
            | Event::ConversationGroupNameChanged { .. }
            | Event::ConversationsAddedToGroup { .. }
            | Event::ConversationsDeletedFromGroup { .. }
            | Event::UnreadMessageCountChangedByFilter { .. }
            | Event::TotalUnreadMessageCountChanged { .. } => {
                is_change.then(|| format!("{name} came before the sync of the session"))
            }
        },
        Phase::Syncing(_) => match event {
            Event::SyncServerStart { .. }
            | Event::ConversationGroupCreated { .. }
            | Event::ConversationGroupDeleted { .. }
            | Event::ConversationGroupNameChanged { .. }
            | Event::ConversationsAddedToGroup { .. }
            | Event::ConversationsDeletedFromGroup { .. }
            | Event::UnreadMessageCountChangedByFilter { .. } => Some(format!("{name} came inside a sync")),
            Event::NewConversation { .. }
            | Event::ConversationChanged { .. }
            | Event::ConversationDeleted { .. }
            | Event::TotalUnreadMessageCountChanged { .. }
            | Event::SyncServerFinish { .. }
            | Event::SyncServerFailed { .. }
            | Event::KickedOffline { .. }
            | Event::TokenExpired {}
            | Event::Reconnect { .. } => None,
        },
        Phase::Live => match event {
            Event::SyncServerFinish { .. } | Event::SyncServerFailed { .. } => {
                Some(format!("{name} came without its syncServerStart"))
            }
            Event::SyncServerStart { .. }
            | Event::NewConversation { .. }
            | Event::ConversationChanged { .. }
            | Event::ConversationDeleted { .. }
            | Event::ConversationGroupCreated { .. }
            | Event::ConversationGroupDeleted { .. }
            | Event::ConversationGroupNameChanged { .. }
            | Event::ConversationsAddedToGroup { .. }
            | Event::ConversationsDeletedFromGroup { .. }
            | Event::UnreadMessageCountChangedByFilter { .. }
            | Event::TotalUnreadMessageCountChanged { .. }
            | Event::KickedOffline { .. }
            | Event::TokenExpired {}
            | Event::Reconnect { .. } => None,
        },
    }
}

/// What one frame's rows must be by themselves.
pub(super) fn rows_of_frame(rows: &[Conversation]) -> Option<String> {
    if rows.is_empty() || rows.len() > FRAME_ROWS_MAX {
        return Some(format!("expected 1 to {FRAME_ROWS_MAX} rows in a frame, got {}", rows.len()));
    }
    let mut ids = BTreeSet::new();
    for row in rows {
        let id = &row.conversation_id;
        if !ids.insert(id) {
            return Some(format!("{id}: expected once in a frame, got twice"));
        }
        if (row.order_key & PIN_BIT != 0) != row.is_pinned || row.version == 0 || row.version >= PIN_BIT {
            return Some(format!(
                "{id}: expected the pin bit exactly if pinned and a version below 2^52, got orderKey {}, isPinned {} and version {}",
                row.order_key, row.is_pinned, row.version
            ));
        }
    }
    None
}

impl SessionChecks {
    /// A session that begins with this cursor as its `since`.
    pub(super) fn resumed_at(covered: Option<Cursor>) -> Self {
        Self { covered, ..Self::default() }
    }

    pub(super) fn sync_started(&mut self, mode: SyncMode) {
        self.totals = 0;
        self.rank = 0;
        self.largest = 0;
        match mode {
            SyncMode::Full => {
                self.covered = None;
                self.total_version = None;
            }
            SyncMode::Replay => {}
        }
    }

    pub(super) fn sync_finished(&mut self, phase: Phase, mode: SyncMode) -> Option<String> {
        if let Phase::Syncing(started) = phase
            && started != mode
        {
            return Some(format!("syncServerFinish: expected mode {started:?} as at its start, got {mode:?}"));
        }
        (self.totals != 1).then(|| format!("syncServerFinish: expected one total in the sync, got {}", self.totals))
    }

    /// A live flush is new, changed, deleted, total, in this order, up to its cursor.
    pub(super) fn flush_order(&mut self, phase: Phase, event: &Event) -> Option<String> {
        let rank = rank(event)?;
        if phase != Phase::Live {
            return None;
        }
        if rank < self.rank {
            return Some(format!(
                "{}: expected new, changed, deleted, total within a flush, or a cursor before it",
                event.name().as_str()
            ));
        }
        self.rank = rank;
        None
    }

    /// A row or deletion at or below a cursor comes too late: the cursor said that it had been given.
    pub(super) fn covered(&self, id: &ConversationId, version: u64) -> Option<String> {
        let covered = self.covered?;
        (version <= covered.version)
            .then(|| format!("{id}: version {version} came after the cursor {covered} that covers it"))
    }

    pub(super) fn note_version(&mut self, version: u64) {
        self.largest = self.largest.max(version);
    }

    /// `known` is the client's total and its version, of this session or an earlier one.
    pub(super) fn total(
        &mut self,
        phase: Phase,
        total: u64,
        version: u64,
        known: Option<(u64, u64)>,
    ) -> Option<String> {
        self.totals += 1;
        let last = self.total_version.replace(version);
        let is_live = phase == Phase::Live;
        if let Some(last) = last
            && (version < last || (is_live && version == last))
        {
            return Some(format!("total: version {version} came after version {last}"));
        }
        if is_live && known.is_some_and(|(known, _)| known == total) {
            return Some(format!("total: {total} came again though it had not changed"));
        }
        None
    }

    /// Looks at the cursor of a frame after everything else of it; `phase` is that after the frame.
    pub(super) fn cursor(&mut self, phase: Phase, frame: &ReceivedFrame) -> Option<String> {
        let name = frame.event.name().as_str();
        let is_finish = matches!(frame.event, Event::SyncServerFinish { .. });
        let Some(cursor) = frame.cursor else {
            return is_finish.then(|| format!("{name}: expected a cursor, got none"));
        };
        let (previous, largest) = (self.covered.replace(cursor), self.largest);
        let is_first = previous == Some(Cursor::EMPTY);
        let is_of_first = self.first == Some(cursor) && rank(&frame.event) == Some(TOTAL_RANK);
        self.first = is_first.then_some(cursor);
        self.rank = 0;
        self.largest = 0;
        if rank(&frame.event).is_none() && !is_finish {
            return Some(format!("{name}: expected no cursor, got {cursor}"));
        }
        if phase == Phase::Syncing(SyncMode::Full) {
            return Some(format!("{name}: expected no cursor before the finish of a full sync, got {cursor}"));
        }
        if let Some(previous) = previous
            && previous != Cursor::EMPTY
            && (cursor.epoch != previous.epoch || cursor.version < previous.version)
        {
            return Some(format!("{name}: cursor {cursor} came after {previous} without a full sync"));
        }
        // The totals of filters are read after a sync, and notices of groups are told before one: they tell no step.
        let tells_no_step = rank(&frame.event).is_some_and(|rank| rank == GROUP_RANK || rank > TOTAL_RANK);
        if previous == Some(cursor) && phase == Phase::Live && !is_finish && !is_of_first && !tells_no_step {
            return Some(format!("{name}: cursor {cursor} came again with a live flush"));
        }
        (cursor.version < largest)
            .then(|| format!("{name}: cursor {cursor} is below version {largest} that came before it"))
    }
}
