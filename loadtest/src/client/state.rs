//! What a client has, built only from what it was sent, and which of the server's promises were broken on the way.
//!
//! Replace or remove by conversationID if the version is newer; a full sync replaces all at its finish.

mod checks;
mod extras;
mod parts;
#[cfg(test)]
mod tests;

use checks::SessionChecks;
use conversation_protocol::{
    Conversation, ConversationId, Cursor, Event, Filter, RecvOpt, SyncMode, event::ReceivedFrame, method::PageResult,
};
use extras::Extras;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use parts::{Counters, Farewell, Paging, Phase};

/// Violations kept in words; further ones are only counted.
const VIOLATIONS_KEPT: usize = 20;

/// A row as the client has it.
#[derive(Debug, Clone)]
struct Held {
    row: Conversation,
    /// The session that brought it.
    session: u64,
}

/// One device's list.
#[derive(Debug)]
pub struct ClientState {
    rows: BTreeMap<ConversationId, Held>,
    /// The rows of a full sync under way.
    staged: BTreeMap<ConversationId, Held>,
    /// The versions up to which deleted ids stay out, since the last full sync.
    deleted: HashMap<ConversationId, (u64, u64)>,
    /// The sum over `rows` with receive option 0, kept along.
    sum: u64,
    total: Option<(u64, u64)>,
    cursor: Option<Cursor>,
    paging: Paging,
    /// Whether a sync has finished since the paging was complete. Before that, pages may be newer than the live
    /// changes that come after them, so that nothing can be said about the list as a whole.
    is_settled: bool,
    phase: Phase,
    session: u64,
    farewell: Option<Farewell>,
    checks: SessionChecks,
    extras: Extras,
    counters: Counters,
    violations: Vec<String>,
    violation_count: u64,
}

impl Default for ClientState {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            staged: BTreeMap::new(),
            deleted: HashMap::new(),
            sum: 0,
            total: None,
            cursor: None,
            paging: Paging::Unknown,
            is_settled: false,
            phase: Phase::Offline,
            session: 0,
            farewell: None,
            checks: SessionChecks::default(),
            extras: Extras::default(),
            counters: Counters::default(),
            violations: Vec::new(),
            violation_count: 0,
        }
    }
}

impl ClientState {
    /// A client without rows that begins with a cursor, as if it had all up to there, and watches the totals of filters.
    pub fn resuming(cursor: Option<Cursor>, filters: &[Filter]) -> Self {
        let paging = if cursor.is_some() { Paging::Unlisted } else { Paging::Unknown };
        Self { cursor, paging, extras: Extras::watching(filters), ..Self::default() }
    }

    /// A session begins, with [`Self::cursor`] as its `since`.
    pub fn connected(&mut self) {
        self.session += 1;
        self.phase = Phase::Waiting;
        self.farewell = None;
        self.staged.clear();
        self.checks = SessionChecks::resumed_at(self.cursor);
        self.extras.connected();
    }

    /// The session has ended, however.
    pub fn disconnected(&mut self) {
        self.phase = Phase::Offline;
    }

    /// Forgets the list and its cursor, as a client does whose data was deleted; only without a session.
    pub fn forget(&mut self) {
        let watched: Vec<Filter> = self.extras.totals().map(|(filter, _)| filter.clone()).collect();
        let (counters, session) = (self.counters, self.session);
        let (violations, violation_count) = (std::mem::take(&mut self.violations), self.violation_count);
        *self = Self { counters, session, violations, violation_count, ..Self::resuming(None, &watched) };
    }

    /// Takes a frame. `on_row` sees each row that is new to the client, with the one that it replaces.
    pub fn frame(&mut self, frame: &ReceivedFrame, mut on_row: impl FnMut(Option<&Conversation>, &Conversation)) {
        self.counters.frames += 1;
        if let Some(wrong) = checks::bracketing(self.phase, &frame.event) {
            self.violation(wrong);
        }
        if let Some(wrong) = self.checks.flush_order(self.phase, &frame.event) {
            self.violation(wrong);
        }
        match &frame.event {
            Event::SyncServerStart { mode } => {
                self.phase = Phase::Syncing(*mode);
                self.staged.clear();
                self.checks.sync_started(*mode);
            }
            Event::NewConversation { conversation_list } | Event::ConversationChanged { conversation_list } => {
                if matches!(frame.event, Event::ConversationChanged { .. }) {
                    self.check_known(conversation_list);
                }
                if let Some(wrong) = checks::rows_of_frame(conversation_list) {
                    self.violation(wrong);
                }
                for row in conversation_list {
                    self.take_row(row, &mut on_row);
                }
            }
            Event::ConversationDeleted { conversation_id_list, version } => {
                for id in conversation_id_list {
                    self.take_deletion(id, *version);
                }
            }
            Event::TotalUnreadMessageCountChanged { total_unread_count, version } => {
                if let Some(wrong) = self.checks.total(self.phase, *total_unread_count, *version, self.total) {
                    self.violation(wrong);
                }
                let is_full = self.phase == Phase::Syncing(SyncMode::Full);
                if is_full || self.total.is_none_or(|(_, known)| *version > known) {
                    self.total = Some((*total_unread_count, *version));
                }
            }
            Event::UnreadMessageCountChangedByFilter { .. }
            | Event::ConversationGroupCreated { .. }
            | Event::ConversationGroupDeleted { .. }
            | Event::ConversationGroupNameChanged { .. }
            | Event::ConversationsAddedToGroup { .. }
            | Event::ConversationsDeletedFromGroup { .. } => {
                if let Some(wrong) = self.extras.event(&frame.event) {
                    self.violation(wrong);
                }
            }
            Event::SyncServerFinish { mode, next_seq, is_finished, conversation_group_list, conversation_count } => {
                self.extras.finished(*mode, conversation_group_list);
                self.finish(*mode, *next_seq, *is_finished, *conversation_count);
            }
            Event::SyncServerFailed { .. } => {
                self.counters.failed_syncs += 1;
                self.phase = Phase::Waiting;
            }
            Event::KickedOffline { .. } => self.leave(Farewell::KickedOffline),
            Event::TokenExpired {} => self.leave(Farewell::TokenExpired),
            Event::Reconnect { after_ms } => self.leave(Farewell::Reconnect(*after_ms)),
        }
        self.take_cursor(frame);
    }

