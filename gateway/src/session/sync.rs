//! How a sync runs: one at a time, from its first read to its finish or its failure.

use super::{
    Output, ReadRequest, Session, SyncRead,
    comparison::Comparison,
    core::{FOLLOW_PATIENCE, Phase},
    frames,
    mailbox::Mailbox,
    notes::{GapCause, Note},
};
use conversation_protocol::{ApiError, Cursor, ErrorKind, Event, EventName, Frame, Head, Page, ReplaySlice, SyncMode};
use std::time::Duration;

/// After the first failure; doubled with each further one.
const RETRY_MIN_MS: u64 = 500;
/// However many failures, and whatever the store asks for.
const RETRY_MAX_MS: u64 = 30_000;

impl Session {
    /// A gap was found: a sync heals it, now or after the one under way.
    pub(super) fn request_sync(&mut self, mode: SyncMode, cause: GapCause, now: Duration, outputs: &mut Vec<Output>) {
        match self.phase {
            Phase::Live | Phase::Opening { .. } | Phase::Replaying { .. } => {
                outputs.push(Output::Note(Note::Gap(cause)));
            }
            // The sync that is to come heals it too.
            Phase::Unfollowed { .. } | Phase::Due { .. } | Phase::Closed => {}
        }
        self.sync(mode, now);
    }

    fn sync(&mut self, mode: SyncMode, now: Duration) {
        match &mut self.phase {
            Phase::Live => {
                self.phase = Phase::Due { mode, at: now };
                self.known = Some(self.newest_seen());
                self.mailbox.reset();
                self.filters.iter_mut().for_each(|filters| filters.forget());
            }
            Phase::Due { mode: due, .. } => *due = stronger(*due, mode),
            Phase::Opening { .. } | Phase::Replaying { .. } => {
                self.again = Some(self.again.map_or(mode, |again| stronger(again, mode)));
            }
            Phase::Unfollowed { .. } | Phase::Closed => {}
        }
    }

    /// Begins a sync that is due. What was hinted before this read is in it, so that the mailbox starts empty.
    pub(super) fn open(&mut self, mode: SyncMode, now: Duration, outputs: &mut Vec<Output>) {
        self.mailbox = Mailbox::default();
        match self.comparison {
            Comparison::Answered { .. } | Comparison::Ahead { .. } => self.comparison = Comparison::None,
            Comparison::None | Comparison::Asked { .. } => {}
        }
        match (mode, self.cursor) {
            (SyncMode::Replay, Some(since)) => {
                self.phase = Phase::Opening { asked: SyncMode::Replay, since: now };
                outputs.push(Output::Read(ReadRequest::Replay { since }));
            }
            (SyncMode::Full, _) | (SyncMode::Replay, None) => self.read_list(now, outputs),
        }
    }

    fn read_list(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        self.phase = Phase::Opening { asked: SyncMode::Full, since: now };
        outputs.push(Output::Read(ReadRequest::Full { window: self.window }));
    }

    /// Asks for the next slice of a replay.
    pub(super) fn read_on(&mut self, outputs: &mut Vec<Output>) {
        if let (Phase::Replaying { reading, .. }, Some(since)) = (&mut self.phase, self.cursor) {
            *reading = true;
            outputs.push(Output::Read(ReadRequest::Replay { since }));
        }
    }

    pub(super) fn sync_read(&mut self, read: SyncRead, now: Duration, outputs: &mut Vec<Output>) {
        let is_awaited = matches!(self.phase, Phase::Opening { .. } | Phase::Replaying { reading: true, .. });
        if !is_awaited {
            return;
        }
        match read {
            SyncRead::Replay(slice) => {
                if !self.close_if_kicked(&slice.head, now, outputs) {
                    self.slice(&slice, now, outputs);
                }
            }
            SyncRead::Page(page) => {
                if !self.close_if_kicked(&page.head, now, outputs) {
                    self.page(&page, now, outputs);
                }
            }
            SyncRead::Failed(error) => self.failed(&error, now, outputs),
        }
    }

    fn slice(&mut self, slice: &ReplaySlice, now: Duration, outputs: &mut Vec<Output>) {
        let head = slice.head.cursor;
        let known = self.known.replace(head);
        // Earlier slices left rows out whose newer states are among the lost writes.
        let went_back = known.is_some_and(|known| known.epoch == head.epoch && known.version > head.version);
        let servable = self.cursor.filter(|since| !went_back && slice.head.can_replay(*since, slice.changed));
        let Some(since) = servable else {
            return self.unservable(now, outputs);
        };
        let (began, first_read) = match self.phase {
            Phase::Replaying { began, since: first_read, .. } => (began, first_read),
            Phase::Opening { since: first_read, .. } => {
                self.start(SyncMode::Replay, now, outputs);
                (since.version, first_read)
            }
            // No read was asked for.
            Phase::Unfollowed { .. } | Phase::Due { .. } | Phase::Live | Phase::Closed => return,
        };
        // The first that a client without data gets is one frame, as in a live flush.
        let given = if since == Cursor::EMPTY { frames::first_frame(&slice.entries) } else { slice.entries.len() };
        let entries = &slice.entries[..given];
        if let Some(last) = entries.last() {
            let reached = Cursor { epoch: head.epoch, version: last.version(), read_at: head.version };
            self.give(frames::changes(entries, began), reached, now, outputs);
            outputs.push(Output::Note(Note::SyncRows(SyncMode::Replay, entries.len())));
        }
        if entries.is_empty() || slice.changed <= entries.len() as u64 {
            let took = now.saturating_sub(first_read);
            outputs.push(Output::Note(Note::SyncFinished { mode: SyncMode::Replay, took }));
            self.finish(SyncMode::Replay, &slice.head, None, now, outputs);
        } else {
            self.phase = Phase::Replaying { began, reading: false, since: first_read };
        }
    }