    /// Takes a page that this session asked for with the seq of [`Paging::From`].
    pub fn page(
        &mut self,
        asked: u64,
        page: &PageResult,
        mut on_row: impl FnMut(Option<&Conversation>, &Conversation),
    ) {
        if self.paging != Paging::From(asked) {
            return;
        }
        if !page.is_finished && page.next_seq == asked {
            self.violation(format!("page: nextSeq {asked} did not advance though the list is not finished"));
        }
        for row in &page.conversation_list {
            let stays_out = self.deleted.get(&row.conversation_id).is_some_and(|(until, _)| row.version <= *until);
            let is_newer = self.rows.get(&row.conversation_id).is_none_or(|held| row.version > held.row.version);
            // A page overtaken by a live change is older than it, which is no fault.
            if !stays_out && is_newer {
                on_row(self.rows.get(&row.conversation_id).map(|held| &held.row), row);
                self.put(row.clone(), 0);
            }
        }
        self.paging = if page.is_finished { Paging::Complete } else { Paging::From(page.next_seq) };
    }

    /// A text that is no frame came.
    pub fn unreadable(&mut self, problem: &str) {
        self.violation(format!("frame: expected an event or a reply, got one that is unreadable: {problem}"));
    }

    /// The rows by id.
    pub fn rows(&self) -> impl Iterator<Item = &Conversation> {
        self.rows.values().map(|held| &held.row)
    }

    /// The list in its order.
    pub fn list(&self) -> Vec<Conversation> {
        let mut list: Vec<Conversation> = self.rows().cloned().collect();
        list.sort_by(|a, b| (b.order_key, &b.conversation_id).cmp(&(a.order_key, &a.conversation_id)));
        list
    }

    /// The last total that came.
    pub fn total(&self) -> Option<u64> {
        self.total.map(|(total, _)| total)
    }

    /// The names of the conversation groups.
    pub fn group_names(&self) -> &BTreeSet<String> {
        self.extras.group_names()
    }

    /// Each watched filter with its total, if one was told in this session.
    pub fn filter_totals(&self) -> impl Iterator<Item = (&Filter, Option<u64>)> {
        self.extras.totals()
    }

    /// What to hand in as `since`.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How far the list is paged.
    pub fn paging(&self) -> Paging {
        self.paging
    }