    /// The head refuses the cursor: a full sync, after the failure of the replay if that has begun.
    fn unservable(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        match self.phase {
            Phase::Replaying { .. } => {
                let message = "the store can no longer serve the rest of this replay";
                self.fail(SyncMode::Replay, ErrorKind::Internal.code(), message, Duration::ZERO, now, outputs);
                self.mailbox = Mailbox::default();
                self.phase = Phase::Due { mode: SyncMode::Full, at: now };
                self.again = None;
            }
            Phase::Unfollowed { .. } | Phase::Due { .. } | Phase::Opening { .. } | Phase::Live | Phase::Closed => {
                self.read_list(now, outputs);
            }
        }
    }

    fn page(&mut self, page: &Page, now: Duration, outputs: &mut Vec<Output>) {
        let Phase::Opening { since, .. } = self.phase else { return };
        self.known = Some(page.head.cursor);
        self.start(SyncMode::Full, now, outputs);
        let mut frames = Vec::new();
        frames::rows(EventName::NewConversation, &page.rows, &mut frames);
        self.send(frames, now, outputs);
        outputs.push(Output::Note(Note::SyncRows(SyncMode::Full, page.rows.len())));
        let took = now.saturating_sub(since);
        outputs.push(Output::Note(Note::SyncFinished { mode: SyncMode::Full, took }));
        self.finish(SyncMode::Full, &page.head, Some((page.next_seq, page.is_finished)), now, outputs);
    }

    fn start(&mut self, mode: SyncMode, now: Duration, outputs: &mut Vec<Output>) {
        outputs.push(Output::Note(Note::SyncStarted(mode)));
        self.send([Frame::new(&Event::SyncServerStart { mode })], now, outputs);
    }

    fn finish(
        &mut self,
        mode: SyncMode,
        head: &Head,
        page_end: Option<(u64, bool)>,
        now: Duration,
        outputs: &mut Vec<Output>,
    ) {
        let mut finish = Frame::new(&Event::SyncServerFinish {
            mode,
            next_seq: page_end.map(|(next_seq, _)| next_seq),
            is_finished: page_end.map(|(_, is_finished)| is_finished),
            conversation_group_list: head.group_names.clone(),
            conversation_count: head.row_count,
        });
        finish.cursor = Some(head.cursor);
        self.send([frames::total(head.total_unread, head.cursor.version), finish], now, outputs);
        self.cursor = Some(head.cursor);
        self.total_sent = head.total_unread;
        self.failures = 0;
        self.phase = Phase::Live;
        if let (SyncMode::Full, Some(filters)) = (mode, &mut self.filters) {
            filters.restart();
        }
        if !self.mailbox.settle(head.cursor, head.total_unread) {
            self.request_sync(SyncMode::Replay, GapCause::UnsettledSync, now, outputs);
        }
        if let Some(mode) = self.again.take() {
            self.sync(mode, now);
        }
        if self.is_live() {
            self.judge_comparison(now, outputs);
        }
    }

    fn failed(&mut self, error: &ApiError, now: Duration, outputs: &mut Vec<Output>) {
        let failed = match self.phase {
            Phase::Opening { asked, .. } => {
                self.start(asked, now, outputs);
                asked
            }
            Phase::Unfollowed { .. } | Phase::Due { .. } | Phase::Replaying { .. } | Phase::Live | Phase::Closed => {
                SyncMode::Replay
            }
        };
        let pause = self.pause().max(Duration::from_millis(error.retry_after_ms.unwrap_or(0).min(RETRY_MAX_MS)));
        let mode = self.again.take().map_or(failed, |again| stronger(again, failed));
        self.fail(failed, error.kind.code(), &error.message, pause, now, outputs);
        self.mailbox = Mailbox::default();
        self.phase = Phase::Due { mode, at: now + pause };
    }

    /// The hints cannot be followed for long already: says so, and waits on.
    pub(super) fn late(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        let mode = if self.cursor.is_some() { SyncMode::Replay } else { SyncMode::Full };
        self.start(mode, now, outputs);
        let message = "changes cannot be followed at present";
        self.fail(mode, ErrorKind::StoreUnavailable.code(), message, FOLLOW_PATIENCE, now, outputs);
        self.phase = Phase::Unfollowed { patience_until: now + FOLLOW_PATIENCE };
    }

    fn fail(
        &mut self,
        mode: SyncMode,
        code: u32,
        message: &str,
        pause: Duration,
        now: Duration,
        outputs: &mut Vec<Output>,
    ) {
        outputs.push(Output::Note(Note::SyncFailed(mode)));
        let retry_after_ms = pause.as_millis() as u64;
        let failed = Event::SyncServerFailed { code, message: message.to_owned(), retry_after_ms };
        self.send([Frame::new(&failed)], now, outputs);
    }

    /// How long to wait after one more failure; up to half of it is spread.
    fn pause(&mut self) -> Duration {
        let base = (RETRY_MIN_MS << self.failures.min(6)).min(RETRY_MAX_MS * 2 / 3);
        let spread = self.jitter.rotate_left(self.failures * 7) % (base / 2 + 1);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(base + spread)
    }
}

fn stronger(one: SyncMode, other: SyncMode) -> SyncMode {
    match (one, other) {
        (SyncMode::Replay, SyncMode::Replay) => SyncMode::Replay,
        (SyncMode::Full, _) | (_, SyncMode::Full) => SyncMode::Full,
    }
}