    /// Whether the client has everything up to its cursor.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Live && self.paging == Paging::Complete
    }

    /// How the server ended the session, if it said so.
    pub fn farewell(&self) -> Option<Farewell> {
        self.farewell
    }

    /// What came, in numbers.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The first violations, in words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// How many violations there were.
    pub fn violation_count(&self) -> u64 {
        self.violation_count
    }

    fn violation(&mut self, what: String) {
        self.violation_count += 1;
        if self.violations.len() < VIOLATIONS_KEPT {
            self.violations.push(format!("session {}, {:?}: {what}", self.session, self.phase));
        }
    }

    fn count_row(&mut self) {
        if self.phase == Phase::Live {
            self.counters.live_rows += 1;
        } else {
            self.counters.sync_rows += 1;
        }
    }

    /// A row that only "changed" must be one that the client has, once it has them all.
    fn check_known(&mut self, rows: &[Conversation]) {
        if self.phase == Phase::Syncing(SyncMode::Full) || !self.is_settled {
            return;
        }
        if let Some(row) = rows.iter().find(|row| !self.rows.contains_key(&row.conversation_id)) {
            self.violation(format!(
                "conversationChanged: expected newConversation for {}, which the client does not have",
                row.conversation_id
            ));
        }
    }

    fn take_row(&mut self, row: &Conversation, on_row: &mut impl FnMut(Option<&Conversation>, &Conversation)) {
        self.count_row();
        let id = &row.conversation_id;
        if self.phase == Phase::Syncing(SyncMode::Full) {
            if self.staged.get(id).is_some_and(|held| held.row.version >= row.version) {
                self.violation(format!("{id}: version {} came twice or went back in a full sync", row.version));
                return;
            }
            self.checks.note_version(row.version);
            on_row(self.staged.get(id).or_else(|| self.rows.get(id)).map(|held| &held.row), row);
            self.staged.insert(id.clone(), Held { row: row.clone(), session: self.session });
            return;
        }
        if let Some(wrong) = self.checks.covered(id, row.version) {
            self.violation(wrong);
        }
        self.checks.note_version(row.version);
        if let Some((until, session)) = self.deleted.get(id).copied()
            && row.version <= until
        {
            if session == self.session {
                self.violation(format!("{id}: version {} came after its deletion at {until}", row.version));
            }
            return;
        }
        let held = self.rows.get(id);
        if let Some(held) = held
            && row.version <= held.row.version
        {
            let (version, held_version, is_same_session) =
                (row.version, held.row.version, held.session == self.session);
            self.counters.known_rows += 1;
            if is_same_session {
                self.violation(format!("{id}: version {version} came after version {held_version}"));
            }
            return;
        }
        on_row(held.map(|held| &held.row), row);
        self.put(row.clone(), self.session);
    }

    fn take_deletion(&mut self, id: &ConversationId, version: u64) {
        self.count_row();
        if self.phase == Phase::Syncing(SyncMode::Full) {
            self.checks.note_version(version);
            self.staged.remove(id);
            return;
        }
        if let Some(wrong) = self.checks.covered(id, version) {
            self.violation(wrong);
        }
        self.checks.note_version(version);
        if let Some((until, session)) = self.deleted.get(id).copied()
            && session == self.session
            && version <= until
        {
            self.violation(format!("{id}: deletion at {version} came after a deletion at {until}"));
        }
        if let Some(held) = self.rows.get(id) {
            if version <= held.row.version {
                let (held_version, is_same_session) = (held.row.version, held.session == self.session);
                if is_same_session {
                    self.violation(format!("{id}: deletion at {version} came after version {held_version}"));
                }
                return;
            }
            self.sum -= share(&held.row);
            self.rows.remove(id);
        }
        self.deleted.insert(id.clone(), (version, self.session));
    }

    fn put(&mut self, row: Conversation, session: u64) {
        self.deleted.remove(&row.conversation_id);
        self.sum += share(&row);
        if let Some(old) = self.rows.insert(row.conversation_id.clone(), Held { row, session }) {
            self.sum -= share(&old.row);
        }
    }

    fn finish(&mut self, mode: SyncMode, next_seq: Option<u64>, is_finished: Option<bool>, count: u64) {
        if let Some(wrong) = self.checks.sync_finished(self.phase, mode) {
            self.violation(wrong);
        }
        match mode {
            SyncMode::Full => {
                self.counters.full_syncs += 1;
                self.rows = std::mem::take(&mut self.staged);
                self.deleted.clear();
                self.sum = self.rows().map(share).sum();
                self.paging = match (is_finished, next_seq) {
                    (Some(true), _) => Paging::Complete,
                    (Some(false), Some(next_seq)) => Paging::From(next_seq),
                    (None, _) | (Some(false), None) => {
                        self.violation(
                            "syncServerFinish: expected nextSeq and isFinished after a full sync".to_owned(),
                        );
                        Paging::Complete
                    }
                };
            }
            SyncMode::Replay => {
                self.counters.replays += 1;
                if next_seq.is_some() || is_finished.is_some() {
                    self.violation("syncServerFinish: expected no nextSeq and isFinished after a replay".to_owned());
                }
                if self.paging == Paging::Unknown {
                    self.violation("syncServerFinish: a replay to a client that never had a full sync".to_owned());
                }
            }
        }
        self.phase = Phase::Live;
        self.is_settled = self.paging == Paging::Complete;
        let rows = self.rows.len() as u64;
        if self.is_settled && rows != count {
            self.violation(format!("syncServerFinish: conversationCount {count}, but the client has {rows} rows"));
        }
    }

    fn take_cursor(&mut self, frame: &ReceivedFrame) {
        if let Some(wrong) = self.checks.cursor(self.phase, frame) {
            self.violation(wrong);
        }
        let Some(cursor) = frame.cursor else { return };
        // The very first changes have their total in a frame of its own.
        let is_first = self.cursor.replace(cursor) == Some(Cursor::EMPTY);
        let is_quiet_point = self.phase == Phase::Live && self.is_settled && !is_first;
        if let (true, Some((total, version))) = (is_quiet_point, self.total)
            && total != self.sum
        {
            self.violation(format!(
                "total {total} of version {version} differs from the sum {} of the rows at cursor {cursor}",
                self.sum
            ));
        }
    }

    fn leave(&mut self, farewell: Farewell) {
        self.farewell = Some(farewell);
        self.phase = Phase::Leaving;
    }
}

/// What a row adds to the total.
fn share(row: &Conversation) -> u64 {
    if row.recv_opt == RecvOpt::Receive { row.unread_count } else { 0 }
}
